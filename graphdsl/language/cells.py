"""A statement without a body, or a setting -> its row: what stands in which cell."""

from __future__ import annotations

from dataclasses import replace

from graphdsl.language import ast
from graphdsl.language.columns import Row, Table
from graphdsl.language.flat import arguments, flat
from graphdsl.language.layout import STEP, WIDTH, bracketed, lay_out


def statement_row(node: ast.AnyStatement | ast.Setting, indent: int) -> Row:
    """The statement from the column `indent` on; its last cell may be of several lines."""
    match node:
        case ast.Dim():
            return Row(indent, ("dim", _names("dim ", node.names, indent)), Table.CONSTANTS)
        case ast.Const():
            return _result("const", node, Table.CONSTANTS, indent)
        case ast.Loss() | ast.Metric() | ast.Output():
            return _result(type(node).__name__.lower(), node, Table.RESULTS, indent)
        case ast.Setting():
            key = node.key.id
            return Row(indent, (key, _bound(key, node.value, indent)), Table.SETTINGS)
        case ast.Param() | ast.State():
            return _stored(node, indent)
    return Row(indent, (_text(node, indent),))


def _text(node: ast.AnyStatement, indent: int) -> str:
    match node:
        case ast.Import():
            head = f'from "{node.path.value}" import '
            return head + _names(head, node.names, indent)
        case ast.Input():
            return _typed(f"input {node.name.id}", node.type, indent)
        case ast.Return():
            laid = [lay_out(value, indent + STEP, indent + STEP) for value in node.values]
            return "return " + _listed("return ", list(map(flat, node.values)), laid, indent)
        case ast.Share():
            head = f"share {node.name.id} = {node.function.id}"
            return head + bracketed("(", arguments(node), ")", indent, indent + len(head))
        case ast.Assign():
            head = ", ".join(name.id for name in node.names)
            return f"{head} {_bound(head, node.value, indent)}"
        case ast.Update() | ast.Collect():
            head = f"{type(node).__name__.lower()} {node.name.id}"
            return f"{head} {_bound(head, node.value, indent)}"
    raise TypeError(f"{type(node).__name__} has a body")


def _result(
    word: str, node: ast.Const | ast.Loss | ast.Metric | ast.Output, table: Table, indent: int
) -> Row:
    value = _bound(f"{word} {node.name.id}", node.value, indent)
    return Row(indent, (word, node.name.id, value), table)


def _bound(head: str, value: ast.Expr, indent: int) -> str:
    """`= value`, as it is laid out behind `head`."""
    return f"= {lay_out(value, indent, _end(head, indent) + 3)}"


def _names(head: str, names: tuple[ast.Name, ...], indent: int) -> str:
    texts = [name.id for name in names]
    return _listed(head, texts, texts, indent)


def _listed(head: str, texts: list[str], laid: list[str], indent: int) -> str:
    """Texts with commas between: behind `head`, or, if that is too long, laid out line by line."""
    text = ", ".join(texts)
    if _end(head, indent) + len(text) <= WIDTH:
        return text
    return f",\n{' ' * (indent + STEP)}".join(laid)


def _typed(head: str, type: ast.Type | None, indent: int) -> str:
    if type is None:
        return head
    head += f": {type.dtype.id if type.dtype else ''}"
    if type.sizes is None:
        return head
    return head + bracketed("[", type.sizes, "]", indent, indent + len(head))


def _stored(node: ast.Param | ast.State, indent: int) -> Row:
    word = "param" if isinstance(node, ast.Param) else "state"
    head = _typed(f"{word} {node.name.id}", node.type, indent)
    column = _end(head, indent) + 1
    match node.init:
        case ast.Draw():
            drawn = f"~ {node.init.name.id}"
            drawn += bracketed("(", arguments(node.init), ")", indent, column + len(drawn))
            row = Row(indent, (head, drawn), Table.DRAWN)
        case ast.Fill():
            row = Row(indent, (head, _bound(head, node.init.value, indent)), Table.FILLED)
        case None:
            row = Row(indent, (head,))
    if isinstance(node, ast.State) or not node.settings:
        return row
    return replace(row, cells=(*row.cells[:-1], row.cells[-1] + _with(node.settings, row)))


def _with(settings: tuple[ast.Setting, ...], row: Row) -> str:
    """The settings of a parameter behind its row."""
    texts = [f"{one.key.id} = {flat(one.value)}" for one in settings]
    return " with " + _listed(f"{row.text} with ", texts, texts, row.indent)


def _end(text: str, indent: int) -> int:
    """The column behind a text that begins at `indent`."""
    above, _, line = text.rpartition("\n")
    return len(line) if above else indent + len(line)
