"""How the rows of a product are cut into tiles."""

# mypy: ignore-errors

from __future__ import annotations

from graphdsl.engines.numba.decorators import compiled
from graphdsl.engines.numba.microkernel import ROWS

SIX, FIVE, FOUR, _ = ROWS


@compiled
def _is_made_up(rows):
    """Whether tiles of several rows make up so many."""
    return rows == 0 or (rows >= FOUR and rows != 7)


@compiled
def next_tile(rows, done):
    """The rows of the next tile: the most that leave a number which larger tiles make up."""
    left = rows - done
    if left >= SIX and (_is_made_up(left - SIX) or left == 7):
        return SIX
    if left >= FIVE and _is_made_up(left - FIVE):
        return FIVE
    return FOUR if left >= FOUR else 1
