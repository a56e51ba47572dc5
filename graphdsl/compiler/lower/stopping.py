"""The setting `stop`: an expression of calls comes in, a criterion goes out, every part checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphdsl.compiler.lower import expressions
from graphdsl.compiler.lower.context import Frame, Lowering
from graphdsl.compiler.lower.criteria import (
    COUNTED,
    FORMS,
    After,
    Criterion,
    EarlyStop,
    Plateau,
)
from graphdsl.compiler.lower.habits import ONE_WAY, argument_help
from graphdsl.compiler.lower.scope import Scope
from graphdsl.compiler.lower.values import Poison, describe
from graphdsl.graph.build import Builder
from graphdsl.graph.graph import Result
from graphdsl.language import ast
from graphdsl.language.diagnostics import (
    Diagnostic,
    Report,
    UsageError,
    did_you_mean,
)
from graphdsl.language.parser import parse_settings
from graphdsl.language.source import Source

HELP = ("stop = early(J, patience = 10)", "stop = early(J) or after(epochs = 50)")


def read_stop(frame: Frame, expr: ast.Expr) -> Criterion | None:
    """What `stop` says; None with the fault reported."""
    match expr:
        case ast.Binary(op="and" | "or" as op, left=left, right=right):
            # both sides are read, so that the faults of both are told
            sides = (read_stop(frame, left), read_stop(frame, right))
            if sides[0] is None or sides[1] is None:
                return None
            return sides[0] & sides[1] if op == "and" else sides[0] | sides[1]
        case ast.Call(function=ast.Name(id=name)) if name in FORMS:
            return _read_call(frame, expr, name)
        case ast.Call(function=ast.Name(id=name, span=span)):
            help = did_you_mean(name, FORMS) or (f"there are {', '.join(FORMS)}",)
            frame.error("E0506", f"'{name}' is no criterion of 'stop'", span, help=help)
        case _:
            message = "'stop' is a call of early, plateau or after, or several with and, or"
            frame.error("E0506", message, expr.span, help=HELP)
    return None


def _read_call(frame: Frame, call: ast.Call, name: str) -> Criterion | None:
    options = _read_options(frame, call, name)
    if name == "after":
        return None if options is None else _read_after(frame, call, options)
    watched = _read_watched(frame, call, name)
    if options is None or watched is None:
        return None
    watch, maximise = watched
    if name == "early":
        return EarlyStop(watch, maximise, **options)
    plateau = Plateau(watch, maximise, **options)
    role = {r.name: r.role for r in frame.shared.results}[watch]
    if plateau.part == "train" and role != "loss":
        message = f"'{watch}' is a metric, and of the train part the loss alone is measured"
        help = [f"plateau({watch}) watches it on the valid part"]
        frame.error("E0506", message, call.span, help=help)
        return None
    return plateau


def _read_after(frame: Frame, call: ast.Call, options: Mapping[str, Any]) -> After | None:
    if len(options) == 1:
        ((counted, count),) = options.items()
        return After(next(c for c in COUNTED if c == counted), count)
    few = "'after' says how much of the run is over, and nothing is given"
    many = "'after' takes one of epochs, steps and seconds"
    both = " and ".join(f"after({name} = …)" for name in options)
    help = [f"{both}, or with or between them"] if options else ["after(epochs = 5)"]
    frame.error("E0506", many if options else few, call.span, help=help)
    return None


def _read_watched(frame: Frame, call: ast.Call, name: str) -> tuple[str, bool] | None:
    """The loss or metric that is watched, and whether it is maximised; `-m` turns that round."""
    results = {r.name: r for r in frame.shared.results if r.role != "output"}
    if not call.args:
        help = [f"{name}({next(iter(results), 'J')})"]
        frame.error("E0506", f"'{name}' watches a loss or a metric", call.span, help=help)
        return None
    watched, turned = call.args[0], False
    if isinstance(watched, ast.Unary) and watched.op == "-":
        watched, turned = watched.operand, True
    if isinstance(watched, ast.Name) and watched.id in results:
        return watched.id, (results[watched.id].role == "metric") != turned
    found = frame.scope.find(watched.id) if isinstance(watched, ast.Name) else None
    if found is None or not isinstance(found.value, Poison):
        word = watched.id if isinstance(watched, ast.Name) else ""
        known = did_you_mean(word, results) or [f"there are {', '.join(results) or 'none'}"]
        frame.error("E0506", f"'{name}' watches a loss or a metric", watched.span, help=known)
    return None


def _read_options(frame: Frame, call: ast.Call, name: str) -> dict[str, Any] | None:
    """The arguments by name, each of its kind; None with the first fault reported."""
    form, pairs = FORMS[name], _pair_options(frame, call, name)
    options: dict[str, Any] = {}
    for key, expr in pairs or ():
        value = expr.value if isinstance(expr, ast.String) else expressions.evaluate(frame, expr)
        if isinstance(value, Poison):
            return None
        if not form.kinds[key].fits(value):
            said = f'"{value}"' if isinstance(value, str) else describe(value)
            message = f"'{key}' is {form.kinds[key].words}, not {said}"
            frame.error("E0502", message, expr.span)
            return None
        options[key] = value
    return None if pairs is None else options


def _pair_options(frame: Frame, call: ast.Call, name: str) -> Sequence[tuple[str, ast.Expr]] | None:
    form = FORMS[name]
    given = call.args[1:] if form.watches else call.args
    if len(given) > len(form.kinds) or (given and not form.watches):
        shown = [*(["m"] if form.watches else []), *(f"{key} = …" for key in form.kinds)]
        message = f"'{name}' takes other arguments than these"
        if not form.watches:
            message, shown = f"'{name}' says by name what it counts", ["epochs = …"]
        frame.error("E0506", message, call.span, help=[f"{name}({', '.join(shown)})"])
        return None
    pairs: list[tuple[str, ast.Expr]] = list(zip(form.kinds, given, strict=False))
    for keyword in call.keywords:
        key, span = keyword.name.id, keyword.name.span
        if key not in form.kinds:
            help = argument_help(key, form.kinds)
            frame.error("E0403", f"'{name}' has no argument '{key}'", span, help=help)
            return None
        if any(key == taken for taken, _ in pairs):
            frame.error("E0415", f"'{key}' is given twice", span, help=ONE_WAY)
            return None
        pairs.append((key, keyword.value))
    return pairs


def parse_stop(text: str, results: Sequence[Result]) -> Criterion:
    """What a text says that stands for the setting, as in `fit(stop="early(J) or …")`.

    Raises `UsageError` with every fault, placed in the text.
    """
    settings, faults = parse_settings(Source(f"stop = {text}\n", "<stop>"))
    if faults:
        raise UsageError(faults)
    if len(settings) != 1:
        message = f"'stop' is one expression, not {text!r}"
        raise UsageError(Diagnostic("E0506", message, (), HELP[1:]))
    shared = Lowering(Builder(), Report(), {}, training=True, results=list(results))
    found = read_stop(Frame(shared, Scope()), settings[0].value)
    if shared.report.errors or found is None:
        raise UsageError(shared.report.errors)
    return found
