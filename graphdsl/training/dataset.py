"""The parts of the data that a model is trained and measured on.

The batch axis is the first axis of the inputs whose first size is one symbol: that of the first
input declared so. All other inputs are fed whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from graphdsl.engines import feeds
from graphdsl.graph.kernel import Array
from graphdsl.graph.sizes import symbol
from graphdsl.graph.types import TensorType, leading_symbol
from graphdsl.training.deferred import Deferred, Rows, select
from graphdsl.training.learned import Learned
from graphdsl.training.stream import Stream


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a part's rows came from: their numbers in the source, how a message names one, and
    the column of each input that is one column as it is."""

    rows: Array
    place: Callable[[int], str]
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that belong together: `arrays` have `rows` rows each, `whole` is fed as it is.

    Every array has its input's element type, in C order; where the data is large, rows are read
    as they are needed. `origin` says where they came from.
    """

    arrays: Mapping[str, Rows]
    rows: int
    whole: Mapping[str, Array] = field(default_factory=dict)
    origin: Origin | None = None

    @property
    def deferred(self) -> bool:
        """Whether rows are read as they are needed."""
        return any(isinstance(array, Deferred) for array in self.arrays.values())

    def take(self, rows: Array) -> Part:
        """The part with these rows alone."""
        arrays = {name: select(array, rows) for name, array in self.arrays.items()}
        origin = self.origin and replace(self.origin, rows=self.origin.rows[rows])
        return Part(arrays, len(rows), self.whole, origin)


@dataclass(frozen=True, slots=True)
class Dataset:
    """The parts of the data, any of which but the training part may be missing.

    `learned` is what other rows need to be treated alike, the values behind the codes of
    `category(column)` among it; `stream` is an iterable of batches that takes the training part's
    place.
    """

    train: Part
    valid: Part | None = None
    test: Part | None = None
    learned: Learned = field(default_factory=Learned)
    stream: Stream | None = None

    @property
    def categories(self) -> Mapping[str, tuple[Any, ...]]:
        """The values behind the codes of `category(column)`, by column."""
        return self.learned.categories

    @property
    def parts(self) -> dict[str, Part]:
        """The parts there are, by name."""
        named = {"train": self.train, "valid": self.valid, "test": self.test}
        return {name: part for name, part in named.items() if part is not None}

    def digest(self) -> str:
        """A hash of every array of every part: the same data, the same digest."""
        found = hashlib.blake2b(digest_size=16)
        for part_name, part in self.parts.items():
            for name, array in [*sorted(part.arrays.items()), *sorted(part.whole.items())]:
                found.update(f"{part_name}.{name} {array.dtype.str} {array.shape}\n".encode())
                for piece in array.blocks() if isinstance(array, Deferred) else (array,):
                    found.update(np.ascontiguousarray(piece).data)
        return found.hexdigest()


def batch_symbol(inputs: Mapping[str, TensorType]) -> str | None:
    """The symbol that counts the rows; None if no input has one for its first size."""
    return leading_symbol(inputs.values())


def batched(inputs: Mapping[str, TensorType]) -> list[str]:
    """The inputs that are fed row by row; the others are fed whole."""
    name = batch_symbol(inputs)
    rows = symbol(name) if name is not None else None
    return [input for input, type in inputs.items() if type.shape and type.shape[0] == rows]


def part_of(
    arrays: Mapping[str, Rows], inputs: Mapping[str, TensorType], origin: Origin | None = None
) -> Part:
    """Arrays that fit their inputs as one part; raises `DataError` if their sizes disagree."""
    shaped = {n: a.stand_in() if isinstance(a, Deferred) else a for n, a in arrays.items()}
    sizes = feeds.bind_sizes(shaped, inputs)
    by_row = batched(inputs)
    rows = sizes.get(batch_symbol(inputs) or "", 1)
    return Part(
        {name: array for name, array in arrays.items() if name in by_row},
        rows,
        {n: a for n, a in arrays.items() if n not in by_row and not isinstance(a, Deferred)},
        origin,
    )
