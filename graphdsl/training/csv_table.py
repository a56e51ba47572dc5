"""CSV files: text with a header line comes in, a `Table` of numbers and text goes out.

Cells are separated by commas and quoted as in RFC 4180. A column is numeric if every cell is a
number, whole if every cell is written as an integer, and text otherwise. What a column lacks is
an error when something uses the column, not before.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from graphdsl.engines.memory import machine_memory
from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import DataError, Diagnostic, Label
from graphdsl.language.source import Source
from graphdsl.training.columns import Column, Table, broken, too_large

MEMORY_PER_BYTE = 24
"""What a byte of text takes at most while it is read, cells as Python strings."""


def read_csv(path: Path) -> Table:
    """The table in a CSV file; raises `DataError` with file, line and column."""
    size = path.stat().st_size
    if size * MEMORY_PER_BYTE > machine_memory():
        raise too_large(f"'{path}' as text", size * MEMORY_PER_BYTE)
    source = Source(_text(path), str(path), path)
    lines, rows = _records(source)
    if not rows:
        raise broken(str(path), "it is empty")
    header = [cell.strip() for cell in rows[0]]
    _check_header(source, lines[0], header)
    for line, row in zip(lines[1:], rows[1:], strict=True):
        if len(row) != len(header):
            raise _ragged(source, line, row, header)
    if len(rows) == 1:
        raise broken(str(path), "it has a header and no rows")
    cells = list(zip(*rows[1:], strict=True))
    reader = _Reader(source, lines[1:])
    columns = {name: reader.column(i, name, cells[i]) for i, name in enumerate(header)}
    return Table(str(path), columns, lines[1:])


def _text(path: Path) -> str:
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise broken(str(path), "it is UTF-16 text", "save it as UTF-8")
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise broken(str(path), f"line {line} holds a NUL byte: it is not text")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        why = f"line {line} holds the byte 0x{data[problem.start]:02x}: it is not UTF-8 text"
        raise broken(str(path), why, "save it as UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _records(source: Source) -> tuple[list[int], list[list[str]]]:
    """Each record and the line it begins on; blank lines are none."""
    reader = csv.reader(io.StringIO(source.text), strict=True)
    lines, rows, line = [], [], 1
    try:
        for row in reader:
            if row:
                lines.append(line)
                rows.append(row)
            line = reader.line_num + 1
    except csv.Error as problem:
        raise _at(source, line, None, f"this line is no CSV: {problem}") from None
    return lines, rows


def _check_header(source: Source, line: int, header: Sequence[str]) -> None:
    seen: set[str] = set()
    for index, name in enumerate(header):
        if not name:
            message = f"column {index + 1} has no name"
            raise _at(source, line, index, message, "name every column in the first line")
        if name in seen:
            message = f"two columns are called '{name}'"
            raise _at(source, line, index, message, "give each column a name of its own")
        seen.add(name)
    if all(_number(name) is not None for name in header):
        message = "the first line holds numbers where the columns' names should stand"
        raise _at(source, line, None, message, "add a line of names above it")
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        message = "there is one column: cells are separated by commas"
        raise _at(source, line, None, message, "save the file with commas between its cells")


def _ragged(source: Source, line: int, row: Sequence[str], header: Sequence[str]) -> DataError:
    message = f"this line has {len(row)} cells, the header has {len(header)}"
    help = "put a cell that contains a comma in double quotes"
    return _at(source, line, None, message, help)


def _at(source: Source, line: int, index: int | None, message: str, *help: str) -> DataError:
    return DataError(_diagnostic("E0611", source, line, index, message, *help))


def _diagnostic(
    code: str, source: Source, line: int, index: int | None, message: str, *help: str
) -> Diagnostic:
    """A diagnostic at a cell of the record that begins on `line`, or at that whole line."""
    start, end = source.line_starts[line - 1], source.line_starts[line - 1] + len(source.line(line))
    if index is not None:
        start, end = _cell(source.text, start, index)
    return Diagnostic(code, message, (Label(source.span(start, end)),), help)


def _cell(text: str, start: int, index: int) -> tuple[int, int]:
    """Where cell `index` of the record at `start` begins and ends."""
    quoted, at, begin = False, start, start
    while at < len(text) and (quoted or text[at] != "\n"):
        if text[at] == '"':
            quoted = not quoted
        elif text[at] == "," and not quoted:
            if index == 0:
                break
            index, begin = index - 1, at + 1
        at += 1
    return begin, at


def _number(cell: str) -> float | None:
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


class _Reader:
    """Turns the cells of one file into columns."""

    def __init__(self, source: Source, lines: Sequence[int]) -> None:
        self.source = source
        self.lines = lines

    def column(self, index: int, name: str, cells: Sequence[str]) -> Column:
        """A column with what it holds, or with why it cannot be used."""
        shape = (len(cells),)
        numbers = [_number(cell) for cell in cells]
        odd = next((i for i, n in enumerate(numbers) if n is None and cells[i].strip()), None)
        blank = next((i for i, cell in enumerate(cells) if not cell.strip()), None)
        values = [math.nan if n is None else n for n in numbers]
        if blank is not None:
            message = f"column '{name}' has an empty cell here"
            fault = self._missing(index, blank, message)
            return Column(shape, "number" if odd is None else "text", _nothing, fault=fault)
        if odd is not None:
            text = np.array([cell.strip() for cell in cells])
            note = f"line {self.lines[odd]} holds '{cells[odd].strip()[:40]}'"
            return Column(shape, "text", lambda: text, note)
        bad = next((i for i, n in enumerate(values) if not math.isfinite(n)), None)
        if bad is not None:
            message = f"column '{name}' has {cells[bad].strip()[:40]} here, no finite number"
            return Column(shape, "number", _nothing, fault=self._missing(index, bad, message))
        array = _whole(cells)
        kept: Array = np.array(values) if array is None else array
        return Column(shape, "number", lambda: kept)

    def _missing(self, index: int, row: int, message: str) -> Diagnostic:
        help = "fill the cell, leave the row out, or use other columns"
        return _diagnostic("E0612", self.source, self.lines[row], index, message, help)


def _nothing() -> Array:
    raise AssertionError("a column with a fault is not loaded")


def _whole(cells: Sequence[str]) -> Array | None:
    """The cells as 64-bit integers, if that is how all are written."""
    try:
        return np.array([int(cell) for cell in cells], np.int64)
    except (ValueError, OverflowError):
        return None
