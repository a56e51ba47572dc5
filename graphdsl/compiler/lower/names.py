"""Names: what one stands for, and what is said of one that stands for nothing."""

from __future__ import annotations

from collections.abc import Sequence

from graphdsl.compiler.lower import expressions
from graphdsl.compiler.lower.context import Frame
from graphdsl.compiler.lower.scope import STEP_NAMES, universal
from graphdsl.compiler.lower.values import POISON, Poison, Value
from graphdsl.graph.build import Expr
from graphdsl.graph.graph import Origin
from graphdsl.graph.op import OPS
from graphdsl.language import ast
from graphdsl.language.diagnostics import Label, did_you_mean
from graphdsl.language.source import Span

MAX_SUGGESTIONS = 100
"""Diagnostics after which no near names are looked for."""

_HABITS: dict[str, tuple[str, ...]] = {
    "log": ("the natural logarithm is called 'ln'",),
    "True": ("the truth values are 'true' and 'false'",),
    "False": ("the truth values are 'true' and 'false'",),
    "None": ("there is no 'None': leave the argument out",),
    "np": ("functions are called by their bare names: 'exp(x)'",),
    "range": ("a loop is written 'repeat i in 1..n { … }'",),
    "len": ("the size of an axis is size(x, 0)",),
    "pow": ("a power is written x^2",),
    "print": ("nothing is printed from a file: 'output y = …' is what 'run' shows",),
    "tensor": ("a constant tensor is a list: [[1, 2], [3, 4]]",),
    "array": ("a constant tensor is a list: [[1, 2], [3, 4]]",),
    "Input": ("an input is declared: input x: [N, 64]",),
    "Parameter": ("a parameter is declared: param W: [64, 10] ~ he_normal()",),
    "Times": ("a matrix product is written x @ W",),
    "Plus": ("a sum is written a + b",),
    "RectifiedLinear": ("it is called 'relu'",),
    "CrossEntropyWithSoftmax": ("it is called cross_entropy(z, y), of logits and labels",),
}
_METHODS: dict[str, str] = {
    "shape": "the size of an axis is size(x, 0)",
    "size": "the size of an axis is size(x, 0)",
    "ndim": "the rank of a node is the number of sizes it was declared with",
    "reshape": "it is a function: reshape(x, [2, -1])",
    "sum": "it is a function: sum(x, axis = 0)",
    "mean": "it is a function: mean(x, axis = 0)",
    "max": "it is a function: max(x, axis = 0)",
    "item": "a node without axes is a number already",
}


def lookup(frame: Frame, expr: ast.Name) -> Value:
    """The value of a name."""
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
    return unknown_name(frame, expr)


def unknown_name(frame: Frame, expr: ast.Name, help: Sequence[str] = ()) -> Poison:
    """Report a name that nothing binds here; `help` stands in where nothing better is known."""
    if expr.id in frame.shared.broken:
        return POISON
    later = frame.shared.later.get(expr.id)
    if later is not None and later.source is expr.span.source and not frame.active:
        return _bound_elsewhere(frame, expr, later)
    hidden = frame.scope.hidden(expr.id)
    place = hidden.span if hidden else later
    if place is not None and place.source is expr.span.source:
        return frame.error(
            "E0301",
            f"'{expr.id}' is a node of the file, and is not seen here",
            expr.span,
            "not found",
            more=[Label(place, "bound here", primary=False)],
            help=[
                "blocks and settings see constants, sizes and blocks: hand a node over as an "
                "argument"
                if frame.active
                else "settings are constants: write 'const'"
            ],
        )
    # looking for near names takes time in proportion to a file's names: not for every error of many
    few = len(frame.shared.report.diagnostics) < MAX_SUGGESTIONS
    near = did_you_mean(expr.id, frame.scope.names()) if few else ()
    help = _HABITS.get(expr.id) or near or help
    if expr.id in STEP_NAMES:
        help = [f"'{expr.id}' exists only in optimizers and in the train block"]
    return frame.error("E0301", f"'{expr.id}' is not bound", expr.span, "not found", help=help)


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


def is_bound(frame: Frame, name: str) -> bool:
    """Whether a name is bound anywhere in the file, or is known otherwise."""
    if frame.scope.find(name) is not None or universal(name, frame.shared.float) is not None:
        return True
    return name in (*STEP_NAMES, *frame.shared.later, *_HABITS)


def attribute(frame: Frame, expr: ast.Attribute) -> Value:
    """The value of `base.name`: a parameter by its qualified name, or a transpose."""
    path = dotted(expr)
    variable = None
    if path is not None:
        qualified = frame.qualified(path)
        shared = frame.shared
        variable = shared.params.get(qualified) or shared.states.get(qualified)
        if variable is not None:
            return Expr(shared.builder, variable.node)
    if expr.name.id == "T":
        x = expressions.tensor(frame, expr.base)
        if isinstance(x, Poison):
            return x
        return frame.apply(OPS["swap"], [(x, expr.base)], {}, expr.span)
    known = [name for name in (*frame.shared.params, *frame.shared.states)]
    return frame.error(
        "E0316",
        f"'{expr.span.text}' is neither a parameter nor '.T'",
        expr.name.span,
        "not found",
        help=_attribute_help(frame, expr, path, known),
    )


def _attribute_help(
    frame: Frame, expr: ast.Attribute, path: str | None, known: Sequence[str]
) -> Sequence[str]:
    """What was meant by `base.name`: a method of other languages, a parameter nearly so called."""
    if expr.name.id in _METHODS:
        return [_METHODS[expr.name.id]]
    near = did_you_mean(frame.qualified(path or expr.name.id), known)
    return near or ["'.T' transposes; 'h.W' is the parameter W of the block call bound to h"]


def dotted(expr: ast.Expr) -> str | None:
    """`a.b.c` as text if the expression is names and attributes alone."""
    if isinstance(expr, ast.Name):
        return expr.id
    if isinstance(expr, ast.Attribute) and (base := dotted(expr.base)) is not None:
        return f"{base}.{expr.name.id}"
    return None
