"""Minibatches: the rows of a part in an order that (seed, epoch) gives, gathered into one buffer.

Row i of an epoch gets word i of Philox's raw stream keyed by [seed, epoch] at counter
[0, 0, 0, 2], and the rows are taken in the order of their words (see `splits`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from graphdsl.graph.kernel import Array
from graphdsl.training.dataset import Part
from graphdsl.training.options import Size
from graphdsl.training.splits import ORDER, shuffled

Feeds = dict[str, Array]


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
        gathered = part.arrays.items() if self.shuffle else ()
        self._buffers = {
            name: np.empty((self.size, *array.shape[1:]), array.dtype) for name, array in gathered
        }

    def __len__(self) -> int:
        """Steps in an epoch: one at least, for models that are fed no rows."""
        return -(-max(self.part.rows, 1) // self.size)

    def epoch(self, number: int) -> Iterator[tuple[Feeds, int]]:
        """The batches of an epoch (numbered from 0) as feeds, each with its number of rows."""
        if not self.shuffle:
            yield from chunks(self.part, self.size)
            return
        part, size = self.part, self.size
        order = shuffled(part.rows, self.seed, number, ORDER)
        feeds = {**self._buffers, **part.whole}
        pairs = [(array, self._buffers[name]) for name, array in part.arrays.items()]
        last = part.rows - part.rows % size
        for start in range(0, last, size):
            chosen = order[start : start + size]
            for array, buffer in pairs:
                # three times as fast as array[chosen], and it allocates nothing
                array.take(chosen, axis=0, out=buffer, mode="clip")
            yield feeds, size
        if last < part.rows:
            yield self._short(order[last:])

    def _short(self, chosen: Array) -> tuple[Feeds, int]:
        count = len(chosen)
        short = {name: buffer[:count] for name, buffer in self._buffers.items()}
        for name, buffer in short.items():
            self.part.arrays[name].take(chosen, axis=0, out=buffer, mode="clip")
        return {**short, **self.part.whole}, count


def chunks(part: Part, size: Size) -> Iterator[tuple[Feeds, int]]:
    """A part's rows in their own order, as views of at most `size` rows."""
    rows = part.rows
    step = max(rows, 1) if size == "all" else size
    if not part.arrays:
        yield dict(part.whole), max(rows, 1)
        return
    for start in range(0, rows, step):
        stop = min(start + step, rows)
        yield {n: a[start:stop] for n, a in part.arrays.items()} | dict(part.whole), stop - start
