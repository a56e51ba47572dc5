"""What a model computes for rows, chunk by chunk, so that no more than a chunk need be held."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np

from graphdsl.engines.feeds import refusal
from graphdsl.engines.machine import find_lack
from graphdsl.graph.kernel import Array

Chunks = Iterator[dict[str, Array]]


@dataclass(frozen=True, slots=True)
class Results:
    """Arrays by name as they come: one chunk at least, and each has all names.

    Those `by_row` have, in all chunks together, `rows` rows on their first axis; of any other the
    first chunk has all there is. `chunks` begins anew with each call.
    """

    names: tuple[str, ...]
    by_row: frozenset[str]
    rows: int
    chunks: Callable[[], Chunks]

    @classmethod
    def of(cls, arrays: Mapping[str, Array]) -> Results:
        """Arrays that are there already, as one chunk."""
        return cls(tuple(arrays), frozenset(), 0, lambda: iter([dict(arrays)]))

    def collect(self) -> dict[str, Array]:
        """All of it; raises `DataError` where the machine has no room, before all is computed."""
        chunks = self.chunks()
        first, second = next(chunks), next(chunks, None)
        if second is None:
            return first
        whole, filled = self._make_room(first), 0
        for chunk in chain((first, second), chunks):
            rows = max((len(chunk[name]) for name in self.by_row), default=0)
            for name in self.by_row:
                whole[name][filled : filled + rows] = chunk[name]
            filled += rows
        return whole

    def _make_room(self, first: Mapping[str, Array]) -> dict[str, Array]:
        """Arrays for all rows, by what the first chunk has; of what has no rows its own."""
        shapes = {name: (self.rows, *first[name].shape[1:]) for name in self.by_row}
        nbytes = sum(math.prod(shapes[n]) * first[n].itemsize for n in shapes)
        if said := find_lack(nbytes):
            message = f"the results of {self.rows:,} rows take {nbytes:,} bytes; {said}"
            help = "predict fewer rows at once, or write them as they come: graphdsl predict … -o"
            raise refusal("E0802", message, help)
        return {
            name: np.empty(shapes[name], array.dtype) if name in shapes else array
            for name, array in first.items()
        }
