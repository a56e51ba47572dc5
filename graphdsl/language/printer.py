"""ast.Program -> text, the formatter: canonical layout, comments and docs where they stood.

`parse(format_program(p)) == p`, and formatting what was formatted changes nothing. A statement that
holds comments between its own lines keeps the lines its author gave it.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphdsl.language import ast
from graphdsl.language.comments import Remarks
from graphdsl.language.flat import SUM, arguments, flat
from graphdsl.language.layout import STEP, WIDTH, bracketed, lay_out
from graphdsl.language.source import Span

Owner = ast.Block | ast.Optimizer | ast.Repeat | ast.Data | ast.Train


def format_program(program: ast.Program) -> str:
    """The program as text; ends with a newline unless it is empty."""
    printer = _Printer(Remarks(program))
    if program.doc is not None:
        printer.doc(program.doc, 0)
        if program.statements or program.comments:
            printer.lines.append("")
    printer.body(program.statements, len(program.source.text), 0, first=True)
    lines = printer.lines
    if program.doc is None and lines and lines[0].startswith("##"):
        lines.insert(0, "")  # on line 1 it would document the file
    return "\n".join(lines) + "\n" if lines else ""


def format_expr(expr: ast.Expr) -> str:
    """The expression on one line, with no more parentheses than it needs."""
    return flat(expr)


class _Printer:
    def __init__(self, remarks: Remarks) -> None:
        self.remarks = remarks
        self.lines: list[str] = []

    def doc(self, doc: str, indent: int) -> None:
        for line in doc.split("\n"):
            self.lines.append((" " * indent + f"## {line}").rstrip())

    def body(
        self,
        nodes: Sequence[ast.AnyStatement | ast.Setting],
        end: int,
        indent: int,
        first: bool = False,
    ) -> None:
        """The statements or settings of one body, with the comments up to the offset `end`."""
        begin = len(self.lines)
        for node in nodes:
            doc = getattr(node, "doc", None)
            self.comments(node.span.start, indent, begin)
            lines = 0 if doc is None else doc.count("\n") + 1
            self.blank(self.remarks.blank_above(node.span, lines), begin)
            if doc is not None:
                self.doc(doc, indent)
            self.node(node, indent)
        self.comments(end, indent, begin)

    def blank(self, wanted: bool, begin: int) -> None:
        if wanted and len(self.lines) > begin and self.lines[-1]:
            self.lines.append("")

    def comments(self, end: int, indent: int, begin: int) -> None:
        """The comments before the offset `end` that nothing has claimed, each on its line."""
        for comment in self.remarks.take_before(end):
            self.blank(self.remarks.blank_above(comment.span, 0), begin)
            self.lines.append(" " * indent + comment.text)

    def node(self, node: ast.AnyStatement | ast.Setting, indent: int) -> None:
        if isinstance(node, Owner):
            self.owner(node, indent)
            return
        text = self.remarks.verbatim(node.span, indent)
        self.add(text if text is not None else statement_text(node, indent), indent)
        self.trailing(node.span.end)

    def add(self, text: str, indent: int) -> None:
        self.lines += (" " * indent + text).split("\n")

    def trailing(self, end: int) -> None:
        if comment := self.remarks.take_trailing(end):
            self.lines[-1] += f"  {comment.text}"

    def owner(self, node: Owner, indent: int) -> None:
        nodes = node.settings if isinstance(node, ast.Data | ast.Train) else node.body
        brace = self.remarks.brace(node, header_end(node))
        text = self.remarks.verbatim(Span(node.span.source, node.span.start, brace), indent)
        self.add((text if text is not None else header_text(node, indent)) + " {", indent)
        self.trailing(brace + 1)
        before = len(self.lines)
        self.body(nodes, node.span.end, indent + STEP)
        if len(self.lines) == before and "#" not in self.lines[-1]:
            self.lines[-1] += "}"
        else:
            self.lines.append(" " * indent + "}")
        self.trailing(node.span.end)


def header_end(node: Owner) -> int:
    """An offset in the header behind which its `{` is the next one outside comments."""
    match node:
        case ast.Block() | ast.Optimizer():
            last = node.formals[-1].span if node.formals else node.name.span
        case ast.Repeat():
            last = node.last.span
        case _:
            return node.span.start
    return last.end


def header_text(node: Owner, indent: int) -> str:
    """A header without its `{`."""
    match node:
        case ast.Repeat():
            bounds = f"{flat(node.first, SUM)}..{flat(node.last, SUM)}"
            return f"repeat {node.variable.id} in {bounds}"
        case ast.Data():
            return "data"
        case ast.Train():
            return "train"
    word = "block" if isinstance(node, ast.Block) else "optimizer"
    formals = [_formal(formal) for formal in node.formals]
    head = f"{word} {node.name.id}"
    return head + bracketed("(", formals, ")", indent, indent + len(head) + 2)


def _formal(formal: ast.Formal) -> ast.Name | ast.Keyword:
    if formal.default is None:
        return formal.name
    return ast.Keyword(formal.name, formal.default, span=formal.span)


def statement_text(node: ast.AnyStatement | ast.Setting, indent: int) -> str:
    """A statement without a body, or a setting, from the column `indent` on."""
    match node:
        case ast.Dim():
            return f"dim {_names(node.names)}"
        case ast.Import():
            return f'from "{node.path.value}" import {_names(node.names)}'
        case ast.Input():
            return f"input {node.name.id}" + _type(node.type)
        case ast.Param() | ast.State():
            return _stored(node, indent)
        case ast.Return():
            return _values("return ", node.values, indent)
        case ast.Share():
            head = f"share {node.name.id} = {node.function.id}"
            return head + bracketed("(", arguments(node), ")", indent, indent + len(head))
        case ast.Assign():
            return _bound(_names(node.names), node.value, indent)
        case ast.Setting():
            return _bound(node.key.id, node.value, indent)
        case ast.Const() | ast.Update() | ast.Loss() | ast.Metric() | ast.Output() | ast.Collect():
            word = type(node).__name__.lower()
            return _bound(f"{word} {node.name.id}", node.value, indent)
    raise TypeError(f"{type(node).__name__} has a body")


def _bound(head: str, value: ast.Expr, indent: int) -> str:
    return f"{head} = {lay_out(value, indent, indent + len(head) + 3)}"


def _names(names: tuple[ast.Name, ...]) -> str:
    return ", ".join(name.id for name in names)


def _values(head: str, values: tuple[ast.Expr, ...], indent: int) -> str:
    texts = [flat(value) for value in values]
    if indent + len(head) + len(", ".join(texts)) <= WIDTH:
        return head + ", ".join(texts)
    inner = indent + STEP
    laid = [lay_out(value, inner, inner) for value in values]
    return head + f",\n{' ' * inner}".join(laid)


def _type(type: ast.Type | None) -> str:
    if type is None:
        return ""
    dtype = type.dtype.id if type.dtype else ""
    if type.sizes is None:
        return f": {dtype}"
    return f": {dtype}[{', '.join(flat(size) for size in type.sizes)}]"


def _stored(node: ast.Param | ast.State, indent: int) -> str:
    word = "param" if isinstance(node, ast.Param) else "state"
    text = f"{word} {node.name.id}" + _type(node.type)
    column = indent + len(text)
    match node.init:
        case ast.Draw():
            text += f" ~ {node.init.name.id}"
            text += bracketed("(", arguments(node.init), ")", indent, indent + len(text))
        case ast.Fill():
            text += f" = {lay_out(node.init.value, indent, column + 3)}"
    if isinstance(node, ast.Param) and node.settings:
        text += " with " + ", ".join(f"{one.key.id} = {flat(one.value)}" for one in node.settings)
    return text
