"""An expression as a blackboard has it, in Unicode: an AST node comes in, `g_e·(−a/b²)` goes out.

What is written is bounded in size by whoever makes it, and so is the depth of the recursion.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphdsl.language import ast
from graphdsl.language.flat import (
    ATOM,
    COND,
    NOT,
    OR,
    POSTFIX,
    POWER,
    PRODUCT,
    SUM,
    UNARY,
    Item,
    arguments,
    binding,
    flat,
    number_text,
    operand_bindings,
)
from graphdsl.views.labels import MINUS
from graphdsl.views.trace.notation import SIGNS, derivative_of, indicated, notation, sole_argument

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_WORDS = {"pi": "π", "inf": "∞"}
_PRODUCTS = ("*", "/", "@")


def mathematics(expr: ast.Expr) -> str:
    """The expression on one line."""
    return _text(expr, COND)


@dataclass(frozen=True, slots=True)
class _Spelled:
    """A text and how tightly it binds, as `language.flat` counts."""

    text: str
    binds: int


def _text(item: Item, least: int, closed: bool = False) -> str:
    """The item, in parentheses if it binds less tightly than `least`; `closed` if a factor
    follows, which must not be taken for a part of a function's operand: `cos(b)·x`."""
    spelled = _spell(item, closed)
    return spelled.text if spelled.binds >= least else f"({_spell(item, False).text})"


def _spell(item: Item, closed: bool) -> _Spelled:
    match item:
        case ast.Name():
            return _Spelled(_WORDS.get(item.id, item.id), ATOM)
        case ast.Number():
            return _number(item)
        case ast.Unary(op="-"):
            return _Spelled(f"{MINUS}{_text(item.operand, POWER, closed)}", UNARY)
        case ast.Unary():
            return _Spelled(f"not {_text(item.operand, NOT)}", NOT)
        case ast.Binary():
            return _binary(item, closed)
        case ast.Call():
            return _call(item, closed)
        case ast.Cond():
            parts = (_text(item.then, OR), _text(item.test, OR), _text(item.orelse, COND))
            return _Spelled("{} if {} else {}".format(*parts), COND)
        case ast.Attribute(name=ast.Name(id="T")):
            return _Spelled(f"{_text(item.base, POSTFIX)}ᵀ", POSTFIX)
        case ast.Index():
            return _Spelled(f"{_text(item.base, POSTFIX)}[{_listed(item.items)}]", POSTFIX)
        case ast.ListExpr():
            return _Spelled(f"[{_listed(item.items)}]", ATOM)
        case ast.Keyword():
            return _Spelled(f"{item.name.id} = {_text(item.value, COND)}", COND)
        case ast.Slice() | ast.Ellipsis_():
            return _Spelled(_bounds(item), ATOM)
    return _Spelled(flat(item), binding(item))


def _bounds(item: ast.Slice | ast.Ellipsis_) -> str:
    """`1:n`, `...`."""
    if isinstance(item, ast.Ellipsis_):
        return "..."
    bounds = [item.start, item.stop, *([item.step] if item.step is not None else [])]
    return ":".join("" if bound is None else _text(bound, COND) for bound in bounds)


def _number(number: ast.Number) -> _Spelled:
    text = number_text(number).removesuffix(".0").replace("-", MINUS)
    mantissa, exponential, exponent = text.partition("e")
    if not exponential:
        return _Spelled(mantissa, UNARY if mantissa.startswith(MINUS) else ATOM)
    power = str(int(exponent.replace(MINUS, "-"))).translate(_RAISED)
    return _Spelled(f"{mantissa}·10{power}", PRODUCT)


def _binary(node: ast.Binary, closed: bool) -> _Spelled:
    if node.op == "^":
        return _Spelled(_text(node.left, POSTFIX) + _exponent(node.right), POWER)
    if node.op in _PRODUCTS:
        # a sign stands in parentheses behind a sign
        before, behind = _text(node.left, _beside(node), True), _text(node.right, POWER, closed)
        sign = " @ " if node.op == "@" else SIGNS.get(node.op, node.op)
        return _Spelled(f"{before}{sign}{behind}", PRODUCT)
    left, right = operand_bindings(node.op)
    before, behind = _text(node.left, left), _text(node.right, right, closed)
    sign = SIGNS.get(node.op, node.op)
    if binding(node) == SUM and behind.startswith(MINUS):
        if node.op == "+":
            return _Spelled(f"{before} {MINUS} {behind.removeprefix(MINUS)}", SUM)
        behind = f"({behind})"
    return _Spelled(f"{before} {sign} {behind}", binding(node))


def _beside(product: ast.Binary) -> int:
    """How tightly the left factor must bind: of a matrix product and another product one stands in
    parentheses."""
    inner = product.left
    is_mixed = isinstance(inner, ast.Binary) and (inner.op == "@") != (product.op == "@")
    return POWER if is_mixed else PRODUCT


def _exponent(expr: ast.Expr) -> str:
    whole = expr.operand if isinstance(expr, ast.Unary) and expr.op == "-" else expr
    if isinstance(whole, ast.Number) and isinstance(whole.value, int):
        return flat(expr).translate(_RAISED)
    return f"^{_text(expr, POSTFIX)}"


def _call(call: ast.Call, closed: bool) -> _Spelled:
    condition, sole, derivative = indicated(call), sole_argument(call), derivative_of(call)
    if condition is not None:
        return _Spelled(f"[{_text(condition, COND)}]", ATOM)
    if derivative is not None:
        above, below = derivative
        return _Spelled(f"∂{_text(above, ATOM)}/∂{_text(below, ATOM)}", POWER)
    written = notation(sole[0]) if sole else None
    if sole is None or written is None:
        return _Spelled(f"{_text(call.function, POSTFIX)}({_listed(arguments(call))})", POSTFIX)
    (before, behind), x = written, sole[1]
    if behind and before:
        return _Spelled(f"{before}{_text(x, COND)}{behind}", ATOM)
    if behind:
        return _Spelled(f"{_text(x, POSTFIX)}{behind}", POWER)
    if not before.endswith(" "):
        return _Spelled(f"{before}{_text(x, ATOM)}", POWER)
    if closed or _spell(x, False).binds < ATOM:
        return _Spelled(f"{before.rstrip()}({_text(x, COND)})", POSTFIX)
    return _Spelled(f"{before}{_text(x, ATOM)}", POWER)


def _listed(items: tuple[Item, ...]) -> str:
    return ", ".join(_text(item, COND) for item in items)
