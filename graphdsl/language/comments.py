"""Where comments stood: a program's comments come in, the formatter takes each where it belongs."""

from __future__ import annotations

from bisect import bisect_left

from graphdsl.language import ast
from graphdsl.language.source import Span


class Remarks:
    """The comments of a program, each of which is taken once."""

    def __init__(self, program: ast.Program) -> None:
        self.text = program.source.text
        self.source = program.source
        self.comments = sorted(program.comments, key=lambda one: one.span.start)
        self.starts = [one.span.start for one in self.comments]
        self.taken = [False] * len(self.comments)
        self.next = 0

    def take_before(self, end: int) -> list[ast.Comment]:
        """The comments before the offset `end` that nothing has taken."""
        found = []
        while self.next < len(self.comments) and self.starts[self.next] < end:
            if not self.taken[self.next]:
                found.append(self.comments[self.next])
            self.next += 1
        return found

    def take_trailing(self, end: int) -> str:
        """The comment behind the offset `end` on the same line, nothing but space between."""
        at = bisect_left(self.starts, end)
        if at == len(self.comments) or self.taken[at]:
            return ""
        comment = self.comments[at]
        if comment.alone or self.text[end : comment.span.start].strip(" \t"):
            return ""
        self.taken[at] = True
        return comment.text

    def verbatim(self, span: Span, indent: int) -> str | None:
        """The text of `span` as it stands, moved to `indent`, if there are comments inside."""
        first, last = self.inside(span)
        if first == last:
            return None
        self.taken[first:last] = [True] * (last - first)
        head, *rest = span.text.rstrip().split("\n")
        shift = indent - (span.column - 1)
        return "\n".join([head.rstrip(), *(_moved(line, shift) for line in rest)])

    def are_inside(self, span: Span) -> bool:
        """Whether there are comments inside `span`."""
        first, last = self.inside(span)
        return first < last

    def inside(self, span: Span) -> tuple[int, int]:
        """The indices of the first comment inside `span` and of the first one behind it."""
        return bisect_left(self.starts, span.start), bisect_left(self.starts, span.end)

    def is_one_line(self, start: int, end: int) -> bool:
        """Whether no line ends between the offsets `start` and `end` of a text."""
        return bool(self.text) and "\n" not in self.text[start:end]

    def blank_above(self, span: Span, lines: int) -> bool:
        """Whether the line above `span`, and above the `lines` of its doc, is empty."""
        line = span.line - lines - 1
        return bool(self.text) and line > 0 and not self.source.line(line).strip()

    def brace(self, node: ast.Node, start: int) -> int:
        """The offset of the first `{` behind `start` that is in no comment."""
        at = self.text.find("{", start)
        while at >= 0:
            index = bisect_left(self.starts, at) - 1
            if index < 0 or self.comments[index].span.end <= at:
                return at
            at = self.text.find("{", self.comments[index].span.end)
        return start


def _moved(line: str, shift: int) -> str:
    line = line.rstrip()
    if not line:
        return ""
    body = line.lstrip()
    return " " * max(0, len(line) - len(body) + shift) + body
