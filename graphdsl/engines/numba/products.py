"""Products of matrices as kernels, one for each float type.

The right factor is copied into panels as wide as the registers hold, the left one, where its rows
do not lie together, into tiles of rows; then a microkernel sums. Parts of a product write disjoint
blocks of the result and sum in the same order, so that its bits do not depend on how many there
are. Addresses and strides count bytes; `one` is a float of the elements' type.
"""

# mypy: ignore-errors

from __future__ import annotations

import numpy as np

from graphdsl.engines.numba.decorators import compiled, kernel
from graphdsl.engines.numba.intrinsics import bytes_of, call_tiles, i64_at, like_at
from graphdsl.engines.numba.microkernel import ROWS, machine, turn_square
from graphdsl.engines.numba.tiling import next_tile

DEPTH = 256
"""The most products that are summed in one go: a panel of so many rows stays in the cache."""

PACKED_ROWS = 48
"""The rows of a left factor from which copying it pays, if its rows do not lie together."""

VECTOR, WIDTH = machine()
HALF = max(WIDTH // 2, 1)
PANEL_BYTES = VECTOR * WIDTH

PANEL_ROOM = PANEL_BYTES * DEPTH
"""The bytes of a copied panel, behind which a copied left factor follows."""

MOST = ROWS[0]


@compiled
def _copy_left(one, rows, inner, left, left_row, left_column, target):
    """Tiles of rows, one behind the other, each column by column."""
    item = bytes_of(one)
    done = 0
    while done < rows:
        size = next_tile(rows, done)
        to = like_at(target + done * inner * item, one)
        for k in range(inner):
            row = like_at(left + done * left_row + k * left_column, one)
            if left_row == item:
                for i in range(size):
                    to[k * size + i] = row[i]
            else:
                for i in range(size):
                    to[k * size + i] = row[i * (left_row // item)]
        done += size


@compiled
def _copy_rows(one, inner, columns, width, right, right_row, target):
    """A panel of a right factor whose columns lie side by side."""
    to = like_at(target, one)
    panel = PANEL_BYTES // bytes_of(one)
    for k in range(inner):
        row = like_at(right + k * right_row, one)
        if columns == panel:
            for j in range(panel):
                to[k * panel + j] = row[j]
        else:
            for j in range(columns):
                to[k * width + j] = row[j]
            for j in range(columns, width):
                to[k * width + j] = 0


@compiled
def _copy_columns(one, inner, columns, width, right, right_row, right_column, target):
    """A panel of a right factor with other strides; where rows lie side by side, by squares."""
    item = bytes_of(one)
    lanes = VECTOR // item
    for first in range(0, width, lanes):
        k = 0
        if right_row == item and first + lanes <= columns:
            while k + lanes <= inner:
                start = right + first * right_column + k * item
                turn_square(
                    one, start, right_column, target + (k * width + first) * item, width * item
                )
                k += lanes
        while k < inner:
            to = like_at(target + (k * width + first) * item, one)
            for j in range(lanes):
                to[j] = 0
                if first + j < columns:
                    place = right + (first + j) * right_column + k * right_row
                    to[j] = like_at(place, one)[0]
            k += 1


@compiled
def _multiply_block(
    functions, one, rows, many, inner, left, left_row, left_column, tiled,
    right, right_row, right_column, result, result_row, room, more,
):  # fmt: skip
    """The columns of one panel."""
    item = bytes_of(one)
    lanes = VECTOR // item
    vectors = (many + lanes - 1) // lanes
    width = 1 if vectors == 1 else (HALF if vectors <= HALF else WIDTH)
    if right_column == item:
        _copy_rows(one, inner, many, width * lanes, right, right_row, room)
    else:
        _copy_columns(one, inner, many, width * lanes, right, right_row, right_column, room)
    kind = 0 if many == WIDTH * lanes else (1 if width == WIDTH else (2 if width == HALF else 3))
    call_tiles(
        functions[kind], rows, inner, left, left_row, left_column, tiled, room, result, result_row,
        more, many,
    )  # fmt: skip


@compiled
def _multiply(
    functions, one, rows, columns, inner, left, left_row, left_column,
    right, right_row, right_column, result, result_row, room,
):  # fmt: skip
    """One product of two matrices, `DEPTH` products deep at a time."""
    item = bytes_of(one)
    panel = PANEL_BYTES // item
    tiled = np.int64(left_column != item and rows >= PACKED_ROWS and columns >= 2 * panel)
    blocks = (inner + DEPTH - 1) // DEPTH
    depth = (inner + blocks - 1) // blocks
    for start in range(0, inner, depth):
        deep = min(depth, inner - start)
        here = left + start * left_column
        if tiled:
            _copy_left(one, rows, deep, here, left_row, left_column, room + PANEL_ROOM)
            here = room + PANEL_ROOM
        for first in range(0, columns, panel):
            _multiply_block(
                functions, one, rows, min(panel, columns - first), deep,
                here, left_row, left_column, tiled,
                right + first * right_column + start * right_row, right_row, right_column,
                result + first * item, result_row, room, np.int64(start > 0),
            )  # fmt: skip


@compiled
def _multiply_part(one, at, part, parts):
    """One part of a product: some of its pairs of matrices, or else some panels, or some rows.

    `at` has the arguments in the order of `ARGUMENTS`.
    """
    item = bytes_of(one)
    panel = PANEL_BYTES // item
    rows, columns, inner = at[0], at[1], at[2]
    left, left_row, left_column = at[3], at[4], at[5]
    right, right_row, right_column = at[6], at[7], at[8]
    result, result_row = at[9], at[10]
    room = at[11] + part * at[12]
    pairs, turns = at[13] * at[14], at[14]
    first, last = 0, pairs
    if pairs >= parts:
        first, last = pairs * part // parts, pairs * (part + 1) // parts
    elif columns >= panel * parts:
        panels = (columns + panel - 1) // panel
        start = panels * part // parts * panel
        columns = min(columns, panels * (part + 1) // parts * panel) - start
        right += start * right_column
        result += start * item
    else:
        tiles = (rows + MOST - 1) // MOST
        start = tiles * part // parts * MOST
        rows = min(rows, tiles * (part + 1) // parts * MOST) - start
        left += start * left_row
        result += start * result_row
    if rows <= 0 or columns <= 0:
        return
    functions = i64_at(at[21])
    for pair in range(first, last):
        batch, turn = pair // turns, pair % turns
        _multiply(
            functions, one, rows, columns, inner,
            left + batch * at[15] + turn * at[16], left_row, left_column,
            right + batch * at[17] + turn * at[18], right_row, right_column,
            result + batch * at[19] + turn * at[20], result_row, room,
        )  # fmt: skip


ARGUMENTS = (
    *("rows", "columns", "inner"),
    *("left", "left_row", "left_column"),
    *("right", "right_row", "right_column"),
    *("result", "result_row", "room", "room_each"),
    *("batches", "turns", "left_batch", "left_turn"),
    *("right_batch", "right_turn", "result_batch", "result_turn", "functions"),
)
"""What a product is given, all int64: it is made for each of `batches` times `turns` pairs;
`functions` are the addresses of those that multiply tiles, in the order of `KINDS`."""

KINDS = ((WIDTH, False), (WIDTH, True), (HALF, True), (1, True))
"""The vectors of a row of a tile, and whether some elements are left out, in the order of
`functions`."""


@kernel
def multiply_f32(arguments, part, parts):
    """A product of f32."""
    _multiply_part(np.float32(1), i64_at(arguments), part, parts)


@kernel
def multiply_f64(arguments, part, parts):
    """A product of f64."""
    _multiply_part(np.float64(1), i64_at(arguments), part, parts)
