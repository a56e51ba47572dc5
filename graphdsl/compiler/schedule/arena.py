"""Offsets in one block of memory for buffers that live for a stretch of the program.

Spans come in, offsets and the bytes in all go out. Finding the least is NP-hard (it is dynamic
storage allocation); of a few quick strategies the best result is taken, and none is tried beyond
one that comes near the bytes that live at once, which no placement can go below.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from graphdsl.compiler.schedule.stretches import Stretches
from graphdsl.graph.layout import ALIGNMENT

ENOUGH = 1 / 64
"""The share of the live bytes beyond which another strategy is tried."""
MAX_FITTED = 2_000
"""Buffers up to which they are fitted by size: that takes quadratic time."""

Placed = tuple[list[int], int]
"""An offset for each buffer, and the bytes in all."""


@dataclass(frozen=True, slots=True)
class Span:
    """A buffer's life: written at step `start`, last read at step `end`, both included."""

    start: int
    end: int
    nbytes: int

    @property
    def room(self) -> int:
        """The bytes it takes: whole cache lines."""
        return max(ALIGNMENT, -(-self.nbytes // ALIGNMENT) * ALIGNMENT)


def place(spans: Sequence[Span]) -> Placed:
    """An offset for each buffer, so that no two that live at once overlap, and the bytes in all."""
    enough = (1 + ENOUGH) * highest(live_bytes(spans))[1]
    best = place_forward(spans)
    for strategy in STRATEGIES:
        if best[1] <= enough:
            break
        best = min(best, strategy(spans), key=lambda placed: placed[1])
    return best


def live_bytes(spans: Sequence[Span]) -> list[tuple[int, int]]:
    """(step, bytes that live from it on) wherever the number changes, in order."""
    changes: dict[int, int] = {}
    for span in spans:
        changes[span.start] = changes.get(span.start, 0) + span.room
        changes[span.end + 1] = changes.get(span.end + 1, 0) - span.room
    curve, total = [], 0
    for step in sorted(changes):
        total += changes[step]
        curve.append((step, total))
    return curve


def highest(curve: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The first step at which the most bytes live, and how many."""
    return max(curve, key=lambda change: change[1], default=(0, 0))


def place_forward(spans: Sequence[Span]) -> Placed:
    """Buffers placed as they begin, each in the tightest gap that holds it."""
    free = Stretches()
    offsets = [0] * len(spans)
    ending = sorted(range(len(spans)), key=lambda i: spans[i].end, reverse=True)
    for index in sorted(range(len(spans)), key=lambda i: spans[i].start):
        while spans[ending[-1]].end < spans[index].start:
            done = ending.pop()
            free.give(offsets[done], spans[done].room)
        offsets[index] = free.take(spans[index].room)
    return offsets, free.top


def place_backward(spans: Sequence[Span]) -> Placed:
    """The same from the end of the program to its beginning: what dies last is placed first."""
    return place_forward([Span(-span.end, -span.start, span.nbytes) for span in spans])


def place_largest(spans: Sequence[Span]) -> Placed:
    """Buffers placed by size, the largest first (Pisarchyk and Lee, 2020)."""
    return _fit(spans, lambda span: (-span.room, span.start))


def place_lasting(spans: Sequence[Span]) -> Placed:
    """The same; of equally large ones those that live longest come first."""
    return _fit(spans, lambda span: (-span.room, span.start - span.end))


def place_heaviest(spans: Sequence[Span]) -> Placed:
    """Buffers placed by size times length of life, the largest first."""
    return _fit(spans, lambda span: (-span.room * (1 + span.end - span.start), span.start))


STRATEGIES = (place_backward, place_largest, place_lasting, place_heaviest)
"""What is tried where `place_forward` leaves gaps; the quick one first."""


def _fit(spans: Sequence[Span], key: Callable[[Span], tuple[int, int]]) -> Placed:
    """Buffers in the order of `key`, each in the tightest gap between those that live with it."""
    if len(spans) > MAX_FITTED:
        return place_forward(spans)
    order = sorted(range(len(spans)), key=lambda i: key(spans[i]))
    starts = np.array([spans[i].start for i in order])
    ends = np.array([spans[i].end for i in order])
    sizes = np.array([spans[i].room for i in order])
    places = np.zeros(len(order), np.int64)
    for at in range(len(order)):
        together = np.flatnonzero((starts[:at] <= ends[at]) & (ends[:at] >= starts[at]))
        low = places[together]
        taken = sorted(zip(low.tolist(), (low + sizes[together]).tolist(), strict=True))
        places[at] = _find_gap(taken, int(sizes[at]))
    offsets = [0] * len(spans)
    for index, offset in zip(order, places.tolist(), strict=True):
        offsets[index] = offset
    return offsets, int((places + sizes).max(initial=0))


def _find_gap(taken: Sequence[tuple[int, int]], size: int) -> int:
    """The offset of the tightest gap of `size` bytes between stretches in order, else behind."""
    top, best = 0, None
    for low, high in taken:
        if low - top >= size and (best is None or low - top < best[0]):
            best = (low - top, top)
        top = max(top, high)
    return top if best is None else best[1]
