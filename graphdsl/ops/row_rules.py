"""Where the rows of a batch stand in the results of ops: the rules that declarations name.

Each rule is given an `Asked` and answers with `Rows`, `SUMMED`, or None where a row of the result
is not made of that row of the operands alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from graphdsl.graph.kernel import ArrayType
from graphdsl.graph.rows import SUMMED, Asked, Rows, Summed
from graphdsl.ops.rules import axes_of


def by_element(asked: Asked) -> Rows | None:
    """Of ops that work element by element."""
    return asked.common()


def all_alike(asked: Asked) -> Rows | None:
    """Of tensors whose elements are all the same, or repeated along the rows."""
    return asked.common() if any(asked.rows) else asked.expected


def reordered(order: Sequence[int], rows: Rows) -> Rows:
    """Rows once axis `order[i]` has become axis i."""
    return replace(rows, axis=list(order).index(rows.axis))


def permuted(asked: Asked) -> Rows | None:
    """Of axes in another order, the attribute `axes`, or reversed."""
    (rows,), rank = asked.rows, asked.result.rank
    axes = asked.attrs["axes"]
    order = range(rank)[::-1] if axes is None else [axis % rank for axis in axes]
    return None if rows is None else reordered(order, rows)


def swapped(asked: Asked) -> Rows | None:
    """Of the last two axes exchanged."""
    (rows,), rank = asked.rows, asked.result.rank
    order = [*range(rank - 2), rank - 1, rank - 2]
    return None if rows is None else reordered(order, rows)


def reshaped(asked: Asked) -> Rows | None:
    """Of the same elements in another shape: rows are as far apart in memory as they were."""
    (rows,), (given,), shape = asked.rows, asked.types, asked.result.shape
    if rows is None:
        return None
    distance = rows.inner * math.prod(given.shape[rows.axis + 1 :])
    below = 1
    for axis in reversed(range(len(shape))):
        whole = below * shape[axis] % (distance * asked.batch) == 0
        if whole and distance % below == 0:
            return Rows(axis, distance // below)
        below *= shape[axis]
    return None


def reduced(asked: Asked) -> Rows | None:
    """Of a reduction over the attribute `axis`, where that is not the rows'."""
    (rows,), (given,) = asked.rows, asked.types
    axes = axes_of(asked.attrs["axis"], given.rank)
    if rows is None or rows.axis in axes:
        return None
    if asked.attrs.get("keepdims", False):
        return rows
    return replace(rows, axis=rows.axis - sum(axis < rows.axis for axis in axes))


def summed(asked: Asked) -> Rows | Summed | None:
    """Of a sum over the attribute `axis`."""
    (rows,), (given,) = asked.rows, asked.types
    if rows is not None and rows.axis in axes_of(asked.attrs["axis"], given.rank):
        return SUMMED
    return reduced(asked)


def contracted(asked: Asked) -> Summed | None:
    """Of a sum over all elements of a product."""
    first, second = asked.rows
    return SUMMED if first is not None and first == second else None


def multiplied(asked: Asked) -> Rows | Summed | None:
    """Of a matrix product: rows stand in the axis that is summed, or in one that stays."""
    (a, b), (x, y) = asked.types, asked.rows
    if x is not None and y is not None:
        if x.axis == a.rank - 1 and y.axis == max(b.rank - 2, 0):
            return SUMMED if x.inner == y.inner else None
        both = x.axis < a.rank - 2 and y.axis < b.rank - 2
        return asked.common() if both else None
    if x is not None and x.axis < a.rank - 1:
        return Rows(x.axis + asked.result.rank + (b.rank == 1) - a.rank, x.inner)
    if y is not None and b.rank > 1 and y.axis != b.rank - 2:
        return Rows(_axis_of_second(asked.result, a, b, y.axis), y.inner)
    return None


def _axis_of_second(result: ArrayType, a: ArrayType, b: ArrayType, axis: int) -> int:
    """The axis of a product that an axis of its second operand has become."""
    return result.rank - 1 if axis == b.rank - 1 else axis + result.rank + (a.rank == 1) - b.rank


def in_last_axis(asked: Asked) -> Rows | None:
    """Of ops on the axes before the last, in which the rows stand."""
    (rows,), (given,) = asked.rows, asked.types
    if rows is None or rows.axis != given.rank - 1:
        return None
    return replace(rows, axis=asked.result.rank - 1)


def all_in_last_axis(asked: Asked) -> Rows | None:
    """Of ops on the axes before the last, in which the rows of all operands stand."""
    rows = _alike(asked)
    return rows if rows is not None and rows.axis == asked.result.rank - 1 else None


def _alike(asked: Asked) -> Rows | None:
    """The rows of operands of which each has them, in the same place."""
    rows = asked.rows[0]
    return rows if all(other == rows for other in asked.rows) else None


def multiplied_by_matrix(asked: Asked) -> Rows | None:
    """Of products, with a matrix that is the same for all rows, of what stands before them in the
    last axis."""
    rows, matrix = asked.rows
    if rows is None or matrix is not None or rows.axis != asked.types[0].rank - 1:
        return None
    return Rows(asked.result.rank - 1, rows.inner)


def contracted_last(asked: Asked) -> Summed | None:
    """Of a sum of products over the last axes of both operands, among others."""
    first, second = asked.rows
    if first is None or second is None or first.inner != second.inner:
        return None
    last = [type.rank - 1 for type in asked.types]
    return SUMMED if [first.axis, second.axis] == last else None


def gathered(asked: Asked) -> Rows | None:
    """Of slices of a table that is the same for all rows, at their indices."""
    (table, rows), rank = asked.rows, asked.types[0].rank
    if table is not None or rows is None:
        return None
    return replace(rows, axis=rows.axis + asked.attrs["axis"] % rank)


def scattered(asked: Asked) -> Summed | None:
    """Of slices added up at the rows' indices."""
    slices, indices = asked.rows
    if slices is None or indices is None:
        return None
    stand = replace(indices, axis=indices.axis + asked.attrs["axis"])
    return SUMMED if slices == stand else None


def picked(asked: Asked) -> Rows | None:
    """Of one element of each row, where neither it nor the index is in the axis of the rows."""
    (rows, indices), rank = asked.rows, asked.types[0].rank
    axis = asked.attrs["axis"] % rank
    if rows is None or rows.axis == axis:
        return None
    found = replace(rows, axis=rows.axis - (axis < rows.axis))
    return found if indices == found else None


def put(asked: Asked) -> Rows | None:
    """Of one element put into each row, the attribute `axis` being new."""
    rows, indices = asked.rows
    if rows is None or indices != rows:
        return None
    return replace(rows, axis=rows.axis + (asked.attrs["axis"] <= rows.axis))


def added(asked: Asked) -> Rows | None:
    """Of something added to one element of each row, its own or the same number for all."""
    rows, given, indices = asked.rows
    axis = asked.attrs["axis"] % asked.result.rank
    if rows is None or rows.axis == axis:
        return None
    found = replace(rows, axis=rows.axis - (axis < rows.axis))
    own = asked.types[1].weak or given == found
    return rows if own and indices == found else None


def extended(asked: Asked) -> Rows | None:
    """Of a new last axis."""
    return asked.rows[0]


def placed(asked: Asked) -> Rows | None:
    """Of a part of every row put into zeros: the attributes `start` and `step` of each axis."""
    (rows,), (given,) = asked.rows, asked.types
    if rows is None or given.shape[rows.axis] != asked.result.shape[rows.axis]:
        return None
    if asked.is_told("start"):
        return None
    start, step = asked.attrs["start"], asked.attrs["step"]
    from_first = start is None or start[rows.axis] == 0
    return rows if from_first and (step is None or step[rows.axis] == 1) else None


def joined(asked: Asked) -> Rows | None:
    """Of tensors one behind the other along the attribute `axis`."""
    rows = _alike(asked)
    if rows is None or asked.attrs["axis"] % asked.result.rank == rows.axis:
        return None
    return rows


def stacked(asked: Asked) -> Rows | None:
    """Of tensors along a new axis, the attribute `axis`."""
    rows = _alike(asked)
    if rows is None:
        return None
    axis = asked.attrs["axis"] % asked.result.rank
    return replace(rows, axis=rows.axis + (axis <= rows.axis))
