"""Elements in order of size, and the places where they stood.

Orders are stable: equal elements stay in the order in which they stand. nan counts as largest.
"""

from __future__ import annotations

from graphdsl.graph.build import Expr
from graphdsl.graph.kernel import ArrayType, KernelCall
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Size
from graphdsl.graph.types import DType, TensorType
from graphdsl.ops.along_axis import add_along_axis, take_along_axis
from graphdsl.ops.joining import along
from graphdsl.ops.rules import check_axis, check_tensor

_ORDER = {
    "axis": Attribute("axis", -1, "the axis along which elements are compared"),
    "descending": Attribute("bool", False, "whether the largest comes first"),
}


def _sorted(x: TensorType, *, axis: int, descending: bool) -> TensorType:
    check_axis(axis, check_tensor(x, "sort"))
    return x


def _emit_sort(k: KernelCall) -> None:
    axis = k.attrs["axis"] % k.out_type.rank
    out = k.view(k.out, along(axis, "::-1")) if k.attrs["descending"] else k.out
    k.emit(f"copyto({out}, {k.args[0]})", f"{out}.sort({axis})")


def _line_bytes(x: ArrayType, axis: int, backwards: bool, gaps: int, always: int = 0) -> int:
    """What NumPy takes for one line at a time, by the bytes of an element: those that it takes
    `always`, those of a copy of a line that has `gaps` between its elements, and of their values if
    it has or if it runs backwards."""
    has_gaps = axis % x.rank != x.rank - 1
    values = x.dtype.numpy.itemsize if has_gaps or backwards else 0
    return x.shape[axis] * (always + values + (gaps if has_gaps else 0))


def _sorting_bytes(y: ArrayType, x: ArrayType, *, axis: int, descending: bool) -> int:
    return _line_bytes(x, axis, descending, 0)


def _places_bytes(
    y: ArrayType, x: ArrayType, *, axis: int, descending: bool = True, **attributes: object
) -> int:
    """The places of all elements, and beside one line's half of them, which are being merged; all
    of them where elements are so small that they are counted instead."""
    place, value = DType.i64.numpy.itemsize, x.dtype.numpy.itemsize
    merged = place if value <= 2 else place // 2
    return place * x.size + _line_bytes(x, axis, descending, place, merged)


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
        allocates=_sorting_bytes,
        doc="The elements along an axis, the smallest first, nan last.",
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
        allocates=_places_bytes,
        doc="The indices that put the elements along an axis in order, the smallest first, nan "
        "last.",
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
        allocates=_places_bytes,
        doc="The indices of the k largest along an axis, the largest first; nan counts as larger "
        "than any.",
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
        doc="The k largest along an axis, the largest first; nan counts as larger than any. "
        "argtopk says where they stand.",
        formula="x₍ₙ₎ >= x₍ₙ₋₁₎ >= …",
        derivative="each g to where its element stands",
        example="y = topk(x, 2)",
    )
)
