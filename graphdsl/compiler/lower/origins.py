"""Origins of sizes: an axis of a node comes in, the place in the text where its size was written
goes out, with the constants it was written with and the calls that lie between.

Nothing here runs before a fault is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphdsl.compiler.lower.values import is_constant
from graphdsl.graph.build import Expr
from graphdsl.graph.graph import Level
from graphdsl.graph.provenance import find_entry
from graphdsl.graph.sizes import Poly
from graphdsl.language import ast
from graphdsl.language.source import Source, Span
from graphdsl.language.walk import children

if TYPE_CHECKING:
    from graphdsl.compiler.lower.context import Frame

Trail = tuple[Level, ...]

MAX_HANDED_ON = 100
"""Calls that a size is handed through before its way is lost; they are nested less deep."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a size was written, or computed by an op; `how` says with which constants, or of which
    sizes; `trail` are the calls and turns that the place lies in."""

    span: Span
    how: str = ""
    trail: Trail = ()


def find_origin(frame: Frame, value: Expr, axis: int, here: Source) -> Origin | None:
    """Where the size of an axis comes from, as told in the file `here`; None for a size that
    stands in no text."""
    shared = frame.shared
    for _ in range(MAX_HANDED_ON):
        entry = find_entry(shared.builder.nodes, value.id, axis, shared.entries)
        written = shared.written.get(entry.node)
        if written is None:
            made = shared.builder.nodes[entry.node].origin
            return None if made is None else _leave_prelude(made.span, entry.made_of, made.trail)
        type, inner = written
        sizes = type.sizes or ()
        if entry.axis >= len(sizes):
            return _leave_prelude(type.span, "", inner.trail)
        place, expr = _follow(inner, sizes[entry.axis])
        handed_on = _axis_of_size(place, expr)
        if handed_on is None:
            trail = inner.trail if _is_prelude(expr.span) else place.trail
            return _leave_prelude(expr.span, _describe(place, expr, here), trail)
        value, axis = handed_on
    return None


def tell_line(span: Span, here: Source) -> str:
    """The line a span begins on, with its file where that is another than `here`."""
    return f"line {span.line}" if span.source is here else f"{span.source.name}:{span.line}"


def _follow(frame: Frame, expr: ast.Expr) -> tuple[Frame, ast.Expr]:
    """What a size is written as: for a block's argument what stands in the call, further out."""
    for _ in range(MAX_HANDED_ON):  # a default that is called as its argument is given by itself
        binding = frame.scope.find(expr.id) if isinstance(expr, ast.Name) else None
        if binding is None or binding.given is None:
            break
        frame, expr = binding.given
    return frame, expr


def _axis_of_size(frame: Frame, expr: ast.Expr) -> tuple[Expr, int] | None:
    """The node and the axis that `size(x, -1)` asks for."""
    if not isinstance(expr, ast.Call) or len(expr.args) != 2:
        return None
    function, asked = expr.function, expr.args[0]
    if not isinstance(function, ast.Name) or not isinstance(asked, ast.Name):
        return None
    binding = frame.scope.find(asked.id)
    axis = _read_axis(expr.args[1])
    if function.id != "size" or axis is None or binding is None:
        return None
    value = binding.value
    # a name of a loop may have been bound again since
    if not isinstance(value, Expr) or not -value.type.rank <= axis < value.type.rank:
        return None
    return value, axis % value.type.rank


def _read_axis(expr: ast.Expr) -> int | None:
    negative = isinstance(expr, ast.Unary) and expr.op == "-"
    number = expr.operand if isinstance(expr, ast.Unary) else expr
    if not isinstance(number, ast.Number) or not isinstance(number.value, int):
        return None
    return -number.value if negative else number.value


def _describe(frame: Frame, expr: ast.Expr, here: Source) -> str:
    """The constants that a size is written with, and where each has its value from."""
    found = ", ".join(dict.fromkeys(_constants(frame, expr, here)))
    if found and not isinstance(expr, ast.Name):
        return f"{expr.span.text}, {found}"
    return found


def _constants(frame: Frame, expr: ast.Expr, here: Source) -> Iterator[str]:
    pending: list[tuple[Frame, ast.Node]] = [(frame, expr)]
    while pending:
        place, node = pending.pop()
        if not isinstance(node, ast.Name):
            pending.extend((place, child) for child in reversed(list(children(node))))
            continue
        place, named = _follow(place, node)
        binding = place.scope.find(named.id) if isinstance(named, ast.Name) else None
        if binding is None or binding.kind == "dim" or not isinstance(named, ast.Name):
            continue
        if is_constant(binding.value) or isinstance(binding.value, Poly):
            yield f"'{named.id}' of {tell_line(binding.span, here)}{_overridden(place, named.id)}"


def _overridden(frame: Frame, name: str) -> str:
    shared = frame.shared
    main = shared.main.own(name) if shared.main is not None else None
    if name not in shared.overrides or main is not frame.scope.find(name):
        return ""
    return f", overridden with {shared.overrides[name]}"


def _leave_prelude(span: Span, how: str, trail: Trail) -> Origin:
    """The origin, or the user's call that it lies in if it is of the prelude."""
    while _is_prelude(span) and trail:
        span, trail = trail[-1].span, trail[:-1]
    return Origin(span, how, trail)


def _is_prelude(span: Span) -> bool:
    return span.source.path is None and span.source.name.startswith("prelude/")
