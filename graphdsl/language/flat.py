"""An expression as text on one line: an AST node comes in, canonical text goes out."""

from __future__ import annotations

from math import isinf

from graphdsl.language import ast

COND, OR, AND, NOT, COMPARE, SUM, PRODUCT, UNARY, POWER, POSTFIX, ATOM = range(11)
"""How tightly an expression binds, loosest first."""

_BINARY = {
    "or": (OR, OR, AND),
    "and": (AND, AND, NOT),
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), (COMPARE, SUM, SUM)),
    **dict.fromkeys(("+", "-"), (SUM, SUM, PRODUCT)),
    **dict.fromkeys(("*", "/", "@"), (PRODUCT, PRODUCT, UNARY)),
    "^": (POWER, POSTFIX, UNARY),
}
"""For each operator: how tightly it binds, and what its left and its right operand must."""

Item = ast.Expr | ast.Slice | ast.Ellipsis_ | ast.Keyword


def binding(expr: ast.Expr) -> int:
    """How tightly the outermost part of `expr` binds."""
    match expr:
        case ast.Cond():
            return COND
        case ast.Binary():
            return _BINARY[expr.op][0]
        case ast.Unary():
            return NOT if expr.op == "not" else UNARY
        case ast.Number():
            return UNARY if number_text(expr).startswith("-") else ATOM
        case ast.Call() | ast.Index() | ast.Attribute():
            return POSTFIX
    return ATOM


def operand_bindings(op: str) -> tuple[int, int]:
    """How tightly the left and the right operand of `op` must bind to need no parentheses."""
    return _BINARY[op][1:]


def flat(expr: ast.Expr, least: int = COND) -> str:
    """The expression on one line, in parentheses if it binds less tightly than `least`."""
    text = _bare(expr)
    return f"({text})" if binding(expr) < least else text


def _bare(expr: ast.Expr) -> str:
    match expr:
        case ast.Name():
            return expr.id
        case ast.Number():
            return number_text(expr)
        case ast.String():
            return f'"{expr.value}"'
        case ast.Bool():
            return "true" if expr.value else "false"
        case ast.Unary():
            return _unary(expr)
        case ast.Binary():
            return _chain(expr)
        case ast.Cond():
            parts = flat(expr.then, OR), flat(expr.test, OR), flat(expr.orelse)
            return "{} if {} else {}".format(*parts)
        case ast.Call():
            return f"{flat(expr.function, POSTFIX)}({flat_items(arguments(expr))})"
        case ast.Index():
            return f"{flat(expr.base, POSTFIX)}[{flat_items(expr.items)}]"
        case ast.Attribute():
            base = flat(expr.base, POSTFIX)
            return (
                f"({base}).{expr.name.id}"
                if base[-1].isdigit() and isinstance(expr.base, ast.Number)
                else f"{base}.{expr.name.id}"
            )
        case ast.ListExpr():
            return f"[{flat_items(expr.items)}]"
        case ast.MapExpr():
            return (
                "{" + ", ".join(f"{flat(key)}: {flat(value)}" for key, value in expr.entries) + "}"
            )


def _unary(expr: ast.Unary) -> str:
    if expr.op == "not":
        return f"not {flat(expr.operand, NOT)}"
    return f"-{flat(expr.operand, UNARY)}"


def _chain(expr: ast.Binary) -> str:
    """A chain of operators, without recursing along its left side."""
    parts = []
    left: ast.Expr = expr
    while isinstance(left, ast.Binary):
        least_left, least_right = operand_bindings(left.op)
        sign = left.op if left.op == "^" else f" {left.op} "
        parts.append(sign + flat(left.right, least_right))
        left = left.left
        if binding(left) < least_left:
            parts.append(flat(left, least_left))
            return "".join(reversed(parts))
    parts.append(flat(left, POSTFIX if parts[-1].startswith("^") else COND))
    return "".join(reversed(parts))


def arguments(call: ast.Call | ast.Share | ast.Draw) -> tuple[Item, ...]:
    """A call's arguments, keywords last."""
    return (*call.args, *call.keywords)


def flat_items(items: tuple[Item, ...]) -> str:
    """Items of a call, an index or a list, with commas between."""
    return ", ".join(flat_item(item) for item in items)


def flat_item(item: Item) -> str:
    """An expression, or what may stand in an index or among arguments besides."""
    match item:
        case ast.Keyword():
            return f"{item.name.id} = {flat(item.value)}"
        case ast.Slice():
            text = f"{_bound(item.start)}:{_bound(item.stop)}"
            return text if item.step is None else f"{text}:{_bound(item.step)}"
        case ast.Ellipsis_():
            return "..."
        case _:
            return flat(item)


def _bound(bound: ast.Expr | None) -> str:
    return "" if bound is None else flat(bound)


def number_text(number: ast.Number) -> str:
    """The user's spelling, or the shortest that reads back as the same number."""
    if number.text is not None:
        return number.text.lower()
    value = number.value
    if isinstance(value, float) and isinf(value):
        return "inf" if value > 0 else "-inf"
    mantissa, sign, exponent = repr(value).partition("e")
    return f"{mantissa}e{int(exponent)}" if sign else mantissa
