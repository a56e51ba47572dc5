"""Statements of other languages: how far one reaches, so that what is in it is told as one fault.

A `def`, a `for` or an `if` of Python goes on in the lines below that are indented further; a
declaration of Stan ends with a semicolon. Neither is a fault of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphdsl.language.brackets import span_of
from graphdsl.language.diagnostics import Diagnostic
from graphdsl.language.source import Span
from graphdsl.language.statements import Piece

_CLOSING = frozenset(("end", "else", "elif", "elseif", "endif", "endfor", "done", "fi"))
_ECHOES = frozenset(("E0109", "E0112", "E0114", "E0118"))
"""What is said of a semicolon, a brace, an `else` and a `return`."""


def is_foreign(piece: Piece, faults: Iterable[Diagnostic]) -> bool:
    """Whether one of the faults says that the statement is one of another language."""
    start = piece.tokens[0].span.start
    labels = [one.primary for one in faults if one.code == "E0123"]
    return any(label is not None and label.span.start == start for label in labels)


def belongs_to(piece: Piece, header: Piece) -> bool:
    """Whether a statement is the body of the one above it, or ends it."""
    first, above = piece.tokens[0], header.tokens[0].span
    if first.span.column > above.column:
        return True
    return first.span.column == above.column and first.text in _CLOSING


def extent(piece: Piece) -> Span:
    """The lines of a statement, from its first word to the end of its last line."""
    whole = span_of(piece.tokens)
    text = whole.source.text
    end = text.find("\n", whole.end)
    return whole.source.span(whole.start, len(text) if end < 0 else end)


def without_echoes(faults: Sequence[Diagnostic], foreign: Sequence[Span]) -> list[Diagnostic]:
    """The faults but those that follow from another: what stands in a statement of another
    language, and the semicolon at the end of a line that is at fault before it."""
    lines = {_line(one) for one in faults if not _is_semicolon(one)}
    return [
        one
        for one in faults
        if not (_is_semicolon(one) and _line(one) in lines)
        and (one.code not in _ECHOES or not _is_inside(one, foreign))
    ]


def _is_semicolon(fault: Diagnostic) -> bool:
    return fault.code == "E0109" and fault.primary is not None and fault.primary.span.text[0] == ";"


def _line(fault: Diagnostic) -> int:
    return fault.primary.span.line if fault.primary else 0


def _is_inside(fault: Diagnostic, spans: Sequence[Span]) -> bool:
    label = fault.primary
    return label is not None and any(s.start < label.span.start < s.end for s in spans)
