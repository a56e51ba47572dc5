"""All tiles of a panel, of one kind: `WIDTH` vectors a row, of the type of `ONE`; with `MASKED` but
some elements of each row.

What is set here is replaced for each kind before this text is compiled (by `attaching`).
"""

# mypy: ignore-errors

from __future__ import annotations

import numpy as np

from graphdsl.engines.numba.decorators import tiles
from graphdsl.engines.numba.intrinsics import bytes_of
from graphdsl.engines.numba.microkernel import ROWS, microkernel
from graphdsl.engines.numba.tiling import next_tile

WIDTH, MASKED, ONE = 1, True, np.float32(1)

_six, _five, _four, _one = (microkernel(rows, WIDTH, MASKED) for rows in ROWS)


@tiles
def multiply_rows(
    rows, inner, left, left_row, left_column, tiled, right, right_row, result, result_row, more,
    columns,
):  # fmt: skip
    """`tiled` says that the left factor was copied, tile by tile."""
    done = 0
    while done < rows:
        size = next_tile(rows, done)
        row, column, start = left_row, left_column, left + done * left_row
        if tiled:
            row, column = bytes_of(ONE), size * bytes_of(ONE)
            start = left + done * inner * bytes_of(ONE)
        to = result + done * result_row
        if size == 6:
            _six(
                ONE, inner, start, row, column, right, right_row, to, result_row, more, columns
            )  # fmt: skip
        elif size == 5:
            _five(
                ONE, inner, start, row, column, right, right_row, to, result_row, more, columns
            )  # fmt: skip
        elif size == 4:
            _four(
                ONE, inner, start, row, column, right, right_row, to, result_row, more, columns
            )  # fmt: skip
        else:
            _one(
                ONE, inner, start, row, column, right, right_row, to, result_row, more, columns
            )  # fmt: skip
        done += size
