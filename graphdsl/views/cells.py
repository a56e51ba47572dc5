"""Text in the cells of a terminal, of which a wide character takes two and a mark on a letter none:
a text comes in, how wide it is, or a text of a wanted width, goes out."""

from __future__ import annotations

from rich.cells import cell_len, chop_cells, set_cell_size

MOST_MARKS = 8
"""Characters that a cell of a line may take: beyond so many marks a line is broken early."""


def width(text: str) -> int:
    """The cells that a text takes."""
    return cell_len(text)


def pad(text: str, cells: int) -> str:
    """The text with spaces behind it, up to a number of cells that it does not exceed."""
    return set_cell_size(text, cells)


def clip(text: str, most: int) -> str:
    """The text, cut off where it takes more than `most` cells."""
    return text if width(text) <= most else f"{set_cell_size(text, most - 1).rstrip()}…"


def fitting(text: str, room: int) -> int:
    """How many of a text's first characters fit into `room` cells, which are two at least."""
    beginning = text[: MOST_MARKS * room]  # all lines of a long text would be cut for the first
    return len(chop_cells(beginning, room)[0]) if text else 0
