"""Free stretches of one block of memory, found by size and by offset."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field


@dataclass(slots=True)
class Stretches:
    """Free stretches below `top`, the size of the block so far; neighbours are merged."""

    top: int = 0
    _by_size: list[tuple[int, int]] = field(default_factory=list)
    _starts: dict[int, int] = field(default_factory=dict)
    _ends: dict[int, int] = field(default_factory=dict)

    def take(self, size: int) -> int:
        """The offset of a stretch of `size` bytes: the tightest that is free, or new room."""
        at = bisect_left(self._by_size, (size, 0))
        if at < len(self._by_size):
            found, offset = self._by_size[at]
            self._remove(offset, found)
            if found > size:
                self._insert(offset + size, found - size)
            return offset
        offset = self.top
        if offset in self._ends:  # a free stretch at the very top grows
            offset = self._ends[offset]
            self._remove(offset, self._starts[offset])
        self.top = offset + size
        return offset

    def give(self, offset: int, size: int) -> None:
        """Take a stretch back."""
        after = offset + size
        if after in self._starts:
            size += self._starts[after]
            self._remove(after, self._starts[after])
        if offset in self._ends:
            before = self._ends[offset]
            size += self._starts[before]
            self._remove(before, self._starts[before])
            offset = before
        self._insert(offset, size)

    def _insert(self, offset: int, size: int) -> None:
        insort(self._by_size, (size, offset))
        self._starts[offset] = size
        self._ends[offset + size] = offset

    def _remove(self, offset: int, size: int) -> None:
        del self._by_size[bisect_left(self._by_size, (size, offset))]
        del self._starts[offset]
        del self._ends[offset + size]
