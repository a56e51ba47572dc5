"""Products of matrices as kernels, one for each float type.

The right factor is copied into panels as wide as the registers hold, the left one, where its rows
do not lie together, into tiles of rows; then a microkernel sums. Parts of a product write disjoint
blocks of the result and sum in the same order, so that its bits do not depend on how many there
are. Addresses and strides count bytes; `one` is a float of the elements' type.
"""

# mypy: ignore-errors

from __future__ import annotations

import numpy as np

from graphdsl.engines.numba.calls import DEPTH, PANEL
from graphdsl.engines.numba.copying import copy_eight, copy_some, copy_vector, turn_square
from graphdsl.engines.numba.decorators import compiled, kernel
from graphdsl.engines.numba.intrinsics import bytes_of, call_tiles, i64_at, like_at
from graphdsl.engines.numba.microkernel import ROWS
from graphdsl.engines.numba.tiling import next_tile
from graphdsl.engines.numba.vectors import machine

PACKED_ROWS = 48
"""The rows of a left factor from which copying it pays, if its rows do not lie together."""

FEW_ROWS, SPREAD = 64, 2**18
"""Up to so many rows of a left factor, or so many bytes from a row of the right factor to the next
times the rows, copying the right factor takes longer than reading it where it stands."""

VECTOR, WIDTH = machine()
HALF = max(WIDTH // 2, 1)
PANEL_BYTES = VECTOR * WIDTH
"""The bytes of a row of a copied panel, behind which a copied left factor follows."""
assert PANEL_BYTES <= PANEL, "the rooms that are planned would be too small"

MOST = ROWS[0]


@compiled
def _copy_left(one, rows, inner, left, left_row, left_column, target):
    """Tiles of rows, one behind the other, each column by column."""
    item = bytes_of(one)
    done = 0
    while done < rows:
        size = next_tile(rows, done)
        source = left + done * left_row
        to = target + done * inner * item
        if left_row == item and done + 8 <= rows:
            # eight are copied at once: what is too much is overwritten by the next
            for k in range(inner):
                copy_eight(one, source + k * left_column, to + k * size * item)
        else:
            for k in range(inner):
                row = like_at(source + k * left_column, one)
                place = like_at(to + k * size * item, one)
                for i in range(size):
                    place[i] = row[i * (left_row // item)]
        done += size


@compiled
def _copy_rows(one, inner, columns, width, right, right_row, target):
    """A panel of a right factor whose columns lie side by side."""
    lanes = VECTOR // bytes_of(one)
    whole, rest = columns // lanes, columns % lanes
    for k in range(inner):
        source, to = right + k * right_row, target + k * width * VECTOR
        if whole == WIDTH:
            for vector in range(WIDTH):
                copy_vector(one, source + vector * VECTOR, to + vector * VECTOR)
        else:
            for vector in range(whole):
                copy_vector(one, source + vector * VECTOR, to + vector * VECTOR)
            if rest:
                copy_some(one, source + whole * VECTOR, to + whole * VECTOR, rest)


@compiled
def _copy_columns(one, inner, columns, width, right, right_row, right_column, target):
    """A panel of a right factor with other strides; where rows lie side by side, by squares.

    What stands behind its columns is of no account: no element of the result comes from it.
    """
    item = bytes_of(one)
    lanes = VECTOR // item
    for first in range(0, columns, lanes):
        many = min(lanes, columns - first)
        k = 0
        while right_row == item and k + lanes <= inner:
            start = right + first * right_column + k * item
            to = target + k * width * VECTOR + first * item
            turn_square(one, start, right_column, many, to, width * VECTOR)
            k += lanes
        while k < inner:
            to = like_at(target + k * width * VECTOR + first * item, one)
            for j in range(many):
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
    panel, panel_row = room, width * VECTOR
    near = rows <= FEW_ROWS or rows * right_row <= SPREAD
    if right_column == item and many == WIDTH * lanes and near:
        panel, panel_row = right, right_row
    elif right_column == item:
        _copy_rows(one, inner, many, width, right, right_row, room)
    else:
        _copy_columns(one, inner, many, width, right, right_row, right_column, room)
    kind = 0 if many == WIDTH * lanes else (1 if width == WIDTH else (2 if width == HALF else 3))
    call_tiles(
        functions[kind], rows, inner, left, left_row, left_column, tiled, panel, panel_row,
        result, result_row, more, many,
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
    beside = room + min(inner, DEPTH) * PANEL_BYTES
    for start in range(0, inner, depth):
        deep = min(depth, inner - start)
        here = left + start * left_column
        if tiled:
            _copy_left(one, rows, deep, here, left_row, left_column, beside)
            here = beside
        for first in range(0, columns, panel):
            _multiply_block(
                functions, one, rows, min(panel, columns - first), deep,
                here, left_row, left_column, tiled,
                right + first * right_column + start * right_row, right_row, right_column,
                result + first * item, result_row, room, np.int64(start > 0),
            )  # fmt: skip


@compiled
def _column_unit(one, rows, columns, left_column, right_column, parts):
    """The columns that parts of a product are multiples of; 0 where each is to have some rows.

    What one part has copied the other copies too: so a left factor that is copied is cut in rows,
    and a right one whose copy is used for few rows in columns.
    """
    item = bytes_of(one)
    panel = PANEL_BYTES // item
    if left_column != item and rows >= PACKED_ROWS * parts:
        return 0
    if columns >= panel * parts:
        return panel
    return VECTOR // item if right_column != item and rows < 4 * MOST else 0


@compiled
def _own_block(one, at, part, parts):
    """The panels, or else the rows, of a result that one part makes: the first row, how many, the
    first column, how many."""
    rows, columns = at[0], at[1]
    unit = _column_unit(one, rows, columns, at[5], at[8], parts)
    if unit == 0:
        start = rows * part // parts
        return start, rows * (part + 1) // parts - start, 0, columns
    units = (columns + unit - 1) // unit
    start = units * part // parts * unit
    return 0, rows, start, min(columns, units * (part + 1) // parts * unit) - start


@compiled
def _multiply_part(one, at, part, parts):
    """One part of a product: some of its pairs of matrices, or else a block of each result.

    `at` has the arguments in the order of `ARGUMENTS`.
    """
    pairs, turns = at[13] * at[14], at[14]
    first, last = 0, pairs
    row, rows, column, columns = 0, at[0], 0, at[1]
    if pairs >= parts:
        first, last = pairs * part // parts, pairs * (part + 1) // parts
    else:
        row, rows, column, columns = _own_block(one, at, part, parts)
    if rows <= 0 or columns <= 0:
        return
    left, right = at[3] + row * at[4], at[6] + column * at[8]
    result = at[9] + row * at[10] + column * bytes_of(one)
    functions, room = i64_at(at[21]), at[11] + part * at[12]
    for pair in range(first, last):
        batch, turn = pair // turns, pair % turns
        _multiply(
            functions, one, rows, columns, at[2],
            left + batch * at[15] + turn * at[16], at[4], at[5],
            right + batch * at[17] + turn * at[18], at[7], at[8],
            result + batch * at[19] + turn * at[20], at[10], room,
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
