"""How the rows of a product are cut into tiles."""

# mypy: ignore-errors

from __future__ import annotations

from graphdsl.engines.numba.decorators import compiled
from graphdsl.engines.numba.microkernel import ROWS

MOST, FEWER = ROWS[:2]


@compiled
def next_tile(rows, done):
    """The rows of the next tile: as many as there are microkernels for, none much smaller."""
    left = rows - done
    if left >= 4 * FEWER or left % MOST == 0:
        return MOST
    if left >= FEWER:
        return FEWER if left % MOST else MOST
    return 2 if left >= 2 else 1
