"""Elements at computed positions: `E[tokens]`, one element of each row, one-hot rows.

Positions are checked once, in one fast pass, before they are used; then NumPy need not check them
(`mode="raise"` makes `take` buffer its result, three times slower).
"""

from __future__ import annotations

import math

import numpy as np

from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Shape, Size
from graphdsl.graph.types import DType, TensorType
from graphdsl.ops.rules import check_axis, check_integer, check_sizes, check_tensor


def emit_check(k: KernelCall, position: int, size: int, signed: bool = False) -> None:
    """Have the indices checked while running."""
    indices = k.types[position]
    if indices.size:
        unsigned = k.view(k.args[position], f'.view("u{indices.dtype.numpy.itemsize}")')
        check = "check_signed_index" if signed else "check_index"
        k.emit(f"{check}({unsigned}, {size}, {k.where!r})")


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
        attributes={"axis": Attribute("axis", 0, "the axis that is indexed")},
        promotion="none",
        vjp=(
            lambda g, y, x, indices, *, axis: scatter_add(
                g, indices, size=x.type.shape[axis], axis=axis % x.type.rank
            ),
            None,
        ),
        kernel=_emit_gather,
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


def _emit_scatter_add(k: KernelCall) -> None:
    """`add.at` on flat arrays, which has a fast loop, unlike `add.at` on rows; floats go in
    pairs, as complex numbers, so that the loop is half as long. Beside sorting and `reduceat`,
    `bincount` and a product with one-hot rows this is the fastest or near it at all sizes."""
    k.emit(f"{k.out}.fill(0)")
    (g, indices), axis, shape = k.types, k.attrs["axis"], k.out_type.shape
    if not g.size:
        return
    emit_check(k, 1, shape[axis], signed=True)
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


def in_order(k: KernelCall, position: int) -> str:
    """The operand's elements in one axis, copied if they do not stand in order."""
    if k.contiguous[position]:
        return k.flat(position)
    array = k.scratch(k.types[position].shape, k.types[position].dtype)
    k.emit(f"copyto({array}, {k.args[position]})")
    return k.view(array, ".reshape(-1)")


scatter_add: Op = declare(
    Op(
        name="scatter_add",
        operands=("g", "indices"),
        infer=_scattered,
        attributes={
            "size": Attribute("size", doc="the size of the axis in the result"),
            "axis": Attribute("axis", 0, "where that axis stands in it, counted from 0"),
        },
        promotion="none",
        vjp=(
            lambda h, y, g, indices, *, size, axis: gather(h, indices, axis=axis),
            None,
        ),
        kernel=_emit_scatter_add,
        doc="Slices of g added up at indices of an axis of the given size.",
        formula="yᵢ = Σ of the g whose index is i",
        derivative="g at the indices",
        example="y = scatter_add(x, tokens, size = 10)",
    )
)


def _check_rows(shape: Shape, indices: TensorType, name: str) -> None:
    check_integer(indices, name, 1)
    if indices.shape != shape:
        raise Fault(
            "E0201",
            f"'{name}' needs one index for each row, [{', '.join(map(str, shape))}], "
            f"and found {indices}",
            operand=1,
        )


def _taken(x: TensorType, indices: TensorType, *, axis: int) -> TensorType:
    at = check_axis(axis, check_tensor(x, "take_along"))
    shape = (*x.shape[:at], *x.shape[at + 1 :])
    _check_rows(shape, indices, "take_along")
    return x.with_shape(shape)


def _emit_places(k: KernelCall, shape: tuple[int, ...], axis: int, position: int) -> str:
    """The name of an array with the flat places in `shape` that the indices name along `axis`."""
    numbers = np.arange(math.prod(shape)).reshape(shape)
    base = k.constant(np.asarray(numbers.take(0, axis)).reshape(k.types[position].shape))
    emit_check(k, position, shape[axis])
    places = k.scratch(k.types[position].shape, DType.i64)
    stride = math.prod(shape[axis + 1 :])
    if stride == 1:
        k.emit(f"add({k.args[position]}, {base}, {places})")
    else:
        k.emit(f"multiply({k.args[position]}, {stride}, {places})")
        k.emit(f"add({places}, {base}, {places})")
    return places


def _emit_take_along(k: KernelCall) -> None:
    if not k.out_type.size:
        return
    given = k.types[0]
    places = _emit_places(k, given.shape, k.attrs["axis"] % given.rank, 1)
    x = in_order(k, 0)
    k.emit(f'{x}.take({places}, 0, {k.out}, "clip")')


take_along = declare(
    Op(
        name="take_along",
        operands=("x", "indices"),
        infer=_taken,
        attributes={"axis": Attribute("axis", -1, "the axis that the indices count along")},
        promotion="none",
        vjp=(
            lambda g, y, x, indices, *, axis: put_along(
                g, indices, size=x.type.shape[axis], axis=axis % x.type.rank
            ),
            None,
        ),
        kernel=_emit_take_along,
        doc="One element of each row: the indices, from 0, have x's shape without the axis.",
        formula="x[i, indices[i]]",
        derivative="g at the indices, 0 elsewhere",
        example="y = take_along(x, [0, 2])",
    )
)


def _put(g: TensorType, indices: TensorType, *, size: Size, axis: int) -> TensorType:
    _check_rows(g.shape, indices, "put_along")
    check_sizes((size,))
    if not 0 <= axis <= g.rank:
        raise Fault("E0205", f"axis {axis} is out of range: expected 0 to {g.rank}")
    return g.with_shape((*g.shape[:axis], size, *g.shape[axis:]))


def _emit_put_along(k: KernelCall) -> None:
    k.emit(f"{k.out}.fill(0)")
    if k.types[0].size:
        places = _emit_places(k, k.out_type.shape, k.attrs["axis"], 1)
        k.emit(f"{k.flat_out()}[{places}] = {k.args[0]}")


put_along: Op = declare(
    Op(
        name="put_along",
        operands=("g", "indices"),
        infer=_put,
        attributes={
            "size": Attribute("size", doc="the size of the new axis"),
            "axis": Attribute("axis", 0, "where that axis stands, counted from 0"),
        },
        promotion="none",
        vjp=(
            lambda h, y, g, indices, *, size, axis: take_along(h, indices, axis=axis),
            None,
        ),
        kernel=_emit_put_along,
        doc="One element in each row, at the index, and 0 elsewhere.",
        formula="y[i, indices[i]] = g[i]",
        derivative="g at the indices",
        example="y = put_along(x, labels, size = 10, axis = 1)",
    )
)


def _one_hot_type(x: TensorType, *, n: Size, dtype: DType) -> TensorType:
    check_integer(x, "one_hot", 0)
    return TensorType(dtype, (*x.shape, n))


def _emit_one_hot(k: KernelCall) -> None:
    k.emit(f"{k.out}.fill(0)")
    if k.types[0].size:
        places = _emit_places(k, k.out_type.shape, k.types[0].rank, 0)
        k.emit(f"{k.flat_out()}[{places}] = 1")


one_hot = declare(
    Op(
        name="one_hot",
        operands=("x",),
        infer=_one_hot_type,
        attributes={
            "n": Attribute("size", doc="the number of classes"),
            "dtype": Attribute("dtype", None, "the element type; the model's float if not given"),
        },
        promotion="none",
        kernel=_emit_one_hot,
        doc="Rows that are 1 at the index and 0 elsewhere.",
        formula="yᵢⱼ = 1 if j = xᵢ else 0",
        derivative="none",
        example="y = one_hot(labels, 10)",
    )
)
