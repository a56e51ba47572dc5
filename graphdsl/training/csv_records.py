"""CSV text, record by record: a path comes in; names, cells and the line of each go out.

Cells are separated by commas and quoted as in RFC 4180. The text's faults have their place in it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from graphdsl.engines.machine import find_lack
from graphdsl.language.diagnostics import DataError, Diagnostic, Label
from graphdsl.language.source import Source
from graphdsl.training.columns import broken, too_large

PER_BYTE, PER_CELL = 6, 140
"""Bytes of memory for a byte of text, and for a cell or a line, while a file is read."""

HELP = "write it anew as UTF-8 text: a line of names, then a line of cells for each row"


@dataclass(frozen=True, slots=True)
class Records:
    """The names of the columns, and the cells of each row with the line they begin on."""

    source: Source
    names: Sequence[str]
    lines: Sequence[int]
    rows: Sequence[Sequence[str]]

    def diagnostic(self, code: str, row: int, column: int, message: str, *help: str) -> Diagnostic:
        """A diagnostic at a cell."""
        return _diagnostic(code, self.source, self.lines[row], column, message, *help)


def read_records(path: Path) -> Records:
    """The records of a file, all of one length; raises `DataError` with file, line and column."""
    data = _read(path)
    source = Source(_text(path, data), str(path), path)
    lines, rows = _records(source)
    if not rows:
        raise broken(str(path), "it is empty", HELP)
    header = [cell.strip() for cell in rows[0]]
    _verify_header(source, lines[0], header)
    for line, row in zip(lines[1:], rows[1:], strict=True):
        if len(row) != len(header):
            raise _ragged(source, line, row, header)
    if len(rows) == 1:
        raise broken(str(path), "it has a header and no rows", HELP)
    return Records(source, header, lines[1:], rows[1:])


def number_in(cell: str) -> float | None:
    """The number that a cell holds, nan and infinities too; None if it holds something else."""
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def _read(path: Path) -> bytes:
    """The bytes of a file whose cells, as Python's strings, memory can hold."""
    nbytes = PER_BYTE * path.stat().st_size
    lack = find_lack(nbytes)
    if not lack:
        data = path.read_bytes()
        lines = data.count(b"\n") or data.count(b"\r")
        nbytes += PER_CELL * (data.count(b",") + 2 * lines)
        lack = find_lack(nbytes)
        if not lack:
            return data
    raise too_large(f"'{path}' as text", nbytes, lack)


def _text(path: Path, data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise broken(str(path), "it is UTF-16 text", "save it as UTF-8")
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise broken(str(path), f"line {line} holds a NUL byte: it is not text", HELP)
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
        raise _no_record(source, line, problem) from None
    return lines, rows


def _no_record(source: Source, line: int, problem: csv.Error) -> DataError:
    """The error for a line that is no record."""
    if "unexpected end of data" in str(problem):
        message = "a double quote that opens in this line is never closed"
        return _at(source, line, None, message, "close it, or double it where it is a cell's own")
    if "field limit" in str(problem):
        message = f"a cell of this line is longer than {csv.field_size_limit():,} characters"
        return _at(source, line, None, message, "shorten it, or leave its column out of the file")
    help = "put a cell that holds a comma or a line's end in double quotes, and double its own"
    return _at(source, line, None, f"this line is no CSV: {problem}", help)


def _verify_header(source: Source, line: int, header: Sequence[str]) -> None:
    seen: set[str] = set()
    for index, name in enumerate(header):
        if not name:
            message = f"column {index + 1} has no name"
            raise _at(source, line, index, message, "name every column in the first line")
        if name in seen:
            message = f"two columns are called '{name}'"
            raise _at(source, line, index, message, "give each column a name of its own")
        seen.add(name)
    if all(number_in(name) is not None for name in header):
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
