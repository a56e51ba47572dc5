"""Minibatches: the rows of a part in an order that (seed, epoch) gives, gathered into one buffer.

Row i of an epoch gets word i of Philox's raw stream keyed by [seed, epoch] at counter
[0, 0, 0, 2], and the rows are taken in the order of their words (see `splits`). Parts that are
read as they are needed are shuffled by blocks (see `windows`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from graphdsl.engines.late_rows import LateRows
from graphdsl.graph.kernel import Array
from graphdsl.training.dataset import Part
from graphdsl.training.deferred import Deferred
from graphdsl.training.options import Size
from graphdsl.training.prefetch import prefetched
from graphdsl.training.splits import ORDER, shuffled
from graphdsl.training.windows import Window, Windows

Feeds = dict[str, Array]

Arriving = tuple[Feeds, LateRows | None, int]
"""What a step is fed, those of its rows that are yet to be gathered into it, and their number."""

GATHERED = 2**19
"""Bytes that are gathered at once: several batches where they are small, which saves the calls that
cost more than the copying, and fit the cache still."""

ORDERED = 2**15
"""Rows whose order is drawn at once, of several epochs if a part has few."""


class Batches:
    """A part in batches of `batch` rows, the last one as short as it comes.

    What an iteration gives is overwritten by its next turn.
    """

    def __init__(self, part: Part, batch: Size, *, shuffle: bool = True, seed: int = 0) -> None:
        self.part = part
        rows = max(part.rows, 1)
        self.size = rows if batch == "all" else min(batch, rows)
        self.shuffle = shuffle and self.size < part.rows
        self.seed = seed
        self._orders: dict[int, Array] = {}
        self._held = {n: a for n, a in part.arrays.items() if not isinstance(a, Deferred)}
        self._windows = None
        if part.deferred:
            self._windows = Windows(part.arrays, part.rows, self.shuffle, seed)
        gathered = part.arrays.items() if self.shuffle or self._windows else ()
        group = 1 if self._windows else self._group()
        self._buffers = {
            name: np.empty((group * self.size, *array.shape[1:]), array.dtype)
            for name, array in gathered
        }
        self._feeds = [self._cut(turn * self.size, self.size) for turn in range(group)]

    def __len__(self) -> int:
        """Steps in an epoch: one at least, for models that are fed no rows."""
        return -(-max(self.part.rows, 1) // self.size)

    def epoch(self, number: int) -> Iterator[tuple[Feeds, int]]:
        """The batches of an epoch (numbered from 0) as feeds, each with its number of rows."""
        for fed, late, count in self.arriving(number, lambda: False):
            if late is not None:
                late.gather_all()
            yield fed, count

    def arriving(self, number: int, apart: Callable[[], bool]) -> Iterator[Arriving]:
        """The same for a consumer that gathers the rows of a batch itself, or has it done, before
        it asks for the next one; rows of several batches are gathered here, at once, unless `apart`
        says that each is better gathered apart."""
        if self._windows is not None:
            return self._from_windows(self._windows, number)
        if self.shuffle:
            return self._shuffled(self._order(number), apart)
        return ((fed, None, count) for fed, count in chunks(self.part, self.size))

    def _shuffled(self, order: Array, apart: Callable[[], bool]) -> Iterator[Arriving]:
        size, group = self.size, self.size * len(self._feeds)
        pairs = [(array, self._buffers[name]) for name, array in self._held.items()]
        start = 0
        while start < len(order):
            alone = group == size or apart()
            late = LateRows(pairs, order[start : start + (size if alone else group)])
            start += len(late.order)
            if alone:
                yield self._one(len(late.order)), late, len(late.order)
                continue
            late.gather_all()
            whole, rest = divmod(len(late.order), size)
            for feeds in self._feeds[:whole]:
                yield feeds, None, size
            if rest:
                yield self._cut(whole * size, rest), None, rest

    def _order(self, number: int) -> Array:
        """The order of an epoch's rows, drawn with those of the next ones where rows are few: the
        first draw after a while costs several times what the others do."""
        if number not in self._orders:
            rows = self.part.rows
            ahead = range(number, number + max(ORDERED // rows, 1))
            self._orders = {turn: shuffled(rows, self.seed, turn, ORDER) for turn in ahead}
        return self._orders[number]

    def _from_windows(self, windows: Windows, number: int) -> Iterator[Arriving]:
        """Batches across the borders of windows: only the last one may be short. The rows of a
        window are there until the next one is asked for."""
        filled = 0
        for window in windows.epoch(number):
            taken, held = 0, len(window.order)
            while taken < held:
                late = self._late(window, taken, filled)
                taken += len(late.order)
                if len(late.order) == self.size:
                    yield self._feeds[0], late, self.size
                    continue
                late.gather_all()
                filled += len(late.order)
                if filled == self.size:
                    yield self._feeds[0], None, self.size
                    filled = 0
        if filled:
            yield self._cut(0, filled), None, filled

    def _late(self, window: Window, taken: int, filled: int) -> LateRows:
        """The rows of a window behind those that were taken, as many as a batch still needs."""
        buffers = {name: buffer[filled:] for name, buffer in self._buffers.items()}
        pairs = [(array, buffers[name]) for name, array in window.arrays.items()]
        return LateRows(pairs, window.order[taken : taken + self.size - filled])

    def _one(self, count: int) -> Feeds:
        """The first rows of the buffers, a batch of them or fewer."""
        return self._feeds[0] if count == self.size else self._cut(0, count)

    def _cut(self, start: int, count: int) -> Feeds:
        """Some rows of the buffers, and what is fed whole."""
        rows = {name: buffer[start : start + count] for name, buffer in self._buffers.items()}
        return {**rows, **self.part.whole}

    def _group(self) -> int:
        """How many batches are gathered at once."""
        row_bytes = sum(array.nbytes // max(len(array), 1) for array in self._held.values())
        return min(max(GATHERED // max(row_bytes * self.size, 1), 1), len(self))


def chunks(part: Part, size: Size) -> Iterator[tuple[Feeds, int]]:
    """A part's rows in their own order, as views of at most `size` rows, or read ahead."""
    rows = part.rows
    step = max(rows, 1) if size == "all" else size
    if not part.arrays:
        yield dict(part.whole), max(rows, 1)
        return
    jobs = [partial(_chunk, part, at, min(at + step, rows)) for at in range(0, rows, step)]
    yield from prefetched(jobs) if part.deferred else (job() for job in jobs)


def _chunk(part: Part, start: int, stop: int) -> tuple[Feeds, int]:
    return {n: a[start:stop] for n, a in part.arrays.items()} | dict(part.whole), stop - start
