"""Shuffling by blocks, for rows that are computed as they are read.

A part's rows are cut into blocks of neighbours (about 1 MiB, 32,768 rows at most). An epoch takes
the blocks in the order that (seed, epoch) gives, `WINDOW_BLOCKS` at a time, and the rows of such a
window in the order that (seed, epoch, window) gives: every row comes once, memory holds two windows
whatever the data's size, and the disk is read in long stretches. The next window is read while the
steps of the one before it run.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from graphdsl.graph.kernel import Array
from graphdsl.training.deferred import Rows, block_rows
from graphdsl.training.prefetch import prefetched
from graphdsl.training.splits import BLOCKS, WINDOW, shuffled

WINDOW_BLOCKS = 32


@dataclass(frozen=True, slots=True)
class Window:
    """Rows that are held, and the order they are taken in."""

    arrays: Mapping[str, Array]
    order: Array


class Windows:
    """The rows of a part, a window at a time, in two sets of buffers used in turns."""

    def __init__(self, arrays: Mapping[str, Rows], rows: int, shuffle: bool, seed: int) -> None:
        self._arrays, self._rows = arrays, rows
        self._shuffle, self._seed = shuffle, seed
        row_bytes = sum(
            array.dtype.itemsize * int(np.prod(array.shape[1:], dtype=np.int64))
            for array in arrays.values()
        )
        self.block = block_rows(row_bytes)
        size = min(self.block * WINDOW_BLOCKS, rows)
        self._buffers = [
            {n: np.empty((size, *a.shape[1:]), a.dtype) for n, a in arrays.items()}
            for _ in range(2)
        ]
        self._begun: Generator[Window, None, None] | None = None

    def epoch(self, number: int) -> Iterator[Window]:
        """The windows of an epoch; a window's arrays are overwritten by the next but one, which is
        read from when the next one is asked for. An epoch that was begun before ends here: what it
        still reads ahead, where its error holds on to it, would be written into the same arrays."""
        if self._begun is not None:
            self._begun.close()
        self._begun = prefetched(self._jobs(number))
        return self._begun

    def _jobs(self, number: int) -> Iterator[Callable[[], Window]]:
        count = -(-self._rows // self.block)
        blocks = shuffled(count, self._seed, number, BLOCKS) if self._shuffle else np.arange(count)
        for turn, start in enumerate(range(0, count, WINDOW_BLOCKS)):
            chosen = np.sort(blocks[start : start + WINDOW_BLOCKS])
            yield partial(self._read, chosen, number, turn)

    def _read(self, blocks: Array, number: int, turn: int) -> Window:
        """Read some blocks, from the front to the back of the part."""
        buffers, filled = self._buffers[turn % 2], 0
        for block in blocks.tolist():
            start, stop = block * self.block, min((block + 1) * self.block, self._rows)
            for name, array in self._arrays.items():
                buffers[name][filled : filled + stop - start] = array[start:stop]
            filled += stop - start
        order = np.arange(filled)
        if self._shuffle:
            order = shuffled(filled, self._seed, number, WINDOW, turn)
        return Window({n: b[:filled] for n, b in buffers.items()}, order)
