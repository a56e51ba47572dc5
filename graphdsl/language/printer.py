"""ast.Program -> text, the formatter: canonical layout, comments and docs where they stood.

`parse(format_program(p)) == p`, and formatting what was formatted changes nothing. Of its author's
layout a file keeps empty lines, whether a body stands on its header's line, and the lines of a
statement with comments between them; all else follows from the tree and the comments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graphdsl.language import ast
from graphdsl.language.cells import statement_row
from graphdsl.language.columns import GAP, Row, render
from graphdsl.language.comments import Remarks
from graphdsl.language.flat import SUM, flat
from graphdsl.language.layout import STEP, WIDTH, bracketed
from graphdsl.language.source import Span

Owner = ast.Block | ast.Optimizer | ast.Repeat | ast.Data | ast.Train


def format_program(program: ast.Program) -> str:
    """The program as text; ends with a newline unless it is empty."""
    printer = _Printer(Remarks(program))
    if program.doc is not None:
        printer.doc(program.doc, 0)
        if program.statements or program.comments:
            printer.rows.append(Row(0, alone=True))
    printer.body(program.statements, len(program.source.text), 0)
    lines = render(printer.rows)
    if program.doc is None and lines and lines[0].startswith("##"):
        lines.insert(0, "")  # on line 1 it would document the file
    return "\n".join(lines) + "\n" if lines else ""


def format_expr(expr: ast.Expr) -> str:
    """The expression on one line, with no more parentheses than it needs."""
    return flat(expr)


class _Printer:
    def __init__(self, remarks: Remarks) -> None:
        self.remarks = remarks
        self.rows: list[Row] = []

    def doc(self, doc: str, indent: int) -> None:
        for line in doc.split("\n"):
            self.rows.append(Row(indent, (f"## {line}".rstrip(),), alone=True))

    def body(
        self,
        nodes: Sequence[ast.AnyStatement | ast.Setting],
        end: int,
        indent: int,
    ) -> None:
        """The statements or settings of one body, with the comments up to the offset `end`."""
        begin = len(self.rows)
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
        if wanted and len(self.rows) > begin and self.rows[-1].text:
            self.rows.append(Row(0, alone=True))

    def comments(self, end: int, indent: int, begin: int) -> None:
        """The comments before the offset `end` that nothing has claimed, each on its line."""
        for comment in self.remarks.take_before(end):
            self.blank(self.remarks.blank_above(comment.span, 0), begin)
            self.rows.append(Row(indent, (comment.text,), alone=True))

    def node(self, node: ast.AnyStatement | ast.Setting, indent: int) -> None:
        if isinstance(node, Owner):
            self.owner(node, indent)
        elif (text := self.remarks.verbatim(node.span, indent)) is not None:
            self.lines(text, indent, node.span.end)
        else:
            self.row(statement_row(node, indent), node.span.end)

    def row(self, row: Row, end: int) -> None:
        """What ends at the offset `end`, with the comment behind it."""
        if "\n" in row.text:
            self.lines(row.text, row.indent, end)
        else:
            self.rows.append(replace(row, comment=self.remarks.take_trailing(end)))

    def lines(self, text: str, indent: int, end: int) -> None:
        """Lines that are aligned with no others, with the comment behind the offset `end`."""
        comment = self.remarks.take_trailing(end)
        head, *rest = (f"{text}{GAP}{comment}" if comment else text).split("\n")
        self.rows.append(Row(indent, (head,), alone=True))
        self.rows += [Row(0, (line,), alone=True) for line in rest]

    def owner(self, node: Owner, indent: int) -> None:
        if (text := self.one_line(node, indent)) is not None:
            self.row(Row(indent, (text,)), node.span.end)
            return
        brace = self.remarks.brace(node, header_end(node))
        text = self.remarks.verbatim(Span(node.span.source, node.span.start, brace), indent)
        text = (text if text is not None else header_text(node, indent)) + " {"
        self.lines(text, indent, brace + 1)
        self.body(body_of(node), node.span.end, indent + STEP)
        self.lines("}", indent, node.span.end)

    def one_line(self, node: Owner, indent: int) -> str | None:
        """The node with its body on its line, if it was written so, fits, or is empty."""
        brace = self.remarks.brace(node, header_end(node))
        body: str | None = ""
        match body_of(node):
            case (only,) if self.remarks.is_one_line(brace, node.span.end):
                body = self.beside(only, indent)
            case (_, *_):
                return None
        if body is None or self.remarks.are_inside(node.span):
            return None
        text = f"{header_text(node, indent)} {{{body and f' {body} '}}}"
        return text if not body or _fits(text, indent) else None

    def beside(self, node: ast.AnyStatement | ast.Setting, indent: int) -> str | None:
        """A statement as it stands between the braces of a body on one line, if it can."""
        if getattr(node, "doc", None) is not None:
            return None
        if isinstance(node, Owner):
            return self.one_line(node, indent)
        return statement_row(node, indent).text


def _fits(text: str, indent: int) -> bool:
    return "\n" not in text and indent + len(text) <= WIDTH


def body_of(node: Owner) -> tuple[ast.AnyStatement | ast.Setting, ...]:
    """What stands between the braces."""
    return node.settings if isinstance(node, ast.Data | ast.Train) else node.body


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
    # not deep: a map's `{` at the end of a line would open the body
    return head + bracketed("(", formals, ")", indent, indent + len(head) + 2, deep=False)


def _formal(formal: ast.Formal) -> ast.Name | ast.Keyword:
    if formal.default is None:
        return formal.name
    return ast.Keyword(formal.name, formal.default, span=formal.span)
