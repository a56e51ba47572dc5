"""The `data` and `train` blocks: settings checked and evaluated, ready for the trainer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphdsl.compiler.lower import expressions
from graphdsl.compiler.lower.context import Frame
from graphdsl.compiler.lower.optimizers import UpdateRule, read_optimizer
from graphdsl.compiler.lower.values import Poison, describe
from graphdsl.graph.graph import Variable
from graphdsl.language import ast
from graphdsl.language.diagnostics import Label, did_you_mean, suggest
from graphdsl.language.settings import DATA, KINDS, TRAIN, Setting, check_setting
from graphdsl.language.source import Span
from graphdsl.language.walk import children


@dataclass(frozen=True, slots=True)
class EarlyStop:
    """`early(metric, patience)`: stop when the valid part's value has not improved for so long."""

    watch: str
    maximise: bool
    patience: int
    min_delta: float = 0.0


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """What a `train` block says; `given` names the settings it says it of."""

    values: Mapping[str, Any]
    rule: UpdateRule | None
    stop: EarlyStop | None
    given: Mapping[str, Span] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DataSettings:
    """What a `data` block says: plain settings, and an expression over columns for each input."""

    values: Mapping[str, Any]
    bindings: Mapping[str, ast.Setting]
    given: Mapping[str, Span]
    span: Span


def read_data(frame: Frame, block: ast.Data) -> DataSettings:
    """The settings of a `data` block."""
    plain = {s.key: s for s in DATA}
    bindings = {}
    inputs = frame.shared.inputs
    ordinary: list[ast.Setting] = []
    for setting in _once(frame, block.settings):
        key = setting.key.id
        if key in inputs:
            bindings[key] = setting
            _use_constants(frame, setting.value)
        elif key in plain:
            ordinary.append(setting)
        else:
            known = [*inputs, *plain]
            help = did_you_mean(key, known) or [f"inputs here: {', '.join(inputs) or 'none'}"]
            message = f"'{key}' is neither an input nor a setting of 'data'"
            frame.error("E0501", message, setting.key.span, help=help)
    values, given = _values(frame, plain, ordinary)
    written = {setting.key.id for setting in block.settings}
    near = {suggest(key, plain) for key in written - plain.keys() - inputs.keys()}
    missing = [name for name in inputs if name not in bindings and not frame.shared.broken]
    if missing:
        frame.error(
            "E0504",
            f"'data' binds nothing to the input '{missing[0]}'",
            block.span,
            more=_declared(frame, missing[0]),
            help=[f"add '{missing[0]} = COLUMN'"],
        )
    if "stratify" in given and not {"split"} & (written | near | frame.shared.broken):
        message, help = "'stratify' divides nothing without 'split'", ["split = [0.6, 0.2, 0.2]"]
        frame.error("E0503", message, given["stratify"], help=help)
    if not {"source", "train"} & (written | near | frame.shared.broken):
        frame.error("E0503", "'data' names no 'source'", block.span, help=['source = "data.npz"'])
    return DataSettings(values, bindings, given, block.span)


def _declared(frame: Frame, name: str) -> list[Label]:
    """The place of an input's declaration; nowhere if its name was bound before."""
    binding = frame.scope.nodes.get(name)
    return [Label(binding.span, "the input", primary=False)] if binding else []


def read_train(frame: Frame, block: ast.Train, params: Sequence[Variable]) -> TrainSettings:
    """The settings of a `train` block, its optimizer's rule checked on every parameter."""
    plain = {s.key: s for s in TRAIN}
    special = {"optimizer", "stop"}
    ordinary, rule, stop = [], None, None
    frame = frame.inside(step_names=True)
    given: dict[str, Span] = {}
    for setting in _once(frame, block.settings):
        key = setting.key.id
        if key not in plain:
            help = did_you_mean(key, plain) or [f"there are {', '.join(plain)}"]
            message = f"'{key}' is no setting of 'train'"
            frame.error("E0501", message, setting.key.span, help=help)
        elif key not in special:
            ordinary.append(setting)
        else:
            given[key] = setting.span
            if key == "optimizer":
                rule = read_optimizer(frame, setting.value, params)
            else:
                stop = _early(frame, setting.value)
    values, more = _values(frame, plain, ordinary)
    if rule is not None:
        _check_scales(frame, rule, params)
    return TrainSettings(values, rule, stop, given | more)


def defaults(table: Sequence[Setting]) -> dict[str, Any]:
    """The values that settings have when a file says nothing of them."""
    return {setting.key: setting.default for setting in table}


def _use_constants(frame: Frame, expr: ast.Expr) -> None:
    """Whatever an expression over columns names counts as used: which are columns shows later."""
    waiting: list[ast.Node] = [expr]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and node.id in frame.scope.bindings:
            frame.scope.bindings[node.id].used = True
        waiting += children(node)


def _once(frame: Frame, settings: Sequence[ast.Setting]) -> list[ast.Setting]:
    seen: dict[str, ast.Setting] = {}
    for setting in settings:
        first = seen.setdefault(setting.key.id, setting)
        if first is not setting:
            more = [Label(first.key.span, "first set here", primary=False)]
            message = f"'{setting.key.id}' is set twice"
            frame.error("E0501", message, setting.key.span, more=more)
    return list(seen.values())


def _values(
    frame: Frame, plain: Mapping[str, Setting], settings: Sequence[ast.Setting]
) -> tuple[dict[str, Any], dict[str, Span]]:
    values = {key: spec.default for key, spec in plain.items()}
    given = {}
    for setting in settings:
        key, written = setting.key.id, setting.value
        if plain[key].kind in ("path", "column") and isinstance(written, ast.Name):
            message = f"'{key}' is {KINDS[plain[key].kind]}, not a name"
            frame.error("E0502", message, written.span, help=[f'{key} = "{written.id}"'])
            continue
        value = _value(frame, written)
        if isinstance(value, Poison):
            continue
        wanted = check_setting(plain[key], value)
        if wanted is not None:
            message = f"'{key}' is {wanted}, not {describe(value)}"
            frame.error("E0502", message, written.span)
            continue
        values[key] = value
        given[key] = setting.span
    return values, given


def _value(frame: Frame, expr: ast.Expr) -> Any:
    """A setting's value: `all` is a word of its own here."""
    if isinstance(expr, ast.Name) and expr.id == "all":
        return "all"
    return expressions.evaluate(frame, expr)


def _early(frame: Frame, expr: ast.Expr) -> EarlyStop | None:
    """`early(metric, patience = 5)`; a loss is minimised, a metric maximised, `-m` the reverse."""
    help = ["stop = early(accuracy, patience = 10)"]
    named = isinstance(expr, ast.Call) and isinstance(expr.function, ast.Name)
    if not named or expr.function.id != "early" or len(expr.args) not in (1, 2):  # type: ignore[union-attr]
        frame.error("E0506", "'stop' is a call of early", expr.span, help=help)
        return None
    assert isinstance(expr, ast.Call)
    watched, turned = expr.args[0], False
    if isinstance(watched, ast.Unary) and watched.op == "-":
        watched, turned = watched.operand, True
    results = {r.name: r for r in frame.shared.results if r.role != "output"}
    if not isinstance(watched, ast.Name) or watched.id not in results:
        poisoned = isinstance(watched, ast.Name) and frame.scope.find(watched.id)
        if poisoned and isinstance(poisoned.value, Poison):
            return None
        word = watched.id if isinstance(watched, ast.Name) else ""
        known = did_you_mean(word, results) or [f"there are {', '.join(results) or 'none'}"]
        frame.error("E0506", "'early' watches a loss or a metric", watched.span, help=known)
        return None
    options = _early_options(frame, expr)
    if options is None:
        return None
    maximise = (results[watched.id].role == "metric") != turned
    return EarlyStop(watched.id, maximise, int(options["patience"]), options["min_delta"])


def _early_options(frame: Frame, expr: ast.Call) -> dict[str, float] | None:
    options: dict[str, float] = {"patience": 5, "min_delta": 0.0}
    pairs = [("patience", arg) for arg in expr.args[1:]]
    for keyword in expr.keywords:
        if keyword.name.id not in options:
            help = did_you_mean(keyword.name.id, options) or [f"there are {', '.join(options)}"]
            message = f"'early' has no argument '{keyword.name.id}'"
            frame.error("E0403", message, keyword.name.span, help=help)
            return None
        pairs.append((keyword.name.id, keyword.value))
    for name, value_expr in pairs:
        value = expressions.evaluate(frame, value_expr)
        if isinstance(value, Poison):
            return None
        whole = isinstance(value, int) and not isinstance(value, bool)
        fits = whole if name == "patience" else whole or isinstance(value, float)
        if not fits or value < 0:  # type: ignore[operator]
            wanted = "a whole number, 0 or more" if name == "patience" else "a number, 0 or more"
            message = f"'{name}' is {wanted}, not {describe(value)}"
            frame.error("E0502", message, value_expr.span)
            return None
        options[name] = value  # type: ignore[assignment]
    return options


def _check_scales(frame: Frame, rule: UpdateRule, params: Sequence[Variable]) -> None:
    for variable in params:
        for name, _ in variable.settings:
            if name not in rule.arguments:
                help = did_you_mean(name, rule.arguments) or [
                    f"the arguments of '{rule.name}': {', '.join(rule.arguments)}"
                ]
                span = frame.shared.settings[variable.name, name]
                message = f"the optimizer '{rule.name}' has no argument '{name}'"
                frame.error("E0313", message, span, help=help)
