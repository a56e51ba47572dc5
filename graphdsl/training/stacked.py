"""The columns of several tables, one below the other: files of parts become one run of rows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate

import numpy as np

from graphdsl.engines.feeds import refusal
from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import DataError, Diagnostic, Label, ModelError
from graphdsl.language.source import Span
from graphdsl.training.columns import Table


class Stacked:
    """Columns by name, each loaded once; `counts` are the rows of each table."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self.tables = tables
        self.counts: Sequence[int] = [0] * len(tables)
        self._loaded: dict[str, list[Array]] = {}

    @property
    def count(self) -> int:
        """The rows of all tables."""
        return sum(self.counts)

    @property
    def place(self) -> Callable[[int], str]:
        """How a message names a row, counted over all tables; it holds none of their columns."""
        tables = [replace(table, columns={}) for table in self.tables]
        return partial(_place, tables, self._starts())

    def column(self, name: str, rows: Array | None = None) -> Array:
        """Some rows of a column as it is stored, or all; scalars are those of the first table."""
        arrays = self._arrays(name)
        if arrays[0].ndim == 0 or (rows is None and len(arrays) == 1):
            return arrays[0]
        if rows is None:
            return np.concatenate(arrays)
        if len(arrays) == 1:
            return rows_of(arrays[0], rows)
        found = np.empty((len(rows), *arrays[0].shape[1:]), np.result_type(*arrays))
        for array, start in zip(arrays, self._starts(), strict=True):
            here = (rows >= start) & (rows < start + len(array))
            if here.any():
                found[here] = rows_of(array, rows[here] - start)
        return found

    def verify_numbers(self, name: str, span: Span) -> None:
        """Raise `GraphdslError` for a column that holds text, in whichever table it does."""
        for table in self.tables:
            column = table.columns.get(name)
            if column is None or column.kind != "text":
                continue
            if column.mixed is not None:
                raise DataError(column.mixed)
            note = f": {column.note}" if column.note else ""
            message = f"column '{name}' of '{table.name}' holds text{note}"
            help = (f"category({name}) turns text into whole numbers, one for each value",)
            raise ModelError(Diagnostic("E0510", message, (Label(span),), help))

    def forget(self) -> None:
        """Let go of what was loaded."""
        self._loaded.clear()

    def _arrays(self, name: str) -> list[Array]:
        if name in self._loaded:
            return self._loaded[name]
        arrays = [table.array(name) for table in self.tables]
        if arrays[0].ndim and len({array.shape[1:] for array in arrays}) > 1:
            pairs = zip(arrays, self.tables, strict=True)
            found = ", ".join(f"{list(a.shape)} in '{t.name}'" for a, t in pairs)
            help = "its rows need one shape in the files of all parts"
            raise refusal("E0615", f"column '{name}' differs in shape: {found}", help)
        self._loaded[name] = arrays
        return arrays

    def _starts(self) -> list[int]:
        """The number of each table's first row."""
        return [0, *accumulate(self.counts)][: len(self.tables)]


def _place(tables: Sequence[Table], starts: Sequence[int], row: int) -> str:
    index = bisect_right(starts, row) - 1
    return tables[index].place(row - starts[index])


def rows_of(array: Array, rows: Array) -> Array:
    """Some rows of an array that may be mapped; neighbours are read as one stretch."""
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
        return np.array(array[rows[0] : rows[-1] + 1])
    return np.take(array, rows, axis=0)
