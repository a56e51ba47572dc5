"""The `data` and `train` blocks: settings checked and evaluated, ready for the trainer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphdsl.compiler.lower import expressions
from graphdsl.compiler.lower.context import Frame
from graphdsl.compiler.lower.criteria import Criterion
from graphdsl.compiler.lower.optimizers import UpdateRule, read_optimizer
from graphdsl.compiler.lower.scales import check_scales, read_scale
from graphdsl.compiler.lower.signs import warn_of_signs
from graphdsl.compiler.lower.stopping import read_stop
from graphdsl.compiler.lower.values import OptimizerFunction, Poison, describe
from graphdsl.graph.graph import Variable
from graphdsl.language import ast
from graphdsl.language.amounts import UNITS
from graphdsl.language.diagnostics import Label, did_you_mean
from graphdsl.language.near import nearest
from graphdsl.language.settings import (
    DATA,
    KINDS,
    SCALE,
    STEP_KEYS,
    TRAIN,
    Setting,
    check_setting,
    is_number,
)
from graphdsl.language.source import Span
from graphdsl.language.walk import children


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """What a `train` block says; `given` names the settings it says it of."""

    values: Mapping[str, Any]
    rule: UpdateRule | None
    stop: Criterion | None
    given: Mapping[str, Span] = field(default_factory=dict)
    scales: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """For each argument of the optimizer that is scaled, its factors by pattern."""


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
    near = {nearest(key, plain) for key in written - plain.keys() - inputs.keys()}
    missing = [name for name in inputs if name not in bindings and not frame.shared.broken]
    if missing:
        frame.error(
            "E0504",
            f"'data' binds nothing to the input '{missing[0]}'",
            block.span,
            more=_declared(frame, missing[0]),
            help=[f"add '{missing[0]} = COLUMN'"],
        )
    if {"split", "split_by"} <= given.keys():
        message = "the train part comes from 'split' and from 'split_by'"
        more = [Label(given["split"], "drawn here", primary=False)]
        help = ["leave one of the two out"]
        frame.error("E0509", message, given["split_by"], more=more, help=help)
    if "stratify" in given and not {"split"} & (written | near | frame.shared.broken):
        message, help = "'stratify' divides nothing without 'split'", ["split = [0.6, 0.2, 0.2]"]
        frame.error("E0503", message, given["stratify"], help=help)
    if not {"source", "train", "data"} & (written | near | frame.shared.broken):
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
    whole = not frame.shared.report.errors
    given: dict[str, Span] = {}
    scaling: dict[str, ast.Setting] = {}
    scales: dict[str, Mapping[str, float]] = {}
    for setting in _once(frame, block.settings):
        key = setting.key.id
        if key.startswith(SCALE):
            given[key], argument = setting.span, key.removeprefix(SCALE)
            scaling[argument], scales[argument] = setting, read_scale(frame, setting) or {}
        elif key not in plain:
            help = _train_help(frame, key, plain)
            message = f"'{key}' is no setting of 'train'"
            frame.error("E0501", message, setting.key.span, help=help)
        elif key not in special:
            ordinary.append(setting)
        else:
            given[key] = setting.span
            if key == "optimizer":
                rule = read_optimizer(frame, setting.value, params)
            else:
                stop = read_stop(frame, setting.value)
    values, more = _values(frame, plain, ordinary)
    given |= more
    if rule is not None:
        check_scales(frame, rule, params, scaling, whole)
        if not frame.shared.report.errors:
            call = next(s.value for s in block.settings if s.key.id == "optimizer")
            warn_of_signs(frame, rule, call, params, scaling)
    elif "optimizer" not in given:
        _check_no_step(frame, block, given, plain)
    return TrainSettings(values, rule, stop, given, scales)


def _check_no_step(
    frame: Frame, block: ast.Train, given: Mapping[str, Span], plain: Mapping[str, Setting]
) -> None:
    """Report what is said of the optimizer's step where there is no optimizer."""
    unknown = {setting.key.id for setting in block.settings} - plain.keys()
    if "optimizer" in {nearest(key, plain) for key in unknown} | frame.shared.broken:
        return
    for key, span in given.items():
        if key in STEP_KEYS or key.startswith(SCALE):
            message = f"'{key}' is part of the optimizer's step, and there is no optimizer"
            frame.error("E0513", message, span, help=["optimizer = adam(lr = 1e-3)"])


def _train_help(frame: Frame, key: str, plain: Mapping[str, Setting]) -> Sequence[str]:
    """What was meant by a key of `train`: a setting nearly so called, an optimizer's argument."""
    prelude = frame.scope.fallback().bindings if frame.scope.fallback else {}
    rules = [b.value for b in prelude.values() if isinstance(b.value, OptimizerFunction)]
    owners = {f.name.id: r.optimizer.name.id for r in rules for f in r.optimizer.formals}
    if near := did_you_mean(key, [*plain, *(f"{SCALE}{name}" for name in owners)]):
        return near
    meant = key if key in owners else nearest(key, owners)
    if meant is not None:
        rule = "adam" if meant == "lr" else owners[meant]
        return [f"'{meant}' is an argument of the optimizer: optimizer = {rule}({meant} = …)"]
    return [f"there are {', '.join(plain)}"]


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
            help = ["leave one of the two out"]
            frame.error("E0512", message, setting.key.span, more=more, help=help)
    return list(seen.values())


def _values(
    frame: Frame, plain: Mapping[str, Setting], settings: Sequence[ast.Setting]
) -> tuple[dict[str, Any], dict[str, Span]]:
    values = {key: spec.default for key, spec in plain.items()}
    given = {}
    for setting in settings:
        key, written = setting.key.id, setting.value
        if plain[key].kind in ("path", "column") and isinstance(written, ast.Name | ast.Attribute):
            message = f"'{key}' is {KINDS[plain[key].kind]}, not a name"
            frame.error("E0502", message, written.span, help=[f'{key} = "{written.span.text}"'])
            continue
        if isinstance(written, ast.MapExpr):
            message = f"'{key}' is {KINDS[plain[key].kind]}, not a map"
            frame.error("E0502", message, written.span, help=["one value holds for all"])
            continue
        value = _value(frame, written)
        if isinstance(value, Poison):
            continue
        wanted = check_setting(plain[key], value)
        if wanted is not None:
            message = f"'{key}' is {wanted}, not {describe(value)}"
            frame.error("E0502", message, written.span, help=_respelled(plain[key], value))
            continue
        values[key] = value
        given[key] = setting.span
    return values, given


def _respelled(setting: Setting, value: Any) -> list[str]:
    """How a value that does not fit would, spelled in another way."""
    if isinstance(value, float) and value.is_integer() and not check_setting(setting, int(value)):
        return [f"{setting.key} = {int(value)}"]
    if isinstance(value, str) and value.isdecimal() and not check_setting(setting, int(value)):
        return [f"{setting.key} = {int(value)}"]
    if isinstance(value, str) and setting.kind == "memory":
        return [f"a number, then a unit: {', '.join(UNITS)}"]
    if setting.kind == "fractions" and isinstance(value, tuple | list):
        parts = [part for part in value if is_number(part)]
        return [f"these sum to {sum(parts):g}"] if len(parts) == len(value) > 0 else []
    return []


def _value(frame: Frame, expr: ast.Expr) -> Any:
    """A setting's value: `all` is a word of its own here."""
    if isinstance(expr, ast.Name) and expr.id == "all":
        return "all"
    return expressions.evaluate(frame, expr)
