"""Tables for people: rows of cells come in, lines with their columns aligned go out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from graphdsl.views.cells import pad, width


def aligned(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> Iterator[str]:
    """A line for each row, all of one length; the columns in `right`, counted from 0, are numbers,
    which end at one place."""
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            " " * (room - width(cell)) + cell if at in right else pad(cell, room)
            for at, (cell, room) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()
