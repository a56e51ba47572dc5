"""Offsets in one block of memory for buffers that live for a stretch of the program."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field

from graphdsl.graph.layout import ALIGNMENT


@dataclass(frozen=True, slots=True)
class Span:
    """A buffer's life: written at step `start`, last read at step `end`, both included."""

    start: int
    end: int
    nbytes: int


@dataclass(slots=True)
class _Free:
    """Free stretches below `top`, found by size and by offset; neighbours are merged."""

    top: int = 0
    by_size: list[tuple[int, int]] = field(default_factory=list)
    starts: dict[int, int] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)

    def take(self, size: int) -> int:
        """The offset of a stretch of `size` bytes: the tightest that is free, or new room."""
        at = bisect_left(self.by_size, (size, 0))
        if at < len(self.by_size):
            found, offset = self.by_size[at]
            self._remove(offset, found)
            if found > size:
                self._insert(offset + size, found - size)
            return offset
        offset = self.top
        if offset in self.ends:  # a free stretch at the very top grows
            offset = self.ends[offset]
            self._remove(offset, self.starts[offset])
        self.top = offset + size
        return offset

    def give(self, offset: int, size: int) -> None:
        """Take a stretch back."""
        after = offset + size
        if after in self.starts:
            size += self.starts[after]
            self._remove(after, self.starts[after])
        if offset in self.ends:
            before = self.ends[offset]
            size += self.starts[before]
            self._remove(before, self.starts[before])
            offset = before
        self._insert(offset, size)

    def _insert(self, offset: int, size: int) -> None:
        insort(self.by_size, (size, offset))
        self.starts[offset] = size
        self.ends[offset + size] = offset

    def _remove(self, offset: int, size: int) -> None:
        del self.by_size[bisect_left(self.by_size, (size, offset))]
        del self.starts[offset]
        del self.ends[offset + size]


def place(spans: Sequence[Span]) -> tuple[list[int], int]:
    """An offset for each buffer, so that no two that live at once overlap, and the bytes in all.

    Buffers are placed as they begin, each in the tightest gap that holds it.
    """
    free = _Free()
    offsets = [0] * len(spans)
    ending: dict[int, list[int]] = {}
    passed = -1
    for index in sorted(range(len(spans)), key=lambda i: spans[i].start):
        span = spans[index]
        for step in range(passed + 1, span.start):
            for done in ending.pop(step, ()):
                free.give(offsets[done], _rounded(spans[done].nbytes))
        passed = span.start - 1
        offsets[index] = free.take(_rounded(span.nbytes))
        ending.setdefault(span.end, []).append(index)
    return offsets, free.top


def _rounded(nbytes: int) -> int:
    return max(ALIGNMENT, -(-nbytes // ALIGNMENT) * ALIGNMENT)
