"""Sizes that do not come out whole: which `/` leaves a rest, its numbers, where they are from."""

from __future__ import annotations

from collections.abc import Iterator

from graphdsl.compiler.lower import expressions, names
from graphdsl.compiler.lower.context import Frame
from graphdsl.compiler.lower.values import Poison
from graphdsl.graph.sizes import Size, divide, quotient_text
from graphdsl.language import ast
from graphdsl.language.diagnostics import Label
from graphdsl.language.walk import children


def report_inexact(frame: Frame, expr: ast.Expr) -> bool:
    """Report the division in `expr` that is not exact, if there is one: a size is wanted here."""
    for part in _divisions(expr):
        a, b = _value(frame, part.left), _value(frame, part.right)
        if a is None or b is None or divide(a, b) is not None:
            continue
        frame.error("E0307", _message(a, b), part.span, more=_origins(frame, part), help=_help(a))
        return True
    return False


def _divisions(expr: ast.Expr) -> Iterator[ast.Binary]:
    """The divisions in an expression, inner ones first; what is called or indexed is left out."""
    waiting, found = [expr], list[ast.Binary]()
    while waiting:
        part = waiting.pop()
        match part:
            case ast.Binary(op=op):
                waiting += [part.left, part.right]
                if op == "/":
                    found.append(part)
            case ast.Unary():
                waiting.append(part.operand)
            case ast.ListExpr():
                waiting += part.items
    yield from reversed(found)


def _value(frame: Frame, expr: ast.Expr) -> Size | None:
    """The size an operand stands for; it has been evaluated before, without a fault."""
    value = expressions.evaluate(frame, expr)
    return None if isinstance(value, Poison) else expressions.as_size(value)


def _message(a: Size, b: Size) -> str:
    if isinstance(a, int) and isinstance(b, int):
        rest = f"{a} / {b} leaves a rest of {a % b}" if b else f"{a} is divided by 0"
        return f"'/' must divide exactly where a size is wanted: {rest}"
    return f"{quotient_text(a, b)} is not a whole number for every value of its symbols"


def _help(a: Size) -> list[str]:
    if isinstance(a, int):
        return ["choose numbers that divide, or name the quotient and multiply"]
    return ["name the smaller size and multiply: dim M, and [2*M] for its double"]


def _origins(frame: Frame, expr: ast.Expr) -> list[Label]:
    """Where the constants, sizes and arguments of an expression have their values from."""
    labels, seen, waiting = list[Label](), set[str](), list[ast.Node]([expr])
    while waiting:
        part = waiting.pop()
        waiting += reversed([*children(part)])
        binding = frame.scope.find(part.id) if isinstance(part, ast.Name) else None
        if binding is None or not isinstance(part, ast.Name) or part.id in seen:
            continue
        seen.add(part.id)
        size = expressions.as_size(names.lookup(frame, part))
        if size is not None and str(size) != part.id and binding.span.source is part.span.source:
            labels.append(Label(binding.span, f"{part.id} is {size}", primary=False))
    return labels


def origins_of_number(frame: Frame, expr: ast.Expr) -> list[Label]:
    """Where a name that stands for no whole number got its value."""
    binding = frame.scope.find(expr.id) if isinstance(expr, ast.Name) else None
    if binding is None or not isinstance(binding.value, float):
        return []
    return [Label(binding.span, f"{expr.span.text} is {binding.value:.6g}", primary=False)]
