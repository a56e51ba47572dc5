"""Rows of cells -> lines: what belongs together in consecutive lines stands in one column.

Two things are aligned: the cells of neighbours in one table, a space apart, and the comments behind
the lines of a paragraph, two spaces apart. A paragraph ends at an empty line, a comment or a doc of
its own line, a statement over several lines, or a brace; so does a table. Where alignment would
push a line past the width, a table or a paragraph stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import zip_longest

from graphdsl.language.layout import WIDTH

SPREAD = 16
"""How far the widths of one column's cells may differ; beyond, alignment tears lines apart."""
GAP = "  "
"""What stands at least between a line and its comment."""

Table = Enum("Table", "CONSTANTS RESULTS SETTINGS DRAWN FILLED")
"""What a row lists; only rows of one table are aligned with each other."""

Bounds = tuple[int, int] | tuple[()]


@dataclass(frozen=True, slots=True)
class Row:
    """A line, or what one statement's lines would be, in cells of which the last is not padded."""

    indent: int
    cells: tuple[str, ...] = ()
    table: Table | None = None
    comment: str = ""
    alone: bool = False
    """True where it is no part of a paragraph; so is every row between two indentations."""

    @property
    def text(self) -> str:
        """The row without its indentation and its comment."""
        return " ".join(self.cells)

    @property
    def end(self) -> int:
        """The column at which the row ends, its comment as near as it may stand."""
        comment = len(GAP + self.comment) if self.comment else 0
        return self.indent + len(self.text) + comment


def render(rows: Sequence[Row]) -> list[str]:
    """The rows as lines."""
    aligned = [row for run in _tables(rows) for row in _align_cells(run)]
    return [line for lines in _paragraphs(aligned) for line in _place_comments(lines)]


def _paragraphs(rows: Iterable[Row]) -> Iterator[list[Row]]:
    run: list[Row] = []
    for row in rows:
        if run and (row.alone or run[0].alone):
            yield run
            run = []
        run.append(row)
    if run:
        yield run


def _tables(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """The runs of rows whose cells are aligned; every other row is a run of its own."""
    run: list[Row] = []
    bounds: list[Bounds] = []
    for row in rows:
        wider = _widen(bounds, row)
        if run and not (row.table and row.table is run[0].table and _are_near(wider)):
            yield run
            run, wider = [], _widen([], row)
        run.append(row)
        bounds = wider
    if run:
        yield run


def _widen(bounds: list[Bounds], row: Row) -> list[Bounds]:
    """The least and the greatest width of each padded column, the row's cells among them."""
    own = [(len(cell), len(cell)) for cell in row.cells[:-1]]
    return [_merge(*both) for both in zip_longest(bounds, own, fillvalue=())]


def _merge(one: Bounds, other: Bounds) -> Bounds:
    both = (*one, *other)
    return min(both), max(both)


def _are_near(bounds: list[Bounds]) -> bool:
    return all(max(column) - min(column) <= SPREAD for column in bounds)


def _align_cells(run: list[Row]) -> list[Row]:
    columns = zip_longest(*(row.cells[:-1] for row in run), fillvalue="")
    widths = [max(map(len, column)) for column in columns]
    padded = [_pad(row, widths) for row in run]
    fits = all(new.end <= WIDTH or new == row for new, row in zip(padded, run, strict=True))
    return padded if fits else run


def _pad(row: Row, widths: list[int]) -> Row:
    heads = [head.ljust(width) for head, width in zip(row.cells[:-1], widths, strict=False)]
    return replace(row, cells=(*heads, *row.cells[-1:]))


def _place_comments(paragraph: list[Row]) -> list[str]:
    """The lines of a paragraph, the comments behind them in one column if there is room."""
    lines = [(" " * row.indent + row.text, row.comment) for row in paragraph]
    column = max((len(line) for line, comment in lines if comment), default=0)
    if any(_is_pushed_out(line, comment, column) for line, comment in lines):
        column = 0
    return [
        line.ljust(column) + GAP + comment if comment else line.rstrip() for line, comment in lines
    ]


def _is_pushed_out(line: str, comment: str, column: int) -> bool:
    return bool(comment) and len(line) < column and column + len(GAP + comment) > WIDTH
