"""The local derivatives of elementwise ops, and products with them: an op, an operand's position
and what the operands are written as come in, expressions go out.

The derivatives are those that the ops declare; numbers among the operands are put in and worked
out, so that that of `x^2` is `2·x`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from graphdsl.graph.graph import Node
from graphdsl.graph.op import Op
from graphdsl.language import ast
from graphdsl.language.parser import parse
from graphdsl.language.source import Source
from graphdsl.views.written import HERE, binary, negative, number

RESULT = "y"
"""What a declared derivative calls the op's result."""


def partial(node: Node, position: int, written: Mapping[str, ast.Expr]) -> ast.Expr | None:
    """∂node/∂operand in terms of `written`, which has the operands and `y` by the names that the
    op gives them; None where the op declares nothing."""
    partials = node.op.partials
    if not partials or not partials[position]:
        return None
    attributes = {name: _literal(value) for name, value in node.attributes().items()}
    return _substituted(_template(node.op, position), {**attributes, **written})


def product(g: ast.Expr, derivative: ast.Expr) -> ast.Expr:
    """The cotangent times a derivative, as one writes it: `g/b` for `g·(1/b)`."""
    whole = _value(derivative)
    if whole in (1, -1):
        return g if whole == 1 else negative(g)
    if isinstance(derivative, ast.Binary):
        above = _value(derivative.left)
        if derivative.op == "/" and above in (1, -1):
            return binary("/", g if above == 1 else negative(g), derivative.right)
        if derivative.op == "*":
            return binary("*", product(g, derivative.left), derivative.right)
    return binary("*", g, derivative)


@cache
def _template(op: Op, position: int) -> ast.Expr:
    names = {name: f"v_{name}" for name in (*op.operands, RESULT, *op.attributes)}
    text = op.partials[position].format(**names)
    (statement,) = parse(Source(f"d = {text}\n")).statements
    assert isinstance(statement, ast.Assign)
    return statement.value


def _literal(value: object) -> ast.Expr:
    assert isinstance(value, bool | int | float)
    return number(value)


def _substituted(expr: ast.Expr, written: Mapping[str, ast.Expr]) -> ast.Expr:
    """The template with every name replaced, and what is a matter of numbers alone worked out."""
    match expr:
        case ast.Name() if expr.id.startswith("v_"):
            return written[expr.id.removeprefix("v_")]
        case ast.Unary():
            return ast.Unary(expr.op, _substituted(expr.operand, written), span=HERE)
        case ast.Binary():
            left, right = (_substituted(x, written) for x in (expr.left, expr.right))
            return folded(expr.op, left, right)
        case ast.Cond(test=test, then=then, orelse=orelse):
            chosen = then if _substituted(test, written) == number(True) else orelse
            return _substituted(chosen, written)
        case ast.Call():
            args = tuple(_substituted(x, written) for x in expr.args)
            return ast.Call(expr.function, args, expr.keywords, span=HERE)
    return expr


def folded(op: str, left: ast.Expr, right: ast.Expr) -> ast.Expr:
    """`left op right`, without ones that change nothing, a difference of numbers worked out."""
    a, b = _value(left), _value(right)
    if op == "-" and a is not None and b is not None:
        return number(a - b)
    if op == "^" and b in (0, 1):
        return left if b == 1 else number(1)
    if op in ("*", "/") and b == 1:
        return left
    return right if op == "*" and a == 1 else binary(op, left, right)


def _value(expr: ast.Expr) -> int | float | None:
    """The number that an expression is, with or without a sign."""
    if isinstance(expr, ast.Number):
        return expr.value
    if isinstance(expr, ast.Unary) and expr.op == "-" and isinstance(expr.operand, ast.Number):
        return -expr.operand.value
    return None
