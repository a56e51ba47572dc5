"""An expression as text over several lines, where one line is too short for it."""

from __future__ import annotations

from collections.abc import Sequence

from graphdsl.language import ast
from graphdsl.language.flat import (
    COND,
    NOT,
    OR,
    POSTFIX,
    UNARY,
    Item,
    arguments,
    base_binding,
    binding,
    flat,
    flat_item,
    flat_items,
    operand_bindings,
)

WIDTH = 100
"""The most columns a line takes, where it can be broken."""
STEP = 2
"""How far what belongs inside is indented."""


def lay_out(expr: ast.Expr, indent: int, column: int, least: int = COND) -> str:
    """The expression from `column` on, its further lines indented below `indent`."""
    text = flat(expr, least)
    if column + len(text) <= WIDTH or indent > WIDTH // 2:
        return text
    if binding(expr) < least:
        return f"({_broken(expr, indent, column + 1)})"
    return _broken(expr, indent, column)


def _broken(expr: ast.Expr, indent: int, column: int) -> str:
    match expr:
        case ast.Call():
            head = flat(expr.function, POSTFIX)
            return head + bracketed("(", arguments(expr), ")", indent, column + len(head))
        case ast.Index():
            head = lay_out(expr.base, indent, column, POSTFIX)
            return head + bracketed("[", expr.items, "]", indent, column + len(head))
        case ast.ListExpr():
            return bracketed("[", expr.items, "]", indent, column)
        case ast.MapExpr():
            return _map(expr, indent)
        case ast.Attribute():
            return f"{lay_out(expr.base, indent, column, base_binding(expr))}.{expr.name.id}"
        case ast.Unary():
            sign, least = ("not ", NOT) if expr.op == "not" else ("-", UNARY)
            return sign + lay_out(expr.operand, indent, column + len(sign), least)
        case ast.Cond():
            return _cond(expr, indent, column)
        case ast.Binary(op="^"):
            left = flat(expr.left, POSTFIX)
            return f"{left}^{lay_out(expr.right, indent, column + len(left) + 1, UNARY)}"
        case ast.Binary():
            return _chain(expr, indent, column)
    return flat(expr)


def _cond(expr: ast.Cond, indent: int, column: int) -> str:
    head = f"{flat(expr.then, OR)} if {flat(expr.test, OR)} else"
    inner = indent + STEP
    return f"{head}\n{' ' * inner}{lay_out(expr.orelse, inner, inner)}"


def _chain(expr: ast.Binary, indent: int, column: int) -> str:
    """Operands of one chain on lines of their own, each after its operator."""
    least_left, least_right = operand_bindings(expr.op)
    links = [(expr.op, expr.right)]
    left = expr.left
    while isinstance(left, ast.Binary) and binding(left) == binding(expr) >= least_left:
        links.append((left.op, left.right))
        left = left.left
    inner = indent + STEP
    lines = [lay_out(left, inner, column, least_left)]
    for op, operand in reversed(links):
        start = inner + len(op) + 1
        lines.append(f"{' ' * inner}{op} {lay_out(operand, inner, start, least_right)}")
    return "\n".join(lines)


def bracketed(
    opener: str, items: Sequence[Item], closer: str, indent: int, column: int, deep: bool = True
) -> str:
    """Items between brackets: on one line, on one line of their own, or each on its own.

    Only if `deep`, an item may take several lines.
    """
    text = flat_items(tuple(items))
    if column + len(text) + 2 <= WIDTH or not items:
        return opener + text + closer
    inner = indent + STEP
    margin = " " * inner
    if inner + len(text) <= WIDTH:
        lines = margin + text
    elif all(isinstance(item, ast.Number | ast.Unary | ast.Name) for item in items):
        lines = _filled([flat_item(item) for item in items], inner)
    else:
        texts = [_item(item, inner) if deep else flat_item(item) for item in items]
        lines = ",\n".join(margin + text for text in texts) + ","
    return f"{opener}\n{lines}\n{' ' * indent}{closer}"


def _item(item: Item, indent: int) -> str:
    match item:
        case ast.Keyword():
            head = f"{item.name.id} = "
            return head + lay_out(item.value, indent, indent + len(head))
        case ast.Slice() | ast.Ellipsis_():
            return flat_item(item)
        case _:
            return lay_out(item, indent, indent)


def _filled(texts: list[str], indent: int) -> str:
    """As many texts on each line as fit."""
    lines = [" " * indent + texts[0]]
    for text in texts[1:]:
        if len(lines[-1]) + len(text) + 3 > WIDTH:
            lines[-1] += ","
            lines.append(" " * indent + text)
        else:
            lines[-1] += f", {text}"
    return "\n".join(lines) + ","


def _map(expr: ast.MapExpr, indent: int) -> str:
    if not expr.entries:
        return "{}"
    inner = indent + STEP
    lines = []
    for key, value in expr.entries:
        head = f"{flat(key)}: "
        lines.append(" " * inner + head + lay_out(value, inner, inner + len(head)))
    return "{\n" + ",\n".join(lines) + ",\n" + " " * indent + "}"
