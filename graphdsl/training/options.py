"""The settings of a run: what the file says, overridden by keywords, every one checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from graphdsl.compiler.lower.settings import EarlyStop, defaults
from graphdsl.driver import Compilation
from graphdsl.language.diagnostics import Diagnostic, UsageError, did_you_mean
from graphdsl.language.settings import DATA, TRAIN, Setting, check_setting
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
    stop: EarlyStop | None = None


def fit_settings(
    compilation: Compilation, overrides: Mapping[str, Any], seed: int | None = None
) -> FitSettings:
    """The settings of a run; `seed` is the model's, used where no override names one.

    `stop` may be None, an `EarlyStop`, or the name of a loss or metric (`-name` turns its sense
    round). Raises `UsageError` for a setting that does not exist or a value that does not fit.
    """
    train = compilation.lowered(training=True).train
    values = dict(train.values) if train else defaults(TRAIN)
    stop = train.stop if train else None
    if seed is not None:
        values["seed"] = seed
    check_overrides(overrides, TRAIN)
    for key, value in overrides.items():
        if key == "stop":
            stop = _stop(compilation, value)
        else:
            values[key] = value
    names = ("batch", "epochs", "seed", "shuffle", "eval_batch")
    return FitSettings(**{name: values[name] for name in names}, stop=stop)


def data_settings(compilation: Compilation, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The plain settings of the `data` block with their overrides."""
    check_overrides(overrides, DATA)
    data = compilation.lowered().data
    return {**(data.values if data else defaults(DATA)), **overrides}


def check_overrides(overrides: Mapping[str, Any], table: tuple[Setting, ...]) -> None:
    """Raise `UsageError` unless every override is a setting of the table and fits it."""
    known = {setting.key: setting for setting in table if setting.key not in _FIXED}
    for key, value in overrides.items():
        if key in _FIXED:
            help = ("the optimizer is compiled with the model: name it in the train block",)
            message = f"'{key}' cannot be changed once the model is loaded"
            raise UsageError(Diagnostic("E0808", message, (), help))
        if key not in known:
            hint = did_you_mean(key, known) or (f"there are {', '.join(known)}",)
            raise UsageError(Diagnostic("E0808", f"there is no setting '{key}'", (), tuple(hint)))
        if known[key].default is None and value is None:
            continue
        wanted = check_setting(known[key], value)
        if known[key].kind == "count" and wanted is None and value > MAX_SEED:
            wanted = "a whole number of 64 bits"
        if wanted is not None:
            raise UsageError(Diagnostic("E0809", f"'{key}' is {wanted}, not {value!r}"))


def split_overrides(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Overrides by block: those of `train`, those of `data`; an unknown one is left to `train`."""
    of_data = {setting.key for setting in DATA}
    train = {key: value for key, value in settings.items() if key not in of_data}
    return train, {key: value for key, value in settings.items() if key in of_data}


def _stop(compilation: Compilation, value: Any) -> EarlyStop | None:
    if value is None or isinstance(value, EarlyStop):
        watch = value.watch if value else None
    elif isinstance(value, str):
        watch = value.removeprefix("-")
    else:
        message = f"'stop' is early(…), a name or None, not {value!r}"
        raise UsageError(Diagnostic("E0809", message))
    if watch is None:
        return None
    roles = {r.name: r.role for r in compilation.graph().results if r.role != "output"}
    if watch not in roles:
        help = did_you_mean(watch, roles) or (f"there are {', '.join(roles) or 'none'}",)
        message = f"'stop' watches a loss or a metric, and '{watch}' is neither"
        raise UsageError(Diagnostic("E0809", message, (), tuple(help)))
    if isinstance(value, EarlyStop):
        return value
    return early(watch, maximise=(roles[watch] == "metric") != value.startswith("-"))
