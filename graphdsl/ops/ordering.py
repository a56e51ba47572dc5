"""Elements in order of size, the places where they stood, and elements at such places.

Orders are stable: equal elements stay in the order in which they stand. nan counts as largest.
"""

from __future__ import annotations

import math

import numpy as np

from graphdsl.graph.build import Expr
from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Size
from graphdsl.graph.types import DType, TensorType
from graphdsl.ops.gathering import emit_check, in_order
from graphdsl.ops.joining import along
from graphdsl.ops.rules import check_axis, check_integer, check_sizes, check_tensor

_ORDER = {
    "axis": Attribute("axis", -1, "the axis along which elements are compared"),
    "descending": Attribute("bool", False, "whether the largest comes first"),
}


def _check_like(x: TensorType, indices: TensorType, axis: int, name: str) -> int:
    at = check_axis(axis, check_tensor(x, name))
    check_integer(indices, name, 1)
    if indices.rank != x.rank or any(
        a != b for i, (a, b) in enumerate(zip(x.shape, indices.shape, strict=True)) if i != at
    ):
        raise Fault(
            "E0201",
            f"'{name}' along axis {axis} of {x} needs indices of its shape but for that axis, "
            f"and found {indices}",
            operand=1,
        )
    return at


def _taken(x: TensorType, indices: TensorType, *, axis: int) -> TensorType:
    _check_like(x, indices, axis, "take_along_axis")
    return x.with_shape(indices.shape)


def _emit_places(k: KernelCall, shape: tuple[int, ...], axis: int) -> str:
    """The places in an array of `shape`, flat, that the second operand names along `axis`."""
    emit_check(k, 1, shape[axis])
    strides = [math.prod(shape[a + 1 :]) for a in range(len(shape))]
    grid = np.ogrid[tuple(slice(1 if a == axis else n) for a, n in enumerate(shape))]
    base = np.asarray(sum(i * stride for i, stride in zip(grid, strides, strict=True)))
    places = k.scratch(k.types[1].shape, DType.i64)
    k.emit(f"multiply({k.args[1]}, {strides[axis]}, {places})")
    k.emit(f"add({places}, {k.constant(base)}, {places})")
    return places


def _emit_take(k: KernelCall) -> None:
    if k.out_type.size:
        shape = k.types[0].shape
        places = _emit_places(k, shape, k.attrs["axis"] % len(shape))
        k.emit(f'{in_order(k, 0)}.take({places}, 0, {k.out}, "clip")')


take_along_axis = declare(
    Op(
        name="take_along_axis",
        operands=("x", "indices"),
        infer=_taken,
        attributes={"axis": Attribute("axis", -1, "the axis that the indices count along")},
        promotion="none",
        vjp=(
            lambda g, y, x, indices, *, axis: add_along_axis(
                g, indices, size=x.type.shape[axis], axis=axis
            ),
            None,
        ),
        kernel=_emit_take,
        doc="The elements of each row at the indices of that row, from 0, as NumPy's.",
        formula="yᵢⱼ = x[i, indices[i, j]]",
        derivative="the g of each index added to its element",
        example="y = take_along_axis(x, argsort(x))",
    )
)


def _added(g: TensorType, indices: TensorType, *, size: Size, axis: int) -> TensorType:
    at = _check_like(g, indices, axis, "add_along_axis")
    if indices.shape != g.shape:
        raise Fault(
            "E0201", f"'add_along_axis' needs an index for each of {g}, not {indices}", operand=1
        )
    check_sizes((size,))
    return g.with_shape((*g.shape[:at], size, *g.shape[at + 1 :]))


def _emit_add(k: KernelCall) -> None:
    k.emit(f"{k.out}.fill(0)")
    if k.types[0].size:
        shape = k.out_type.shape
        places = _emit_places(k, shape, k.attrs["axis"] % len(shape))
        k.emit(f"add.at({k.flat_out()}, {k.view(places, '.reshape(-1)')}, {in_order(k, 0)})")


add_along_axis: Op = declare(
    Op(
        name="add_along_axis",
        operands=("g", "indices"),
        infer=_added,
        attributes={
            "size": Attribute("size", doc="the size of the axis in the result"),
            "axis": Attribute("axis", -1, "the axis that the indices count along"),
        },
        promotion="none",
        vjp=(
            lambda h, y, g, indices, *, size, axis: take_along_axis(h, indices, axis=axis),
            None,
        ),
        kernel=_emit_add,
        doc="The elements of each row added up at the indices of that row.",
        formula="y[i, k] = Σ of the gᵢⱼ with indices[i, j] = k",
        derivative="the cotangent at the indices",
        example="y = add_along_axis(x, argsort(x), size = 5)",
    )
)


def _sorted(x: TensorType, *, axis: int, descending: bool) -> TensorType:
    check_axis(axis, check_tensor(x, "sort"))
    return x


def _emit_sort(k: KernelCall) -> None:
    axis = k.attrs["axis"] % k.out_type.rank
    out = k.view(k.out, along(axis, "::-1")) if k.attrs["descending"] else k.out
    k.emit(f"copyto({out}, {k.args[0]})", f"{out}.sort({axis})")


def _sort_vjp(g: Expr, y: Expr, x: Expr, *, axis: int, descending: bool) -> Expr:
    places = argsort(x, axis=axis, descending=descending)
    return add_along_axis(g, places, size=x.type.shape[axis], axis=axis)


sort = declare(
    Op(
        name="sort",
        operands=("x",),
        infer=_sorted,
        attributes=_ORDER,
        promotion="none",
        vjp=(_sort_vjp,),
        kernel=_emit_sort,
        doc="The elements along an axis, the smallest first.",
        formula="x₍₁₎ <= x₍₂₎ <= …",
        derivative="each g to where its element stood",
        example="y = sort(x, axis = 0)",
    )
)


def _descending(k: KernelCall, axis: int, stop: str = "") -> str:
    """Python's text for the places of the largest first: those of the reversed array from its
    end, so that equal elements stay in order."""
    places = f'{k.view(k.args[0], along(axis, "::-1"))}.argsort({axis}, "stable")'
    cut = along(axis, f":{stop}") if stop else ""
    return f"subtract({k.types[0].shape[axis] - 1}, {places}{along(axis, '::-1')}{cut}, {k.out})"


def _emit_argsort(k: KernelCall) -> None:
    axis = k.attrs["axis"] % k.out_type.rank
    if k.attrs["descending"]:
        k.emit(_descending(k, axis))
    else:
        k.emit(f'copyto({k.out}, {k.args[0]}.argsort({axis}, "stable"))')


def _places(x: TensorType, *, axis: int, descending: bool) -> TensorType:
    return _sorted(x, axis=axis, descending=descending).with_dtype(DType.i64)


argsort: Op = declare(
    Op(
        name="argsort",
        operands=("x",),
        infer=_places,
        attributes=_ORDER,
        promotion="none",
        kernel=_emit_argsort,
        allocates=True,
        doc="The indices that put the elements along an axis in order, the smallest first.",
        formula="sort(x)ᵢ = x[yᵢ]",
        derivative="none",
        example="y = argsort(x, axis = 0)",
    )
)

_TOP = {
    "k": Attribute("size", doc="how many"),
    "axis": Attribute("axis", -1, "the axis along which elements are compared"),
}


def _top_type(x: TensorType, *, k: Size, axis: int) -> TensorType:
    at = check_axis(axis, check_tensor(x, "topk"))
    check_count(k, x.shape[at], x)
    return x.with_shape((*x.shape[:at], k, *x.shape[at + 1 :]))


def check_count(k: Size, size: Size, x: object) -> None:
    """Raises `Fault` E0216 where there are no `k` elements along an axis of known size."""
    if isinstance(k, int) and (k < 0 or (isinstance(size, int) and k > size)):
        raise Fault("E0216", f"the k of 'topk' of {x} is 0 to {size}, and found {k}", attribute="k")


def _emit_argtopk(k: KernelCall) -> None:
    axis = k.attrs["axis"] % k.out_type.rank
    check_count(k.attrs["k"], k.types[0].shape[axis], k.types[0])
    k.emit(_descending(k, axis, str(k.attrs["k"])))


argtopk = declare(
    Op(
        name="argtopk",
        operands=("x",),
        infer=lambda x, *, k, axis: _top_type(x, k=k, axis=axis).with_dtype(DType.i64),
        attributes=_TOP,
        promotion="none",
        kernel=_emit_argtopk,
        allocates=True,
        doc="The indices of the k largest along an axis, the largest first.",
        formula="argsort(-x)[:k]",
        derivative="none",
        example="y = argtopk(x, 2)",
    )
)


def _topk(x: Expr, *, k: Size, axis: int) -> Expr:
    return take_along_axis(x, argtopk(x, k=k, axis=axis), axis=axis)


def _topk_vjp(g: Expr, y: Expr, x: Expr, *, k: Size, axis: int) -> Expr:
    places = argtopk(x, k=k, axis=axis)
    return add_along_axis(g, places, size=x.type.shape[axis], axis=axis)


topk = declare(
    Op(
        name="topk",
        operands=("x",),
        infer=_top_type,
        attributes=_TOP,
        promotion="none",
        vjp=(_topk_vjp,),
        decompose=_topk,
        doc="The k largest along an axis, the largest first; argtopk says where they stand.",
        formula="x₍ₙ₎ >= x₍ₙ₋₁₎ >= …",
        derivative="each g to where its element stands",
        example="y = topk(x, 2)",
    )
)
