"""A line of a source as a terminal shows it: labels come in, text and columns go out.

Tabs are expanded, wide and combining characters counted by the cells they take, control characters
escaped, and a very long line is clipped around what is underlined.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unicodedata import combining, east_asian_width

if TYPE_CHECKING:
    from graphdsl.language.diagnostics import Label
    from graphdsl.language.source import Source

TAB = 4
LONGEST = 120
"""A line of more characters is clipped."""
BEFORE = 40
"""How many characters before the underlined ones a clipped line shows."""

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A line made ready for a terminal, and for each label the columns it underlines."""

    text: str
    labels: tuple[Label, ...]
    columns: tuple[tuple[int, int], ...]


def visible(text: str) -> str:
    """The text with invisible and control characters escaped; newlines and tabs are kept."""
    return _HIDDEN.sub(lambda found: _escape(found[0]), text)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def excerpt(number: int, labels: list[Label]) -> list[Excerpt]:
    """Line `number` with its labels: once, or once for each label if it is very long."""
    source = labels[0].span.source
    start, end = _bounds(source, number)
    if end - start <= LONGEST:
        return [_show(source, (start, end), (start, end), labels)]
    return [_show(source, (start, end), _window(start, end, label), [label]) for label in labels]


def _bounds(source: Source, number: int) -> tuple[int, int]:
    """The offsets at which a line begins and ends, its newline left out."""
    start = source.line_starts[number - 1]
    end = source.text.find("\n", start)
    end = len(source.text) if end < 0 else end
    return start, end - (source.text[start:end].endswith("\r"))


def _window(start: int, end: int, label: Label) -> tuple[int, int]:
    left = max(start, min(label.span.start - BEFORE, end - LONGEST))
    return left, min(end, left + LONGEST)


def _show(
    source: Source, line: tuple[int, int], window: tuple[int, int], labels: list[Label]
) -> Excerpt:
    left, right = window
    text, stops = _cells(source.text[left:right], "… " if left > line[0] else "")
    if right < line[1]:
        text += " …"
    columns = []
    for label in labels:
        first = stops[min(max(label.span.start, left), right) - left]
        last = stops[min(max(label.span.end, left), right) - left]
        columns.append((first, max(last, first + 1)))
    return Excerpt(text, tuple(labels), tuple(columns))


def _cells(raw: str, lead: str) -> tuple[str, list[int]]:
    """The text to print, and the column at which each character, and the end, stands."""
    shown, column = [lead], len(lead)
    stops = []
    for character in raw:
        stops.append(column)
        if character == "\t":
            character = " " * (TAB - column % TAB)
            column += len(character)
        elif _HIDDEN.match(character):
            character = _escape(character)
            column += len(character)
        else:
            column += _width(character)
        shown.append(character)
    stops.append(column)
    return "".join(shown), stops


def _width(character: str) -> int:
    if combining(character):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1
