"""The settings of a run: what the file says, overridden by keywords, every one checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from graphdsl.compiler.lower.criteria import Criterion, EarlyStop, Plateau, leaves, with_senses
from graphdsl.compiler.lower.optimizers import UpdateRule
from graphdsl.compiler.lower.scales import pattern_help
from graphdsl.compiler.lower.settings import defaults
from graphdsl.compiler.lower.stopping import parse_stop
from graphdsl.compiler.recipe import PLAIN, Recipe, find_unmatched, recipe_of
from graphdsl.driver import Compilation
from graphdsl.language.diagnostics import DataError, Diagnostic, UsageError, did_you_mean
from graphdsl.language.settings import DATA, SCALE, STEP_KEYS, TRAIN, Setting, check_setting
from graphdsl.training.stopping import early

Size = int | Literal["all"]
MAX_SEED = 2**64 - 1
_FIXED = ("optimizer",)


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How a model is trained: the `train` block's settings with their overrides."""

    batch: Size = 32
    epochs: int = 10
    seed: int = 0
    shuffle: bool = True
    eval_batch: Size = 1024
    stop: Criterion | None = None
    batch_is_default: bool = False
    """Whether nobody chose `batch`: fewer rows than that are one batch then."""
    accumulate: int = 1
    recipe: Recipe = PLAIN


def fit_settings(
    compilation: Compilation, overrides: Mapping[str, Any], seed: int | None = None
) -> FitSettings:
    """The settings of a run; `seed` is the model's, used where no override names one.

    `stop` may be None, a criterion such as `early("J") | after(epochs=50)`, the same as a file
    writes it, or the name of a loss or metric (`-name` turns its sense round). Raises `UsageError`
    for a setting that does not exist or a value that does not fit.
    """
    train = compilation.lowered(training=True).train
    values = dict(train.values) if train else defaults(TRAIN)
    stop = train.stop if train else None
    if seed is not None:
        values["seed"] = seed
    scales = dict(train.scales) if train else {}
    verify_overrides(overrides, TRAIN)
    verify_step(compilation, overrides)
    for key, value in overrides.items():
        if key == "stop":
            stop = _stop(compilation, value)
        elif key.startswith(SCALE):
            scales[key.removeprefix(SCALE)] = value or {}
        else:
            values[key] = value
    names = ("batch", "epochs", "seed", "shuffle", "eval_batch", "accumulate")
    default = "batch" not in overrides and (train is None or "batch" not in train.given)
    kept = {name: values[name] for name in names}
    recipe = recipe_of(values, scales)
    return FitSettings(**kept, stop=stop, batch_is_default=default, recipe=recipe)


def verify_step(compilation: Compilation, overrides: Mapping[str, Any]) -> None:
    """Raise `UsageError` for overrides of the optimizer's step that it has no use for."""
    train = compilation.lowered(training=True).train
    rule = train.rule if train else None
    given = [key for key, value in overrides.items() if value is not None]
    for key in (key for key in given if key in STEP_KEYS or key.startswith(SCALE)):
        if rule is None:
            message = f"'{key}' is part of the optimizer's step, and there is no optimizer"
            help = "name one in the train block: optimizer = adam(lr = 1e-3)"
            raise UsageError(Diagnostic("E0808", message, (), (help,)))
        if key.startswith(SCALE):
            _verify_scale(compilation, rule, key, overrides[key])


def _verify_scale(
    compilation: Compilation, rule: UpdateRule, key: str, factors: Mapping[str, float]
) -> None:
    argument = key.removeprefix(SCALE)
    if argument not in rule.arguments:
        known = [f"{SCALE}{name}" for name in rule.arguments]
        help = did_you_mean(key, known) or (f"its arguments: {', '.join(rule.arguments)}",)
        message = f"the optimizer '{rule.name}' has no argument '{argument}'"
        raise UsageError(Diagnostic("E0808", message, (), tuple(help)))
    trained = [v.name for v in compilation.graph().params if not v.frozen]
    pattern = find_unmatched(factors, trained)
    if pattern is not None:
        message = f"in '{key}', \"{pattern}\" matches no trained parameter"
        raise UsageError(Diagnostic("E0809", message, (), tuple(pattern_help(pattern, trained))))


def verify_mode(training: object) -> None:
    """Raise `UsageError` for a mode that is none: an input of that name was meant."""
    if not isinstance(training, bool):
        help = 'an input of that name is fed by a mapping in front: model.run({"training": …})'
        raise UsageError(Diagnostic("E0830", "'training' is True or False", (), (help,)))


def eval_batch(compilation: Compilation, chosen: Size | None = None) -> Size:
    """How many rows are computed at once where nothing is trained: what is chosen, or what the
    `train` block says; raises `UsageError` for what is no size."""
    overrides = {} if chosen is None else {"eval_batch": chosen}
    return fit_settings(compilation, overrides).eval_batch


def verify_batch(settings: FitSettings, rows: int, part: str = "train") -> None:
    """Raise `DataError` if a batch was chosen that is larger than a part."""
    size = settings.batch
    if size == "all" or size <= rows or not rows or settings.batch_is_default:
        return
    message = f"a batch is {size:,} rows, and the {part} part has {rows:,}"
    help = ("batch = all takes every row in one step", f"or choose {rows:,} at most")
    raise DataError(Diagnostic("E0625", message, (), help))


def data_settings(compilation: Compilation, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The plain settings of the `data` block with their overrides."""
    verify_overrides(overrides, DATA)
    data = compilation.lowered().data
    return {**(data.values if data else defaults(DATA)), **overrides}


def verify_overrides(overrides: Mapping[str, Any], table: tuple[Setting, ...]) -> None:
    """Raise `UsageError` unless every override is a setting of the table and fits it."""
    known = {setting.key: setting for setting in table if setting.key not in _FIXED}
    for key, value in overrides.items():
        if key in _FIXED:
            help = ("name it when loading: settings={'optimizer': 'adam(lr = 1e-3)'}",)
            message = f"'{key}' cannot be changed once the model is loaded"
            raise UsageError(Diagnostic("E0808", message, (), help))
        setting = known.get(f"{SCALE}ARG" if key.startswith(SCALE) else key)
        if setting is None:
            hint = did_you_mean(key, known) or (f"there are {', '.join(known)}",)
            raise UsageError(Diagnostic("E0808", f"there is no setting '{key}'", (), tuple(hint)))
        if setting.default is None and value is None:
            continue
        wanted = check_setting(setting, value)
        if setting.kind == "count" and wanted is None and value > MAX_SEED:
            wanted = "a whole number of 64 bits"
        if wanted is not None:
            raise UsageError(Diagnostic("E0809", f"'{key}' is {wanted}, not {_shown(value)}"))


def _shown(value: object) -> str:
    """A value as a message quotes it: what holds arrays is named by its type alone."""
    text = repr(value)
    return text if len(text) <= 60 and "\n" not in text else f"a {type(value).__name__}"


def split_overrides(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Overrides by block: those of `train`, those of `data`; an unknown one is left to `train`."""
    of_data = {setting.key for setting in DATA}
    train = {key: value for key, value in settings.items() if key not in of_data}
    return train, {key: value for key, value in settings.items() if key in of_data}


def _stop(compilation: Compilation, value: Any) -> Criterion | None:
    if value is None:
        return None
    results = [r for r in compilation.graph().results if r.role != "output"]
    roles: dict[str, str] = {r.name: r.role for r in results}
    if isinstance(value, str) and value.removeprefix("-").isidentifier():
        watching, turned = early(value.removeprefix("-")), value.startswith("-")
        _verify_watched(watching, roles)
        return replace(watching, maximise=(roles[watching.watch] == "metric") != turned)
    if isinstance(value, str):
        return parse_stop(value, results)
    if not isinstance(value, Criterion):
        message = f"'stop' is early(…), plateau(…), after(…), a name or None, not {_shown(value)}"
        raise UsageError(Diagnostic("E0809", message))
    stop: Criterion = value
    _verify_watched(stop, roles)
    return with_senses(stop, roles)


def _verify_watched(stop: Criterion, roles: Mapping[str, str]) -> None:
    """Raise `UsageError` if something is watched that is not reported."""
    for leaf in leaves(stop):
        if not isinstance(leaf, EarlyStop | Plateau):
            continue
        if leaf.watch not in roles:
            help = did_you_mean(leaf.watch, roles) or (f"there are {', '.join(roles) or 'none'}",)
            message = f"'stop' watches a loss or a metric, and '{leaf.watch}' is neither"
            raise UsageError(Diagnostic("E0831", message, (), tuple(help)))
        if isinstance(leaf, Plateau) and leaf.part == "train" and roles[leaf.watch] != "loss":
            message = f"of the train part the loss alone is measured, not '{leaf.watch}'"
            help = ('part="valid" watches it on the valid part',)
            raise UsageError(Diagnostic("E0831", message, (), help))
