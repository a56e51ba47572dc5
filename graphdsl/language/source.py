"""Text and where things stand in it: a file comes in, `Source` and `Span` values go out."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

MAX_SOURCE_BYTES = 4 * 1024 * 1024
"""A model file is text that a person can read; what is larger is refused before it is parsed."""


@dataclass(frozen=True)
class Source:
    """The text of one `.gdl` file. `path` is None for text that came from no file."""

    text: str
    name: str = "<text>"
    path: Path | None = None
    has_lines: bool = True
    """Whether its lines are those that a person wrote: an option's words have none."""

    @cached_property
    def line_starts(self) -> list[int]:
        """Offsets of the first character of every line."""
        starts = [0]
        find, at = self.text.find, -1
        while (at := find("\n", at + 1)) >= 0:
            starts.append(at + 1)
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """The line and column of an offset, both counted from 1."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of line `number` (from 1), without its newline."""
        start = self.line_starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : len(self.text) if end < 0 else end].rstrip("\r")

    def span(self, start: int, end: int) -> Span:
        """The span of the characters from `start` up to, not including, `end`."""
        return Span(self, start, end)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a source; `end` is exclusive."""

    source: Source = field(repr=False, compare=False)
    start: int
    end: int

    @property
    def line(self) -> int:
        """The line on which the span begins, from 1."""
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        """The column at which the span begins, from 1."""
        return self.source.position(self.start)[1]

    @property
    def text(self) -> str:
        """The characters the span covers."""
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of `other`."""
        return Span(self.source, self.start, max(self.end, other.end))

    def __str__(self) -> str:
        name = self.source.name
        return f"{name}:{self.line}:{self.column}" if self.source.has_lines else name


def read_source(path: str | Path) -> Source:
    """The text of a model file; `ModelError`, naming the file, if it cannot be read as text."""
    from graphdsl.language.reading import read  # diagnostics are built on this module

    return read(Path(path))
