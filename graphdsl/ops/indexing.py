"""Indexing: fixed elements and slices, and elements at computed positions.

Positions are checked once, in one fast pass, before they are used; then NumPy need not check them
(`mode="raise"` makes `take` buffer its result, three times slower).
"""

from __future__ import annotations

import math

import numpy as np

from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Poly, Shape, Size, minimum
from graphdsl.graph.types import DType, TensorType
from graphdsl.ops.rules import check_axis, check_integer, check_tensor, plural

Slice = tuple[str, Size | None, Size | None, int | None]
Item = Size | str | Slice
Items = tuple[Item, ...]
"""A fixed index: for each axis a number or ("slice", start, stop, step); "..." once."""

# ---- at fixed positions


def _spelled(items: Items, rank: int) -> list[Size | Slice]:
    """One item for each axis: the ellipsis and what is missing at the end become whole slices."""
    whole: Slice = ("slice", None, None, None)
    if "..." not in items:
        items = (*items, "...")
    at = items.index("...")
    missing = rank - len(items) + 1
    given = (*items[:at], *[whole] * missing, *items[at + 1 :])
    return [item for item in given if not isinstance(item, str)]


def _indexed(x: TensorType, *, items: Items) -> TensorType:
    check_tensor(x, "[…]")
    if items.count("...") > 1:
        raise Fault("E0207", "an index has more than one '...'", operand=0)
    given = len(items) - items.count("...")
    if given > x.rank:
        axes = plural(x.rank, "axis", "axes")
        raise Fault("E0207", f"{given} indices for the {x.rank} {axes} of {x}", operand=0)
    shape: list[Size] = []
    for axis, (item, size) in enumerate(zip(_spelled(items, x.rank), x.shape, strict=True)):
        if isinstance(item, tuple):
            shape.append(_slice_size(item, size))
        else:
            check_position(item, size, axis, x)
    return x.with_shape(shape)


def check_position(index: Size, size: Size, axis: int, x: object) -> None:
    """Raise `Fault` E0207 where a fixed index lies outside an axis whose size is known."""
    if isinstance(size, int) and isinstance(index, int) and not -size <= index < size:
        expected = f"expected {-size} to {size - 1}" if size else "the axis is empty"
        raise Fault(
            "E0207",
            f"index {index} is out of range for axis {axis} of {x}: {expected}",
            operand=0,
        )


def _slice_size(item: Slice, size: Size) -> Size:
    """The number of elements a slice takes; a bound beyond a size that is known is cut off.

    Of a symbolic size, what a slice leaves out at an end is taken to be there, so that `x[1:]`
    and `x[:-1]` of `[N]` are both `[N - 1]`; so is a symbolic bound.
    """
    _, start, stop, step = item
    step = 1 if step is None else step
    if step == 0:
        raise Fault("E0207", "a slice cannot have a step of 0", operand=0)
    if not isinstance(size, Poly) and not isinstance(start, Poly) and not isinstance(stop, Poly):
        return len(range(*slice(start, stop, step).indices(size)))
    if step < 0 and (start is not None or stop is not None):
        raise Fault(
            "E0207",
            "a slice that runs backwards needs open ends where a size is a symbol",
            operand=0,
            help="take the slice first, then reverse it: x[1:5][::-1]",
        )
    length = _span(start, stop, size) if step > 0 else size
    if isinstance(length, int):
        return -(-length // abs(step))
    return length if abs(step) == 1 else (length + (abs(step) - 1)) // abs(step)


def _span(start: Size | None, stop: Size | None, size: Size) -> Size:
    """The length of x[start:stop] where a bound or the size is a symbol."""
    start = 0 if start is None else start
    if isinstance(start, Poly) or isinstance(stop, Poly):
        end = size if stop is None else size + stop if _is_negative(stop) else stop
        return end - (size + start if _is_negative(start) else start)
    if stop is None:
        return size - start if start >= 0 else minimum(size, -start)
    if (start < 0) == (stop < 0):
        if stop <= start:
            return 0
        if start == 0:
            return minimum(size, stop)
        if start > 0:
            return minimum(size, stop) - minimum(size, start)
        return minimum(size, -start) - minimum(size, -stop)
    if start >= 0:  # from near the front to near the back
        return size + stop - start
    raise Fault(
        "E0207",
        f"the length of the slice {start}:{stop} of a symbolic size is not known",
        operand=0,
        help="count both bounds from the same end",
    )


def _is_negative(bound: Size) -> bool:
    """Whether a bound counts from the end."""
    if isinstance(bound, int):
        return bound < 0
    return all(coefficient < 0 for _, coefficient in bound.terms)


def _suffix(items: Items) -> str:
    """Python's text for the index; the ellipsis keeps even a scalar an array."""
    texts = []
    for item in items if "..." in items else (*items, "..."):
        if isinstance(item, tuple):
            start, stop, step = ("" if part is None else str(part) for part in item[1:])
            texts.append(f"{start}:{stop}:{step}" if step else f"{start}:{stop}")
        else:
            texts.append(str(item))
    return f"[{', '.join(texts)}]"


def _index_view(k: KernelCall) -> str:
    given = k.types[0]
    for axis, (item, size) in enumerate(
        zip(_spelled(k.attrs["items"], given.rank), given.shape, strict=True)
    ):
        if not isinstance(item, tuple):
            check_position(item, size, axis, given)
    return _suffix(k.attrs["items"])


index = declare(
    Op(
        name="index",
        operands=("x",),
        infer=_indexed,
        attributes={"items": Attribute("internal")},
        promotion="none",
        vjp=(lambda g, y, x, *, items: unindex(g, items=items, shape=x.type.shape),),
        view=_index_view,
        public=False,
        doc="Elements and slices at fixed positions, as NumPy's; written `x[…]`.",
        formula="x[i, j:k]",
        derivative="g in its place, 0 elsewhere",
        example="y = x[:, 1:3]",
    )
)


def _emit_unindex(k: KernelCall) -> None:
    place = k.view(k.out, _suffix(k.attrs["items"]))
    k.emit(f"{k.out}.fill(0)", f"copyto({place}, {k.args[0]})")


unindex: Op = declare(
    Op(
        name="unindex",
        operands=("g",),
        infer=lambda g, *, items, shape: g.with_shape(shape),
        attributes={"items": Attribute("internal"), "shape": Attribute("sizes")},
        promotion="none",
        vjp=(lambda h, y, g, *, items, shape: index(h, items=items),),
        kernel=_emit_unindex,
        public=False,
        doc="The operand at a fixed index of a tensor that is 0 elsewhere.",
        formula="g at [i, j:k]",
        derivative="its elements at the index",
        example="g = grad(sum(x[0]), x)",
    )
)

# ---- at computed positions


def _emit_check(k: KernelCall, position: int, size: int, signed: bool = False) -> None:
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
    _emit_check(k, 1, k.types[0].shape[axis], signed=True)
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
    return g.with_shape((*g.shape[:axis], size, *g.shape[axis + indices.rank :]))


def _emit_scatter_add(k: KernelCall) -> None:
    """`add.at` on flat arrays, which has a fast loop, unlike `add.at` on rows; floats go in
    pairs, as complex numbers, so that the loop is half as long. Beside sorting and `reduceat`,
    `bincount` and a product with one-hot rows this is the fastest or near it at all sizes."""
    k.emit(f"{k.out}.fill(0)")
    (g, indices), axis, shape = k.types, k.attrs["axis"], k.out_type.shape
    if not g.size:
        return
    _emit_check(k, 1, shape[axis], signed=True)
    before, inner = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    pairs = k.out_type.dtype.is_float and inner % 2 == 0
    columns = inner // 2 if pairs else inner
    rows = k.scratch((before, indices.size), DType.i64)
    flat = _in_order(k, 1)
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
    out, values = k.flat_out(), _in_order(k, 0)
    if pairs:
        kind = f'.view("c{2 * g.dtype.numpy.itemsize}")'
        out, values = k.view(out, kind), k.view(values, kind)
    k.emit(f"add.at({out}, {places}, {values})")


def _in_order(k: KernelCall, position: int) -> str:
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
        attributes={"size": Attribute("size"), "axis": Attribute("axis", 0)},
        promotion="none",
        vjp=(
            lambda h, y, g, indices, *, size, axis: gather(h, indices, axis=axis),
            None,
        ),
        kernel=_emit_scatter_add,
        public=False,
        doc="Slices of g added up at indices of an axis of the given size.",
        formula="yᵢ = Σ of the g whose index is i",
        derivative="g at the indices",
        example="g = grad(sum(E[tokens]), E)",
    )
)

# ---- one element of each row


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
    _emit_check(k, position, shape[axis])
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
    x = _in_order(k, 0)
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
        attributes={"size": Attribute("size"), "axis": Attribute("axis", -1)},
        promotion="none",
        vjp=(
            lambda h, y, g, indices, *, size, axis: take_along(h, indices, axis=axis),
            None,
        ),
        kernel=_emit_put_along,
        public=False,
        doc="One element in each row, at the index, and 0 elsewhere.",
        formula="y[i, indices[i]] = g[i]",
        derivative="g at the indices",
        example="g = grad(sum(take_along(x, labels)), x)",
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
