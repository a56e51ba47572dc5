"""What a `data` block learns from the training part, and how other rows are treated alike.

Means and deviations for `standardize`, the values behind the codes of `category`, and the columns
that `table` stood for: enough to bind new rows without the rows that were trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphdsl.engines.feeds import refusal
from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import DataError

CHUNK = 2**19
"""Elements that are looked at together where data is gone through in pieces: 4 MiB as f64."""

Read = Callable[[Array], Array]
"""Values for the rows that are asked for, by their numbers."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The mean and the divisor of each feature: 1 for one that is constant."""

    mean: Array
    divisor: Array

    def apply(self, values: Array) -> Array:
        """The features with the training part's mean 0 and deviation 1: f64."""
        scaled: Array = (values - self.mean) / self.divisor
        return scaled


@dataclass(frozen=True, slots=True)
class Learned:
    """What came from the training part: scales by the text of what is standardized, values by
    the column, in the order of their codes, and the shape of a row of each numeric column."""

    scales: Mapping[str, Scale] = field(default_factory=dict)
    categories: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    columns: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON can hold it, every bit of the numbers kept."""
        scales = {
            text: {"mean": scale.mean.tolist(), "divisor": scale.divisor.tolist()}
            for text, scale in self.scales.items()
        }
        categories = {name: list(values) for name, values in self.categories.items()}
        columns = {name: list(shape) for name, shape in self.columns.items()}
        return {"scales": scales, "categories": categories, "columns": columns}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Learned:
        """What `to_plain` gave; raises `DataError` if it is something else."""
        try:
            return cls(
                {text: _scale(pair) for text, pair in plain["scales"].items()},
                {str(name): tuple(values) for name, values in plain["categories"].items()},
                {str(n): tuple(map(int, shape)) for n, shape in plain["columns"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            message = f"what the data block learned cannot be read: {problem}"
            raise refusal("E0610", message, "train again: the run writes it anew") from None


def _scale(pair: Mapping[str, Any]) -> Scale:
    mean, divisor = (np.asarray(pair[name], np.float64) for name in ("mean", "divisor"))
    if mean.shape != divisor.shape:
        raise ValueError("a mean and its divisor differ in shape")
    return Scale(mean, divisor)


# --- learning ------------------------------------------------------------------------------------


def scale_of(rows: Array) -> Scale:
    """The scale of values that are held, rows first."""
    return _scaled_by(rows.mean(axis=0), rows.std(axis=0), rows.min(axis=0), rows.max(axis=0))


def scale_in_pieces(read: Read, rows: Array) -> Scale:
    """The scale of values that are read piece by piece: the mean first, then the deviation from
    it, which loses nothing where the mean is large (two passes, as in Chan et al., 1983)."""
    (first,) = read(rows[:1])
    total, low, high = np.zeros_like(first), first, first
    for piece in _pieces(read, rows, first.size):
        total = total + piece.sum(axis=0)
        low, high = np.minimum(low, piece.min(axis=0)), np.maximum(high, piece.max(axis=0))
    mean = np.asarray(total / len(rows))
    squares = sum(((p - mean) ** 2).sum(axis=0) for p in _pieces(read, rows, first.size))
    return _scaled_by(mean, np.sqrt(squares / len(rows)), low, high)


def _scaled_by(mean: Any, deviation: Any, low: Any, high: Any) -> Scale:
    """The scale of features from `low` to `high`.

    Where these are equal the deviation is no more than the rounding of the mean, which grows with
    the rows: by their own number nobody could tell it from a small feature's.
    """
    same = low == high
    flat = same | (deviation <= 8 * np.finfo(np.float64).eps * np.abs(mean))
    return Scale(np.where(same, low, mean), np.where(flat, 1.0, deviation))


def values_in_pieces(read: Read, rows: Array) -> tuple[Any, ...]:
    """The values that occur, in their order."""
    found: Array | None = None
    for piece in _pieces(read, rows, 1):
        found = np.unique(piece if found is None else np.concatenate([found, piece]))
    return () if found is None else tuple(found.tolist())


def _pieces(read: Read, rows: Array, row_size: int) -> Iterator[Array]:
    step = max(1, CHUNK // max(row_size, 1))
    for start in range(0, len(rows), step):
        yield read(rows[start : start + step])


# --- codes ---------------------------------------------------------------------------------------


def codes_of(
    values: Array, known: tuple[Any, ...], name: str, place: Callable[[int], str]
) -> Array:
    """Whole numbers from 0 for values in the order of those known: i64.

    Raises `DataError` for a value that the training part has not got; `place` names a position.
    """
    if not len(values):
        return np.zeros(0, np.int64)
    order = np.asarray(known)
    if not len(order) or (order.dtype.kind in "US") != (values.dtype.kind in "US"):
        raise _unseen(values[0], known, name, place(0))
    codes = np.searchsorted(order, values).clip(max=len(order) - 1)
    strange = np.flatnonzero(order[codes] != values)
    if len(strange):
        raise _unseen(values[strange[0]], known, name, place(int(strange[0])))
    return codes.astype(np.int64)


def _unseen(value: Any, known: tuple[Any, ...], name: str, place: str) -> DataError:
    shown = ", ".join(str(one) for one in known[:8]) + (", …" if len(known) > 8 else "")
    help = (
        f"the training part has: {shown or 'nothing'}",
        f'leave such rows out, or give the training part some: stratify = "{name}" spreads a '
        "column's values over the parts",
    )
    message = f"category({name}) meets '{value!s:.40}' in {place}, which no training row has"
    return refusal("E0622", message, *help)
