"""Rules that many ops share: result types, and checks of axes, ranks and element types.

Rules get operand types by position and raise `Fault`, which names the culprit by its position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from graphdsl.graph.kernel import Array
from graphdsl.graph.op import Fault
from graphdsl.graph.sizes import Shape, Size
from graphdsl.graph.types import DType, TensorType, broadcast_shapes

Axes = int | tuple[int, ...] | None
"""One axis, several, or all of them."""


def broadcast(*types: TensorType, **attributes: object) -> TensorType:
    """The type of an elementwise result: the common element type, the broadcast shape."""
    shape: Shape = ()
    for position, operand in enumerate(types):
        joined = broadcast_shapes([shape, operand.shape])
        if joined is None:
            raise _unequal(types, shape, position)
        shape = joined
    return TensorType(common_dtype(types), shape)


def common_dtype(types: Sequence[TensorType]) -> DType:
    """The element type that promoted operands share."""
    dtype = next((t.dtype for t in types if not t.weak), None)
    if dtype is None:
        dtype = DType.f64 if any(t.dtype is DType.f64 for t in types) else types[0].dtype
    return dtype


def real(*types: TensorType, **attributes: object) -> TensorType:
    """The type of an elementwise result that is a float whatever it is computed from."""
    result = broadcast(*types)
    return result if result.dtype.is_float else result.with_dtype(DType.f64)


def truth(*types: TensorType, **attributes: object) -> TensorType:
    """The type of an elementwise result that is true or false."""
    return broadcast(*types).with_dtype(DType.bool)


def same(x: TensorType, **attributes: object) -> TensorType:
    """The type of the operand itself, no longer weak."""
    return replace(x, weak=False)


def check_tensor(x: TensorType, name: str, operand: int = 0) -> TensorType:
    """`x` itself; raises `Fault` E0202 where it is an untyped number."""
    if x.weak:
        raise Fault(
            "E0202",
            f"'{name}' needs a tensor, not an untyped number",
            operand=operand,
            help="full(number, shape) makes a tensor of it",
        )
    return x


def check_rank(x: TensorType, least: int, name: str, operand: int = 0) -> TensorType:
    """`x` itself; raises `Fault` E0202 where it has fewer than `least` axes."""
    if x.rank < least:
        found = f"{x} has {x.rank}" if x.rank else f"{x} is a scalar"
        raise Fault(
            "E0202",
            f"'{name}' needs {least} {plural(least, 'axis', 'axes')} or more, and {found}",
            operand=operand,
            help="reshape gives it more axes",
        )
    return x


def check_axis(axis: int, x: TensorType, operand: int = 0) -> int:
    """`axis` counted from the first; raises `Fault` E0205 where `x` has no such axis."""
    if not -x.rank <= axis < x.rank:
        expected = f"an axis from {-x.rank} to {x.rank - 1}" if x.rank else "a tensor with axes"
        raise Fault(
            "E0205",
            f"axis {axis} is out of range for {x}: expected {expected}",
            operand=operand,
            attribute="axis",
        )
    return axis % x.rank


def check_axes(axis: Axes | list[int], x: TensorType) -> tuple[int, ...]:
    """The axes counted from the first, in order; raises `Fault` E0205 for one there is not."""
    if axis is None:
        return tuple(range(x.rank))
    given = [axis] if isinstance(axis, int) else axis
    axes = tuple(sorted(check_axis(a, x) for a in given))
    if len(set(axes)) < len(axes):
        raise Fault("E0205", f"axis {tuple(given)} names an axis of {x} twice", attribute="axis")
    return axes


def check_integer(x: TensorType, name: str, operand: int) -> TensorType:
    """`x` itself; raises `Fault` E0209 where its elements cannot be indices."""
    if not x.dtype.is_integer or x.weak:
        raise Fault(
            "E0209",
            f"'{name}' needs indices of type i32 or i64 here, and found {x}",
            operand=operand,
            help="cast(x, i64) makes indices of whole numbers",
        )
    return x


def check_truth(x: TensorType, name: str, operand: int) -> TensorType:
    """`x` itself; raises `Fault` E0209 where its elements are not truth values."""
    if x.dtype is not DType.bool:
        raise Fault(
            "E0209",
            f"'{name}' needs truth values (bool) here, and found {x}",
            operand=operand,
            help="a comparison gives truth values: x != 0",
        )
    return x


def check_sizes(shape: Sequence[Size]) -> Shape:
    """The sizes as a shape; raises `Fault` E0206 for one that is negative."""
    for size in shape:
        if isinstance(size, int) and size < 0:
            raise Fault("E0206", f"expected sizes of at least 0, and found {size}")
    return tuple(shape)


def axes_of(axis: Axes, rank: int) -> tuple[int, ...]:
    """The axes counted from the first, in order, once they have been checked."""
    if axis is None:
        return tuple(range(rank))
    given = (axis,) if isinstance(axis, int) else axis
    return tuple(sorted(a % rank for a in given))


def reduced_shape(shape: Shape, axes: Sequence[int], keepdims: bool) -> Shape:
    """What is left of `shape` once `axes` are reduced."""
    if keepdims:
        return tuple(1 if a in axes else size for a, size in enumerate(shape))
    return tuple(size for a, size in enumerate(shape) if a not in axes)


def plural(count: int, one: str, many: str) -> str:
    """The word that goes with a number."""
    return one if count == 1 else many


def find_unequal(left: Shape, right: Shape) -> int:
    """The axis, counted from the last as 1, at which two shapes do not broadcast."""
    pairs = zip(reversed(left), reversed(right), strict=False)
    return next(back for back, (a, b) in enumerate(pairs, 1) if a != b and a != 1 and b != 1)


def _unequal(types: Sequence[TensorType], shape: Shape, position: int) -> Fault:
    """The fault of the operand whose shape does not broadcast with what stands before it."""
    found = types[position].shape
    back = find_unequal(shape, found)
    left, right = shape[-back], found[-back]
    first = next(i for i, t in enumerate(types) if t.rank >= back and t.shape[-back] == left)
    before = f"[{', '.join(map(str, shape))}]"
    return Fault(
        "E0201",
        f"the shapes {before} and [{', '.join(map(str, found))}] do not broadcast",
        operand=position,
        help=f"axis {-back} is {left} in one and {right} in the other: "
        "sizes have to be equal, or 1 in one of them",
        clash=((first, -back), (position, -back)),
    )


def check_within(x: TensorType, axis: int, indices: Array | None, least: int | None = None) -> None:
    """Raise where constant indices, the second operand, lie outside an axis of known size; from
    `least` on, or, without it, counted from the end as well."""
    size = x.shape[axis]
    if indices is None or not isinstance(size, int):
        return
    first = -size if least is None else least
    outside = next((int(i) for i in np.ravel(indices) if not first <= i < size), None)
    if outside is not None:
        expected = f"expected {first} to {size - 1}" if size else "the axis is empty"
        message = f"index {outside} is out of range for axis {axis % x.rank} of {x}: {expected}"
        raise Fault("E0207", message, operand=1)
