"""Names: what one stands for, and what is said of one that stands for nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphdsl.compiler.lower import dotted, expressions, habits
from graphdsl.compiler.lower.context import Frame, Inside
from graphdsl.compiler.lower.scope import STEP_NAMES, universal
from graphdsl.compiler.lower.values import POISON, Poison, Value
from graphdsl.graph.graph import Origin
from graphdsl.graph.op import OPS
from graphdsl.graph.types import DType
from graphdsl.language import ast
from graphdsl.language.diagnostics import Label, did_you_mean
from graphdsl.language.source import Span

MAX_SUGGESTIONS = 50
"""Diagnostics after which no near names are looked for."""


def lookup(frame: Frame, expr: ast.Name, called: bool = False) -> Value:
    """The value of a name; where it is `called`, functions are what may have been meant."""
    name = expr.id
    binding = frame.scope.find(name)
    if binding is not None:
        binding.used = True
        frame.shared.mode_reads += binding.by_mode
        return binding.value
    if name == "training":
        frame.shared.mode_reads += 1
        return frame.shared.training
    if name in STEP_NAMES and frame.step_names:
        frame.shared.builder.origin = Origin(expr.span, frame.trail)
        return frame.shared.builder.apply(OPS["clock"], (), {"which": name})
    value = universal(name, frame.shared.float)
    if value is not None:
        return value
    return report_unknown(frame, expr, lambda: near_names(frame, expr.id, called))


def callee(frame: Frame, call: ast.Call) -> Value:
    """What a call calls."""
    function = call.function
    if isinstance(function, ast.Attribute):
        return dotted.attribute(frame, function, call)
    if not isinstance(function, ast.Name):
        return expressions.evaluate(frame, function)
    value = lookup(frame, function, called=True)
    if not isinstance(value, DType):
        return value
    written = call.args[0].span.text if len(call.args) == 1 else "x"
    help = [f"a change of type is written cast({written}, {function.id})"]
    return frame.error("E0406", f"the type {function.id} is not called", function.span, help=help)


def unknown_size(frame: Frame, expr: ast.Name) -> Poison:
    """Report a name that nothing binds, where a size is wanted."""
    name = "N" if habits.of_name(expr.id) else expr.id
    declared = f"a size that data binds is declared: dim {name}"
    sizes, *_ = frame.scope.near()
    return report_unknown(frame, expr, lambda: did_you_mean(expr.id, sizes) or [declared])


def report_unknown(frame: Frame, expr: ast.Name, find_help: Callable[[], Sequence[str]]) -> Poison:
    """Report a name that nothing binds here."""
    if expr.id in frame.shared.broken:
        return POISON
    later = frame.shared.later.get(expr.id)
    if later is not None and later.source is expr.span.source and not frame.active:
        return _bound_elsewhere(frame, expr, later)
    hidden = frame.scope.hidden(expr.id)
    place = hidden.span if hidden else later
    if place is not None and place.source is expr.span.source:
        return _not_seen(frame, expr, place)
    inside = frame.shared.inside.get(expr.id)
    if inside is not None and inside.span.source is expr.span.source and not frame.active:
        return _bound_inside(frame, expr, inside)
    # looking for near names takes time in proportion to a file's names: not for every error of many
    few = len(frame.shared.report.diagnostics) < MAX_SUGGESTIONS
    help = find_help() if few else ()
    return frame.error("E0301", f"'{expr.id}' is not bound", expr.span, "not found", help=help)


def near_names(frame: Frame, name: str, called: bool) -> Sequence[str]:
    """What was meant by a name: one of another language, or one that is near."""
    if name in STEP_NAMES:
        return [f"'{name}' exists only in optimizers and in the train block"]
    if name == "T":
        return ["a transpose is written x.T; a size that data binds is declared: dim T"]
    help = habits.of_name(name)
    if help:
        return help
    functions = did_you_mean(name, *frame.scope.near(called=True)) if called else ()
    return (
        functions or did_you_mean(name, *frame.scope.near()) or _declarations(frame, name, called)
    )


def _declarations(frame: Frame, name: str, called: bool) -> Sequence[str]:
    """How a name that is like no other would be bound."""
    if called:
        return [f"a function of your own is declared: block {name}(x) {{ return … }}"]
    if frame.active:
        return [f"a number is declared 'const {name} = …', what else a block needs is an argument"]
    if frame.step_names:
        return [f"a number is declared: const {name} = …"]
    return [f"a number is declared 'const {name} = …', what is fed 'input {name}'"]


def _not_seen(frame: Frame, expr: ast.Name, place: Span) -> Poison:
    """Report a node of the file where none is seen."""
    help = "settings are constants: write 'const'"
    if frame.active:
        help = "blocks see constants, sizes and blocks: hand a node over as an argument"
    return frame.error(
        "E0301",
        f"'{expr.id}' is a node of the file, and is not seen here",
        expr.span,
        "not found",
        more=[Label(place, "bound here", primary=False)],
        help=[help],
    )


def _bound_elsewhere(frame: Frame, expr: ast.Name, place: Span) -> Poison:
    """Report a name of the file that is bound further down, or by this very statement."""
    message, text = f"'{expr.id}' is used before it is bound", "bound here"
    help = "statements run from the top down: move the declaration up"
    if place.line == expr.span.line:
        message, text = f"'{expr.id}' is used in its own definition", "defined here"
        help = "a value that goes from step to step is a 'state' with its 'update'"
    elif place.start < expr.span.start:
        message = f"'{expr.id}' is no constant"
        help = "constants and defaults are computed from constants; a node has no 'const'"
    return frame.error(
        "E0303",
        message,
        expr.span,
        "used here",
        more=[Label(place, text, primary=False)],
        help=[help],
    )


def _bound_inside(frame: Frame, expr: ast.Name, inside: Inside) -> Poison:
    """Report a name that a loop or a block keeps to itself."""
    help = f"bind '{expr.id}' before the loop too: the loop then carries it, and leaves its last"
    if inside.owner == "block":
        help = "what a block returns is bound where it is called: y = block(x)"
    return frame.error(
        "E0301",
        f"'{expr.id}' is bound inside a {inside.owner} alone",
        expr.span,
        "not found",
        more=[Label(inside.span, "bound here", primary=False)],
        help=[help],
    )


def is_bound(frame: Frame, name: str) -> bool:
    """Whether a name is bound anywhere in the file, or is known otherwise."""
    if frame.scope.find(name) is not None or universal(name, frame.shared.float) is not None:
        return True
    return name in (*STEP_NAMES, "training", *frame.shared.later)
