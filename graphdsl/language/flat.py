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


def binding(expr: Item) -> int:
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


def base_binding(attribute: ast.Attribute) -> int:
    """How tightly the base of `attribute` must bind to need no parentheses."""
    return ATOM + 1 if isinstance(attribute.base, ast.Number) else POSTFIX  # 1.T is no number


def flat(expr: ast.Expr, least: int = COND) -> str:
    """The expression on one line, in parentheses if it binds less tightly than `least`."""
    return _joined([(expr, least)])


def flat_item(item: Item) -> str:
    """An expression, or what may stand in an index or among arguments besides."""
    return _joined([(item, COND)])


def flat_items(items: tuple[Item, ...]) -> str:
    """Items of a call, an index or a list, with commas between."""
    return _joined(_listed(items))


def arguments(call: ast.Call | ast.Share | ast.Draw) -> tuple[Item, ...]:
    """A call's arguments, keywords last."""
    return (*call.args, *call.keywords)


_Part = str | tuple[Item, int]
"""Text, or a node that becomes text, with how tightly it must bind."""


def _joined(parts: list[_Part]) -> str:
    """The text of `parts`, without recursion, however deep they are."""
    pending, texts = parts[::-1], []
    while pending:
        part = pending.pop()
        if isinstance(part, str):
            texts.append(part)
            continue
        node, least = part
        inside = _parts(node)
        if least and binding(node) < least:
            inside = ["(", *inside, ")"]
        pending.extend(reversed(inside))
    return "".join(texts)


def _parts(node: Item) -> list[_Part]:
    match node:
        case ast.Name():
            return [node.id]
        case ast.Number():
            return [number_text(node)]
        case ast.String():
            return [f'"{node.value}"']
        case ast.Bool():
            return ["true" if node.value else "false"]
        case ast.Unary():
            return (
                ["not ", (node.operand, NOT)] if node.op == "not" else ["-", (node.operand, UNARY)]
            )
        case ast.Binary():
            left, right = operand_bindings(node.op)
            sign = node.op if node.op == "^" else f" {node.op} "
            return [(node.left, left), sign, (node.right, right)]
        case ast.Cond():
            return [(node.then, OR), " if ", (node.test, OR), " else ", (node.orelse, COND)]
        case ast.Call():
            return [(node.function, POSTFIX), "(", *_listed(arguments(node)), ")"]
        case ast.Index():
            return [(node.base, POSTFIX), "[", *_listed(node.items), "]"]
        case ast.Attribute():
            return [(node.base, base_binding(node)), ".", node.name.id]
        case ast.ListExpr():
            return ["[", *_listed(node.items), "]"]
        case ast.MapExpr():
            return ["{", *_entries(node), "}"]
        case ast.Keyword():
            return [f"{node.name.id} = ", (node.value, COND)]
        case ast.Slice():
            return _slice(node)
        case ast.Ellipsis_():
            return ["..."]


def _listed(items: tuple[Item, ...]) -> list[_Part]:
    parts: list[_Part] = []
    for item in items:
        parts += [", ", (item, COND)]
    return parts[1:]


def _entries(node: ast.MapExpr) -> list[_Part]:
    parts: list[_Part] = []
    for key, value in node.entries:
        parts += [", ", (key, COND), ": ", (value, COND)]
    return parts[1:]


def _slice(node: ast.Slice) -> list[_Part]:
    bounds = [node.start, node.stop] if node.step is None else [node.start, node.stop, node.step]
    parts: list[_Part] = []
    for bound in bounds:
        parts += [":"] if bound is None else [":", (bound, COND)]
    return parts[1:]


def number_text(number: ast.Number) -> str:
    """The user's spelling, or the shortest that reads back as the same number."""
    if number.text is not None:
        return number.text.lower()
    value = number.value
    if isinstance(value, float) and isinf(value):
        return "inf" if value > 0 else "-inf"
    mantissa, sign, exponent = repr(value).partition("e")
    return f"{mantissa}e{int(exponent)}" if sign else mantissa
