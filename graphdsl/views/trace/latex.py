"""An expression for LaTeX's mathematical mode: an AST node comes in, text goes out that needs no
package besides amsmath, and is ASCII.

What is written is bounded in size by whoever makes it, and so is the depth of the recursion.
"""

from __future__ import annotations

import re

from graphdsl.language import ast
from graphdsl.language.flat import (
    ATOM,
    COND,
    NOT,
    OR,
    POSTFIX,
    POWER,
    PRODUCT,
    UNARY,
    Item,
    arguments,
    binding,
    number_text,
    operand_bindings,
)
from graphdsl.views.trace.letters import escape, symbol
from graphdsl.views.trace.notation import (
    derivative_of,
    ends_open,
    indicated,
    notation,
    sole_argument,
)

_SIGNS = {
    **{"*": r"\cdot", "@": r"\,", "<=": r"\le", ">=": r"\ge", "==": "=", "!=": r"\ne"},
    **{"and": r"\land", "or": r"\lor"},
}
_FUNCTIONS = {"arcsin", "arccos", "arctan", "sin", "cos", "tan", "sinh", "cosh", "tanh", "ln"}
"""Those that LaTeX has commands for."""
_BEFORE = {"√": r"\sqrt{", "∛": r"\sqrt[3]{", "|": r"\left|", "⌊": r"\lfloor ", "⌈": r"\lceil "}
_BEHIND = {"|": r"\right|", "⌋": r"\rfloor ", "⌉": r"\rceil ", "²": "^{2}"}
_WORDS = {"pi": r"\pi ", "inf": r"\infty "}


def latex_text(expr: ast.Expr) -> str:
    """The expression for mathematical mode."""
    return _text(expr, COND)


def _text(item: Item, least: int) -> str:
    text = _spell(item)
    return text if _binds(item) >= least else rf"\left({text}\right)"


def _binds(item: Item) -> int:
    """How tightly what is written binds: a fraction and a root hold together by themselves, and a
    number with an exponent of ten is a product."""
    match item:
        case ast.Binary(op="/", left=left):
            return UNARY if _negated(left) else POSTFIX
        case ast.Number() if "e" in number_text(item):
            return PRODUCT
        case ast.Call() if indicated(item) is None and (sole := sole_argument(item)):
            written = notation(sole[0])
            return POWER if written and written[0] not in _BEFORE else POSTFIX
    return binding(item)


def _spell(item: Item) -> str:
    match item:
        case ast.Name():
            return _WORDS.get(item.id) or symbol(item.id)
        case ast.Number():
            return _number(item)
        case ast.Unary(op="-"):
            return f"-{_text(item.operand, POWER)}"
        case ast.Unary():
            return rf"\lnot {_text(item.operand, NOT)}"
        case ast.Binary():
            return _binary(item)
        case ast.Call():
            return _call(item)
        case ast.Cond():
            parts = (_text(item.then, OR), _text(item.test, OR), _text(item.orelse, COND))
            return r"{} \text{{ if }} {} \text{{ else }} {}".format(*parts)
        case ast.Attribute(name=ast.Name(id="T")):
            return f"{_text(item.base, ATOM)}^{{\\top}}"
        case ast.Attribute():
            return f"{_text(item.base, POSTFIX)}.{symbol(item.name.id)}"
        case ast.Index():
            return f"{_text(item.base, POSTFIX)}[{_listed(item.items)}]"
        case ast.ListExpr():
            return _list(item)
        case ast.Keyword():
            return f"{symbol(item.name.id)} = {_text(item.value, COND)}"
        case ast.Slice():
            bounds = [item.start, item.stop, *([item.step] if item.step is not None else [])]
            return ":".join("" if one is None else _text(one, COND) for one in bounds)
        case ast.Ellipsis_():
            return r"\ldots "
        case ast.Bool():
            return r"\text{true}" if item.value else r"\text{false}"
        case ast.String():
            return rf"\text{{``{escape(item.value)}''}}"
        case ast.MapExpr():
            entries = (f"{_text(k, COND)}: {_text(v, COND)}" for k, v in item.entries)
            return rf"\{{{', '.join(entries)}\}}"


def _number(number: ast.Number) -> str:
    mantissa, exponential, exponent = number_text(number).removesuffix(".0").partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponential else mantissa


def _binary(node: ast.Binary) -> str:
    if node.op == "/":
        negated = _negated(node.left)
        sign, above = ("-", negated) if negated is not None else ("", node.left)
        return rf"{sign}\frac{{{_text(above, COND)}}}{{{_text(node.right, COND)}}}"
    if node.op == "^":
        return f"{_text(node.left, ATOM)}^{{{_text(node.right, COND)}}}"
    left, right = operand_bindings(node.op)
    sign = _SIGNS.get(node.op, node.op)
    before = _text(node.left, left)
    mixed = isinstance(node.left, ast.Binary) and {node.op, node.left.op} == {"*", "@"}
    if mixed or (node.op == "*" and ends_open(node.left)):
        before = rf"\left({before}\right)"
    behind = _text(node.right, POWER if node.op in ("*", "@") else right)
    if node.op in ("+", "-") and behind.startswith("-"):
        if node.op == "+":
            return f"{before} - {behind.removeprefix('-')}"
        behind = rf"\left({behind}\right)"
    return f"{before} {sign} {behind}"


def _negated(expr: ast.Expr) -> ast.Expr | None:
    """What stands behind a minus sign."""
    return expr.operand if isinstance(expr, ast.Unary) and expr.op == "-" else None


def _call(call: ast.Call) -> str:
    condition, sole, derivative = indicated(call), sole_argument(call), derivative_of(call)
    if condition is not None:
        return rf"\left[{_text(condition, COND)}\right]"
    if derivative is not None:
        above, below = (_text(x, ATOM) for x in derivative)
        return rf"\frac{{\partial {above}}}{{\partial {below}}}"
    written = notation(sole[0]) if sole else None
    if sole is None or written is None:
        name = call.function.id if isinstance(call.function, ast.Name) else "f"
        return rf"\operatorname{{{escape(name)}}}\left({_listed(arguments(call))}\right)"
    (before, behind), x = written, sole[1]
    if behind and not before:
        return f"{_text(x, ATOM)}{_BEHIND[behind]}"
    if before in _BEFORE:
        return f"{_BEFORE[before]}{_text(x, COND)}{_BEHIND.get(behind, '}')}"
    if before.endswith("^"):
        return f"{before}{{{_text(x, COND)}}}"
    return f"{_function(before.strip())} {_operand(x)}"


def _function(word: str) -> str:
    """`\\cos`, `\\log_{2}`, `\\operatorname{sign}`."""
    if word in _FUNCTIONS:
        return f"\\{word}"
    base = re.fullmatch(r"log([₀-₉]+)", word)
    if base:
        return rf"\log_{{{''.join(str(ord(digit) - ord('₀')) for digit in base[1])}}}"
    return rf"\operatorname{{{escape(word)}}}"


def _operand(x: ast.Expr) -> str:
    """The operand of a function: a name or a number as it is, all else in parentheses."""
    if isinstance(x, ast.Name | ast.Number) and _binds(x) == ATOM:
        return _spell(x)
    return rf"\left({_spell(x)}\right)"


def _list(node: ast.ListExpr) -> str:
    """A list, and one of rows as a matrix."""
    rows = [row.items for row in node.items if isinstance(row, ast.ListExpr)]
    nested = any(isinstance(x, ast.ListExpr) for row in rows for x in row)
    if not rows or nested or len(rows) < len(node.items):
        return f"[{_listed(node.items)}]"
    written = r" \\ ".join(" & ".join(_text(x, COND) for x in row) for row in rows)
    return rf"\begin{{bmatrix}} {written} \end{{bmatrix}}"


def _listed(items: tuple[Item, ...]) -> str:
    return ", ".join(_text(item, COND) for item in items)
