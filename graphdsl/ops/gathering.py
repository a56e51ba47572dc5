"""Slices at computed positions: `E[tokens]`, and slices added up at such positions.

Positions are checked once, in one fast pass, before they are used; then NumPy need not check them
(`mode="raise"` makes `take` buffer its result, three times slower).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from graphdsl.graph.kernel import Array, KernelCall
from graphdsl.graph.op import Attribute, Fault, Fold, Op, declare
from graphdsl.graph.sizes import Size
from graphdsl.graph.types import DType, TensorType
from graphdsl.ops import row_rules
from graphdsl.ops.places import emit_check, in_order
from graphdsl.ops.rules import check_axis, check_integer, check_sizes, check_tensor, check_within


def _gathered(x: TensorType, indices: TensorType, *, axis: int) -> TensorType:
    at = check_axis(axis, check_tensor(x, "gather"))
    check_integer(indices, "gather", 1)
    return x.with_shape((*x.shape[:at], *indices.shape, *x.shape[at + 1 :]))


def _emit_gather(k: KernelCall) -> None:
    axis = k.attrs["axis"] % k.types[0].rank
    emit_check(k, 1, k.types[0].shape[axis], signed=True)
    if k.out_type.size:
        k.emit(f'{k.args[0]}.take({k.args[1]}, {axis}, {k.out}, "wrap")')


gather = declare(
    Op(
        name="gather",
        operands=("x", "indices"),
        infer=_gathered,
        check=lambda types, values, *, axis: check_within(types[0], axis, values[1]),
        attributes={"axis": Attribute("axis", 0, "the axis that is indexed")},
        promotion="none",
        vjp=(
            lambda g, y, x, indices, *, axis: scatter_add(
                g, indices, size=x.type.shape[axis], axis=axis % x.type.rank
            ),
            None,
        ),
        kernel=_emit_gather,
        refuses="index",
        rows=row_rules.gathered,
        doc="Slices of x at indices, in [-n, n), which may come often; written `x[indices]`.",
        formula="xᵢ for each index i",
        derivative="the g of each index added to its slice",
        example="y = gather(x, [0, 2, 0])",
    )
)


def _scattered(g: TensorType, indices: TensorType, *, size: Size, axis: int) -> TensorType:
    check_integer(indices, "scatter_add", 1)
    check_tensor(g, "scatter_add")
    wanted = (*g.shape[:axis], *indices.shape, *g.shape[axis + indices.rank :])
    if not 0 <= axis <= g.rank - indices.rank or wanted != g.shape:
        raise Fault(
            "E0201",
            f"'scatter_add' from axis {axis} of {g} on needs the sizes of the indices, {indices}",
            operand=1,
        )
    check_sizes((size,))
    return g.with_shape((*g.shape[:axis], size, *g.shape[axis + indices.rank :]))


def _check_targets(
    types: Sequence[TensorType], values: Sequence[Array | None], *, size: Size, axis: int
) -> None:
    g, indices = types
    result = _scattered(g, indices, size=size, axis=axis)
    check_within(result, axis, values[1])


def _emit_scatter_add(k: KernelCall) -> None:
    """`add.at` on flat arrays, which has a fast loop, unlike `add.at` on rows; floats go in
    pairs, as complex numbers, so that the loop is half as long. Beside sorting and `reduceat`,
    `bincount` and a product with one-hot rows this is the fastest or near it at all sizes.

    Indices are checked before anything is written: the result may stand where a state does."""
    (g, indices), axis, shape = k.types, k.attrs["axis"], k.out_type.shape
    if g.size:
        emit_check(k, 1, shape[axis], signed=True)
    k.emit(f"{k.out}.fill(0)")
    if not g.size:
        return
    before, inner = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    pairs = k.out_type.dtype.is_float and inner % 2 == 0
    columns = inner // 2 if pairs else inner
    rows = k.scratch((before, indices.size), DType.i64)
    flat = in_order(k, 1)
    if before > 1:
        base = k.constant(np.arange(before)[:, None] * shape[axis])
        k.emit(f"remainder({flat}, {shape[axis]}, {rows})", f"add({rows}, {base}, {rows})")
        k.emit(f"multiply({rows}, {columns}, {rows})")
    else:  # what is negative counts from the end of the flat array as it does from the last row
        k.emit(f"multiply({flat}, {columns}, {rows})")
    places = k.view(rows, ".reshape(-1)")
    if columns > 1:
        table = k.scratch((before * indices.size, columns), DType.i64)
        numbers = k.constant(np.arange(columns))
        k.emit(f"add({k.view(rows, '.reshape(-1, 1)')}, {numbers}, {table})")
        places = k.view(table, ".reshape(-1)")
    out, values = k.flat_out(), in_order(k, 0)
    if pairs:
        kind = f'.view("c{2 * g.dtype.numpy.itemsize}")'
        out, values = k.view(out, kind), k.view(values, kind)
    k.emit(f"add.at({out}, {places}, {values})")


scatter_add: Op = declare(
    Op(
        name="scatter_add",
        operands=("g", "indices"),
        infer=_scattered,
        check=_check_targets,
        attributes={
            "size": Attribute("size", doc="the size of the axis in the result"),
            "axis": Attribute("axis", 0, "where that axis stands in it, counted from 0", "result"),
        },
        promotion="none",
        vjp=(
            lambda h, y, g, indices, *, size, axis: gather(h, indices, axis=axis),
            None,
        ),
        kernel=_emit_scatter_add,
        fold=Fold("0", "{y} + {g}", at="indices"),
        refuses="index",
        rows=row_rules.scattered,
        doc="Slices of g added up at indices of an axis of the given size.",
        formula="yᵢ = Σ of the g whose index is i",
        derivative="g at the indices",
        example="y = scatter_add(x, tokens, size = 10)",
    )
)
