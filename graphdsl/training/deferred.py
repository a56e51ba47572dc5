"""Rows that are computed when they are read: columns that stay in their files, or mapped arrays.

`Deferred` takes the place of an array in a `Part` where the data is large. Slices of it are arrays
of the input's elements, checked like fed ones; nothing is kept of what was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from graphdsl.engines import feeds
from graphdsl.engines.feeds import refusal
from graphdsl.graph.kernel import Array
from graphdsl.graph.types import TensorType
from graphdsl.language.diagnostics import DataError
from graphdsl.language.source import Span
from graphdsl.training.placed import Placed

LARGE = 2**25
"""Elements of mapped columns from which on rows are computed as they are needed: 256 MiB as f64."""

HELD = 2**28
"""Elements of columns that are unpacked into memory from which on it is the same: 2 GiB as f64."""

BLOCK = 2**20
"""Bytes that are read together, about; the unit of the shuffling as well."""

MAX_BLOCK_ROWS = 2**15
"""Narrow rows are read in blocks of so many, so that their numbers take little memory, too."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """The rows of one input.

    `compute` gives the values for rows of the source, by their numbers; `rows` are the numbers of
    those that belong to this part, `row_shape` is the shape of one, and `place` names one.
    """

    name: str
    type: TensorType
    row_shape: tuple[int, ...]
    rows: Array
    compute: Callable[[Array], Array]
    place: Callable[[int], str]
    span: Span | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that an array of all rows would have."""
        return (len(self.rows), *self.row_shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the elements."""
        return self.type.dtype.numpy

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, which: slice) -> Array:
        """The rows of a slice, as an array of the caller's own; raises `DataError`."""
        rows = self.rows[which]
        step = self.block_rows
        if len(rows) <= step:
            return self._read(rows)
        found = np.empty((len(rows), *self.row_shape), self.dtype)
        for start in range(0, len(rows), step):
            found[start : start + step] = self._read(rows[start : start + step])
        return found

    @property
    def block_rows(self) -> int:
        """How many rows are computed at once."""
        return block_rows(self.row_bytes)

    @property
    def row_bytes(self) -> int:
        """The bytes of one row."""
        return int(np.prod(self.row_shape, dtype=np.int64)) * self.dtype.itemsize

    def blocks(self) -> Iterator[Array]:
        """All rows, in order, a block at a time."""
        for start in range(0, len(self.rows), self.block_rows):
            yield self[start : start + self.block_rows]

    def chosen(self, rows: Array) -> Deferred:
        """Some of these rows, by their positions."""
        return replace(self, rows=self.rows[rows])

    def stand_in(self) -> Array:
        """An array of the same shape and type that takes no memory, for checks of these."""
        return np.broadcast_to(np.zeros((), self.dtype), self.shape)

    def _read(self, rows: Array) -> Array:
        def place(at: int) -> str:
            return self.place(int(rows[at]))

        with Placed(self.span):
            try:
                values = self.compute(rows)
                if values.shape != (len(rows), *self.row_shape):
                    raise not_by_row(self.name, values.shape, len(rows))
                array = feeds.as_array(self.name, values, self.type, place)
            except DataError as error:
                ends = f"{self.place(int(rows[0]))} to {self.place(int(rows[-1]))}"
                noted = [replace(d, help=(*d.help, f"met in {ends}")) for d in error.diagnostics]
                raise DataError(noted) from None
            verify_no_nan(self.name, array, place)
            return array


Rows = Array | Deferred
"""An input's rows, held or computed when they are read."""


def block_rows(row_bytes: int) -> int:
    """How many rows make up a block."""
    return min(max(BLOCK // max(row_bytes, 1), 1), MAX_BLOCK_ROWS)


def select(rows: Rows, positions: Array) -> Rows:
    """The rows at some positions, held if the others are."""
    if isinstance(rows, Deferred):
        return rows.chosen(positions)
    return np.take(rows, positions, axis=0)


def verify_no_nan(name: str, array: Array, place: Callable[[int], str] | None = None) -> None:
    """Raise `DataError` if a value is missing; `place` names a row."""
    if array.dtype.kind != "f" or not np.isnan(array).any():
        return
    at = [int(i) for i in np.argwhere(np.isnan(array))[0]]
    where = f"{at}, rows counted from 0"
    if place is not None and at:
        where += f": {place(at[0])}"
    help = "fill the missing values, or leave their rows out"
    raise refusal("E0612", f"input '{name}' is nan at {where}", help)


def not_by_row(name: str, shape: tuple[int, ...], count: int) -> DataError:
    """The error for values that are not one a row."""
    message = f"input '{name}' needs a value for each of the {count:,} rows"
    help = ("the first axis of a column counts the rows: keep it whole, as in table[:, :3]",)
    return refusal("E0511", f"{message}, and this has the shape {list(shape)}", *help)


def verify_by_row(compute: Callable[[Array], Array], rows: Array, name: str) -> None:
    """Raise `DataError` where a row's value depends on which others are computed with it.

    Some rows are computed together and each alone, which must agree but for rounding.
    """
    some = rows[np.linspace(0, len(rows) - 1, min(len(rows), 16)).astype(np.int64)]
    together = compute(some)
    try:
        alone = [compute(some[i : i + 1]) for i in range(len(some))]
        same = all(
            np.allclose(one, together[i : i + 1], rtol=1e-6, atol=0, equal_nan=True)
            for i, one in enumerate(alone)
        )
    except (DataError, ValueError):
        same = False
    if not same:
        message = f"input '{name}' is not computed row by row, and its data is too large to hold"
        help = (
            "standardize(c) takes a column's statistics from the whole training part",
            "what mixes rows belongs before the data block: store its result as a column",
        )
        raise refusal("E0511", message, *help)
