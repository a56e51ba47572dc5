"""CSV files: text with a header line comes in, a `Table` of numbers and text goes out.

A column is numeric if every cell is a number, whole if every cell is written as an integer, and
text otherwise; one that holds both is taken for neither (see `Column.mixed`). What a column lacks
is an error when something uses the column, not before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from graphdsl.graph.kernel import Array
from graphdsl.language.clipping import clip
from graphdsl.language.diagnostics import Diagnostic
from graphdsl.training.columns import Column, Table
from graphdsl.training.csv_records import Records, number_in, read_records


def read_csv(path: Path) -> Table:
    """The table in a CSV file; raises `DataError` with file, line and column."""
    records = read_records(path)
    cells = zip(*records.rows, strict=True)
    columns = {
        name: _Cells(records, index, name, column).column()
        for index, (name, column) in enumerate(zip(records.names, cells, strict=True))
    }
    return Table(str(path), columns, records.lines)


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of one column."""

    records: Records
    index: int
    name: str
    cells: Sequence[str]

    def column(self) -> Column:
        """The column with what it holds, or with why it cannot be used."""
        numbers = [number_in(cell) for cell in self.cells]
        odd = next((i for i, n in enumerate(numbers) if n is None and self.cells[i].strip()), None)
        return self._numeric(numbers) if odd is None else self._text(numbers, odd)

    def _numeric(self, numbers: Sequence[float | None]) -> Column:
        shape = (len(self.cells),)
        fault = self._blank() or self._unbounded(numbers)
        if fault is not None:
            return Column(shape, "number", _nothing, fault=fault)
        array = _whole(self.cells)
        kept: Array = np.array(numbers, np.float64) if array is None else array
        return Column(shape, "number", lambda: kept)

    def _text(self, numbers: Sequence[float | None], odd: int) -> Column:
        """A column whose cell `odd` is the first that is no number."""
        return Column(
            (len(self.cells),),
            "text",
            partial(_stripped, self.cells),
            f"line {self.records.lines[odd]} holds '{self._shown(odd)}'",
            self._blank(),
            nbytes=4 * max(map(len, self.cells)) * len(self.cells),
            mixed=self._mixed(numbers, odd),
        )

    def _blank(self) -> Diagnostic | None:
        blank = next((i for i, cell in enumerate(self.cells) if not cell.strip()), None)
        if blank is None:
            return None
        return self._missing(blank, f"column '{self.name}' has an empty cell here")

    def _unbounded(self, numbers: Sequence[float | None]) -> Diagnostic | None:
        bad = next(
            (i for i, n in enumerate(numbers) if n is not None and not math.isfinite(n)), None
        )
        if bad is None:
            return None
        message = f"column '{self.name}' has {self._shown(bad)} here, no finite number"
        return self._missing(bad, message)

    def _missing(self, row: int, message: str) -> Diagnostic:
        help = "fill the cell, leave the row out, or use other columns"
        return self.records.diagnostic("E0612", row, self.index, message, help)

    def _mixed(self, numbers: Sequence[float | None], odd: int) -> Diagnostic | None:
        """Why the column is not taken for text, if it holds numbers beside the cell `odd`."""
        number = next(
            (i for i, n in enumerate(numbers) if n is not None and math.isfinite(n)), None
        )
        if number is None:
            return None
        message = f"column '{self.name}' has '{self._shown(odd)}' here, and numbers in other lines"
        help = (
            "if it holds numbers: mend the cell, or leave the row out",
            f"if it holds text: say so in the data block, category({self.name})",
            "or take it out of the file, or name the columns wanted in place of 'table'",
        )
        found = self.records.diagnostic("E0627", odd, self.index, message, *help)
        note = f"line {self.records.lines[number]} holds {self._shown(number)}"
        return replace(found, notes=(note,))

    def _shown(self, row: int) -> str:
        return clip(self.cells[row].strip())


def _stripped(cells: Sequence[str]) -> Array:
    return np.array([cell.strip() for cell in cells])


def _nothing() -> Array:
    raise AssertionError("a column with a fault is not loaded")


def _whole(cells: Sequence[str]) -> Array | None:
    """The cells as 64-bit integers, if that is how all are written."""
    try:
        return np.array([int(cell) for cell in cells], np.int64)
    except (ValueError, OverflowError):
        return None
