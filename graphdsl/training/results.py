"""What a model computes for rows, chunk by chunk, so that no more than a chunk need be held."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

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
        """All of it."""
        pieces: dict[str, list[Array]] = {name: [] for name in self.names}
        for chunk in self.chunks():
            for name, value in chunk.items():
                if name in self.by_row or not pieces[name]:
                    pieces[name].append(value)
        return {
            name: np.concatenate(found) if name in self.by_row else found[0]
            for name, found in pieces.items()
        }
