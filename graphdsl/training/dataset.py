"""The parts of the data that a model is trained and measured on.

The batch axis is the first axis of the inputs whose first size is one symbol: that of the first
input declared so. All other inputs are fed whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphdsl.engines import feeds
from graphdsl.graph.kernel import Array
from graphdsl.graph.sizes import Poly, symbol, symbols
from graphdsl.graph.types import TensorType


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that belong together: `arrays` have `rows` rows each, `whole` is fed as it is.

    Every array has its input's element type, in C order.
    """

    arrays: Mapping[str, Array]
    rows: int
    whole: Mapping[str, Array] = field(default_factory=dict)

    def take(self, rows: Array) -> Part:
        """The part with these rows alone."""
        arrays = {name: np.take(array, rows, axis=0) for name, array in self.arrays.items()}
        return Part(arrays, len(rows), self.whole)


@dataclass(frozen=True, slots=True)
class Dataset:
    """The parts of the data, any of which but the training part may be missing.

    `categories` gives the values behind the codes of `category(column)`, by column; `stream` is
    an iterable of batches that takes the training part's place.
    """

    train: Part
    valid: Part | None = None
    test: Part | None = None
    categories: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    stream: Iterable[Mapping[str, Any]] | None = None

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
                found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()


def batch_symbol(inputs: Mapping[str, TensorType]) -> str | None:
    """The symbol that counts the rows; None if no input has one for its first size."""
    for type in inputs.values():
        size = type.shape[0] if type.shape else 0
        if isinstance(size, Poly):
            for name in symbols(size):
                if size == symbol(name):
                    return name
    return None


def batched(inputs: Mapping[str, TensorType]) -> list[str]:
    """The inputs that are fed row by row; the others are fed whole."""
    name = batch_symbol(inputs)
    rows = symbol(name) if name is not None else None
    return [input for input, type in inputs.items() if type.shape and type.shape[0] == rows]


def part_of(arrays: Mapping[str, Array], inputs: Mapping[str, TensorType]) -> Part:
    """Arrays that fit their inputs as one part; raises `DataError` if their sizes disagree."""
    sizes = feeds.bind_sizes(arrays, inputs)
    by_row = batched(inputs)
    rows = sizes.get(batch_symbol(inputs) or "", 1)
    return Part(
        {name: array for name, array in arrays.items() if name in by_row},
        rows,
        {name: array for name, array in arrays.items() if name not in by_row},
    )
