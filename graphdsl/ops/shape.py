"""Ops that rearrange, join, repeat and make tensors."""

from __future__ import annotations

import math

import numpy as np

from graphdsl.graph.graph import Expr
from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Shape, Size, divide, product
from graphdsl.graph.types import DType, TensorType, broadcast_shapes
from graphdsl.ops.rules import check_axis, check_rank, check_tensor

# ---- the same elements in another shape


def reshaped(x: TensorType, shape: Shape) -> Shape:
    """`shape` with its -1 worked out; raises `Fault` E0206 where the elements do not fit."""
    wanted = f"[{', '.join(map(str, shape))}]"
    unknown = [i for i, size in enumerate(shape) if size == -1]
    if len(unknown) > 1:
        raise Fault("E0206", f"{wanted} leaves more than one size open", attribute="shape")
    if any(isinstance(size, int) and size < -1 for size in shape):
        raise Fault("E0206", f"{wanted} has a negative size", attribute="shape")
    known = product(size for size in shape if size != -1)
    if not unknown:
        if known != x.size:
            raise Fault(
                "E0206",
                f"{x} has {x.size} elements, and {wanted} has {known}",
                operand=0,
                attribute="shape",
                help="a size of -1 is worked out from the others",
            )
        return tuple(shape)
    rest = None if known == 0 else divide(x.size, known)
    if rest is None:
        raise Fault(
            "E0206",
            f"the {x.size} elements of {x} cannot be divided by {known} for the -1 in {wanted}",
            operand=0,
            attribute="shape",
        )
    return (*shape[: unknown[0]], rest, *shape[unknown[0] + 1 :])


def _reshape_type(x: TensorType, *, shape: Shape) -> TensorType:
    return check_tensor(x, "reshape").with_shape(reshaped(x, shape))


def _reshape_view(k: KernelCall) -> str | None:
    return f".reshape({k.out_type.shape})" if k.contiguous[0] else None


def _emit_reshape(k: KernelCall) -> None:
    """A copy, for operands whose elements are not in order."""
    k.emit(f"copyto({k.view(k.out, f'.reshape({k.types[0].shape})')}, {k.args[0]})")


reshape: Op = declare(
    Op(
        name="reshape",
        operands=("x",),
        infer=_reshape_type,
        attributes={"shape": Attribute("sizes", doc="the new sizes; one may be -1")},
        promotion="none",
        vjp=(lambda g, y, x, *, shape: reshape(g, shape=x.type.shape),),
        view=_reshape_view,
        kernel=_emit_reshape,
        doc="The same elements, row by row, in another shape.",
        formula="x in another shape",
        derivative="g in the shape of x",
        example="y = reshape(x, [-1, 2])",
    )
)


def _expanded(x: TensorType, *, axis: int) -> TensorType:
    check_tensor(x, "expand")
    at = check_axis(axis, x.with_shape((*x.shape, 1)))
    return x.with_shape((*x.shape[:at], 1, *x.shape[at:]))


expand = declare(
    Op(
        name="expand",
        operands=("x",),
        infer=_expanded,
        attributes={"axis": Attribute("axis", doc="where the new axis stands in the result")},
        promotion="none",
        vjp=(lambda g, y, x, *, axis: reshape(g, shape=x.type.shape),),
        decompose=lambda x, *, axis: reshape(x, shape=_expanded(x.type, axis=axis).shape),
        doc="x with a new axis of size 1.",
        formula="x with one more axis",
        derivative="g without it",
        example="y = expand(x, axis = 1)",
    )
)


def _squeezed(x: TensorType, *, axis: int) -> TensorType:
    at = check_axis(axis, check_tensor(x, "squeeze"))
    if x.shape[at] != 1:
        raise Fault("E0206", f"axis {axis} of {x} has size {x.shape[at]}, expected 1", operand=0)
    return x.with_shape((*x.shape[:at], *x.shape[at + 1 :]))


squeeze = declare(
    Op(
        name="squeeze",
        operands=("x",),
        infer=_squeezed,
        attributes={"axis": Attribute("axis", doc="the axis of size 1 to drop")},
        promotion="none",
        vjp=(lambda g, y, x, *, axis: reshape(g, shape=x.type.shape),),
        decompose=lambda x, *, axis: reshape(x, shape=_squeezed(x.type, axis=axis).shape),
        doc="x without an axis of size 1.",
        formula="x with one axis less",
        derivative="g with it",
        example="y = squeeze(x, axis = 1)",
    )
)

# ---- the same elements in another order of axes


def _permuted(x: TensorType, *, axes: tuple[int, ...] | None) -> TensorType:
    check_tensor(x, "transpose")
    if axes is None:
        return x.with_shape(x.shape[::-1])
    order = tuple(check_axis(a, x) for a in axes)
    if sorted(order) != list(range(x.rank)):
        raise Fault(
            "E0205",
            f"axes {list(axes)} are no order of the {x.rank} axes of {x}: each once",
            operand=0,
            attribute="axes",
        )
    return x.with_shape([x.shape[a] for a in order])


def _inverse(axes: tuple[int, ...] | None, rank: int) -> tuple[int, ...] | None:
    if axes is None:
        return None
    order = [a % rank for a in axes]
    return tuple(order.index(a) for a in range(rank))


transpose: Op = declare(
    Op(
        name="transpose",
        operands=("x",),
        infer=_permuted,
        attributes={"axes": Attribute("ints", None, "the new order of the axes, or reversed")},
        promotion="none",
        vjp=(lambda g, y, x, *, axes: transpose(g, axes=_inverse(axes, x.type.rank)),),
        view=lambda k: f".transpose({k.attrs['axes'] or ''})",
        doc="x with its axes in another order.",
        formula="x with its axes permuted",
        derivative="g with its axes put back",
        example="y = transpose(x, axes = [1, 0])",
    )
)


def _swapped(x: TensorType) -> TensorType:
    if x.rank < 2:
        raise Fault(
            "E0202",
            f"'.T' swaps the last two axes, and {x} has {x.rank or 'none'}",
            operand=0,
            help="reshape(x, [-1, 1]) makes a column of a vector",
        )
    return x.with_shape((*x.shape[:-2], x.shape[-1], x.shape[-2]))


swap: Op = declare(
    Op(
        name="swap",
        operands=("x",),
        infer=_swapped,
        promotion="none",
        vjp=(lambda g, y, x: swap(g),),
        view=lambda k: ".T" if k.out_type.rank == 2 else ".swapaxes(-2, -1)",
        doc="x with its last two axes swapped; written `x.T`.",
        formula="xᵀ",
        derivative="gᵀ",
        example="y = x.T",
    )
)

# ---- repetition


def _broadcast_type(x: TensorType, *, shape: Shape) -> TensorType:
    check_tensor(x, "broadcast_to")
    if broadcast_shapes([x.shape, shape]) != tuple(shape):
        wanted = f"[{', '.join(map(str, shape))}]"
        raise Fault("E0201", f"{x} does not broadcast to {wanted}", operand=0, attribute="shape")
    return x.with_shape(shape)


broadcast_to = declare(
    Op(
        name="broadcast_to",
        operands=("x",),
        infer=_broadcast_type,
        attributes={"shape": Attribute("sizes", doc="the shape to repeat x to")},
        promotion="none",
        vjp=(lambda g, y, x, *, shape: g,),
        kernel="copyto({out}, {x})",
        doc="x repeated along new axes and along axes of size 1.",
        formula="x repeated",
        derivative="g summed over what was repeated",
        example="y = broadcast_to(x, [4, 2, 3])",
    )
)

# ---- joining


def _concatenated(*types: TensorType, axis: int) -> TensorType:
    first = check_rank(types[0], 1, "concat")
    at = check_axis(axis, first)
    total: Size = 0
    for position, operand in enumerate(types):
        check_rank(operand, 1, "concat", position)
        rest = (*operand.shape[:at], *operand.shape[at + 1 :])
        if operand.rank != first.rank or rest != (*first.shape[:at], *first.shape[at + 1 :]):
            raise Fault(
                "E0208",
                f"'concat' along axis {axis} joins {first} with {operand}",
                operand=position,
                help="all sizes but the one along the axis have to agree",
            )
        total = total + operand.shape[at]
    return first.with_shape((*first.shape[:at], total, *first.shape[at + 1 :]))


def _along(axis: int, index: str) -> str:
    """Python's text for an index of one axis; the ellipsis keeps even a scalar an array."""
    return f"[{':, ' * axis}{index}, ...]"


def _emit_concat(k: KernelCall) -> None:
    axis = k.attrs["axis"] % k.out_type.rank
    start = 0
    for name, operand in zip(k.args, k.types, strict=True):
        stop = start + operand.shape[axis]
        if operand.size:
            k.emit(f"copyto({k.view(k.out, _along(axis, f'{start}:{stop}'))}, {name})")
        start = stop


def _concat_vjp(position: int, g: Expr, y: Expr, *parts: Expr, axis: int) -> Expr:
    at = axis % y.type.rank
    start: Size = 0
    for x in parts[:position]:
        start = start + x.type.shape[at]
    return part(g, start=start, size=parts[position].type.shape[at], axis=at)


concat = declare(
    Op(
        name="concat",
        operands=("x",),
        variadic=True,
        infer=_concatenated,
        attributes={"axis": Attribute("axis", 0, "the axis along which operands follow on")},
        promotion="same",
        vjp=_concat_vjp,
        kernel=_emit_concat,
        doc="Operands one after another along an axis they have.",
        formula="[a, b, …]",
        derivative="the part of g that the operand became",
        example="y = concat(a, b, axis = 1)",
    )
)


def _part_type(g: TensorType, *, start: Size, size: Size, axis: int) -> TensorType:
    return g.with_shape((*g.shape[:axis], size, *g.shape[axis + 1 :]))


def _part_vjp(h: Expr, y: Expr, g: Expr, *, start: Size, size: Size, axis: int) -> Expr:
    shape, dtype = g.type.shape, g.type.dtype
    after = shape[axis] - start - size

    def zeros(length: Size) -> list[Expr]:
        if length == 0:
            return []
        sizes = (*shape[:axis], length, *shape[axis + 1 :])
        return [full(h.builder.number(0), shape=sizes, dtype=dtype)]

    return concat(*zeros(start), h, *zeros(after), axis=axis)


def _part_view(k: KernelCall) -> str:
    start, axis = k.attrs["start"], k.attrs["axis"]
    return _along(axis, f"{start}:{start + k.out_type.shape[axis]}")


part = declare(
    Op(
        name="part",
        operands=("g",),
        infer=_part_type,
        attributes={
            "start": Attribute("size"),
            "size": Attribute("size"),
            "axis": Attribute("axis"),
        },
        promotion="none",
        vjp=(_part_vjp,),
        view=_part_view,
        public=False,
        doc="The elements from `start` on along an axis; start and size may be symbolic.",
        formula="g[start : start + size]",
        derivative="g between zeros",
        example="g = grad(sum(concat(x, x)), x)",
    )
)


def _stacked(*types: TensorType, axis: int) -> TensorType:
    first = types[0]
    for position, operand in enumerate(types):
        check_tensor(operand, "stack", position)
        if operand.shape != first.shape:
            raise Fault(
                "E0208",
                f"'stack' needs equal shapes, and found {first} and {operand}",
                operand=position,
            )
    at = check_axis(axis, first.with_shape((*first.shape, 1)))
    return first.with_shape((*first.shape[:at], len(types), *first.shape[at:]))


def _emit_stack(k: KernelCall) -> None:
    axis = k.attrs["axis"] % k.out_type.rank
    for position, name in enumerate(k.args):
        k.emit(f"copyto({k.view(k.out, _along(axis, str(position)))}, {name})")


def _stack_vjp(position: int, g: Expr, y: Expr, *parts: Expr, axis: int) -> Expr:
    one = part(g, start=position, size=1, axis=axis % y.type.rank)
    return reshape(one, shape=parts[position].type.shape)


stack = declare(
    Op(
        name="stack",
        operands=("x",),
        variadic=True,
        infer=_stacked,
        attributes={"axis": Attribute("axis", 0, "where the new axis stands in the result")},
        promotion="same",
        vjp=_stack_vjp,
        kernel=_emit_stack,
        doc="Operands of one shape side by side along a new axis.",
        formula="[a, b, …]",
        derivative="the slice of g that the operand became",
        example="y = stack(a, b)",
    )
)

# ---- making


def _check_shape(shape: Shape) -> Shape:
    for size in shape:
        if isinstance(size, int) and size < 0:
            raise Fault("E0206", f"expected sizes of at least 0, and found {size}")
    return tuple(shape)


def _full_type(value: TensorType, *, shape: Shape, dtype: DType) -> TensorType:
    if value.rank:
        raise Fault(
            "E0202",
            f"'full' needs a scalar, and found {value}",
            operand=0,
            help="broadcast_to repeats a tensor",
        )
    if not value.weak and value.dtype is not dtype:
        raise Fault("E0203", f"'full' of {dtype} cannot be filled with {value}", operand=0)
    return TensorType(dtype, _check_shape(shape))


def _full_vjp(g: Expr, y: Expr, value: Expr, *, shape: Shape, dtype: DType) -> Expr:
    return g


_SHAPE = {
    "shape": Attribute("sizes", doc="the sizes of the result"),
    "dtype": Attribute("dtype", None, "the element type; the model's float if not given"),
}

full = declare(
    Op(
        name="full",
        operands=("value",),
        infer=_full_type,
        attributes=_SHAPE,
        promotion="none",
        vjp=(_full_vjp,),
        kernel="{out}.fill({value})",
        doc="A tensor with one value everywhere.",
        formula="value, repeated",
        derivative="g summed over all elements",
        example="y = full(0.5, [2, 3])",
    )
)


def _filled(*, shape: Shape, dtype: DType) -> TensorType:
    return TensorType(dtype, _check_shape(shape))


def _constant(name: str, value: int) -> Op:
    return declare(
        Op(
            name=name,
            operands=(),
            infer=_filled,
            attributes=_SHAPE,
            kernel=f"{{out}}.fill({value})",
            doc=f"A tensor of {name}.",
            formula=f"{value}, repeated",
            derivative="none",
            example=f"y = {name}([2, 3])",
        )
    )


zeros = _constant("zeros", 0)
ones = _constant("ones", 1)


def _eye_type(*, n: Size, m: Size | None, dtype: DType) -> TensorType:
    return TensorType(dtype, _check_shape((n, n if m is None else m)))


def _emit_eye(k: KernelCall) -> None:
    identity = np.eye(*k.out_type.shape, dtype=k.out_type.dtype.numpy)
    k.emit(f"copyto({k.out}, {k.constant(identity)})")


eye = declare(
    Op(
        name="eye",
        operands=(),
        infer=_eye_type,
        attributes={
            "n": Attribute("size", doc="the number of rows"),
            "m": Attribute("size", None, "the number of columns; n if not given"),
            "dtype": Attribute("dtype", None, "the element type; the model's float if not given"),
        },
        kernel=_emit_eye,
        doc="The unit matrix.",
        formula="δᵢⱼ",
        derivative="none",
        example="y = eye(3)",
    )
)


def _arange_type(*, n: Size, start: float, step: float, dtype: DType) -> TensorType:
    return TensorType(dtype, _check_shape((n,)))


def _emit_arange(k: KernelCall) -> None:
    numbers = k.attrs["start"] + k.attrs["step"] * np.arange(math.prod(k.out_type.shape))
    k.emit(f"copyto({k.out}, {k.constant(numbers.astype(k.out_type.dtype.numpy))})")


arange = declare(
    Op(
        name="arange",
        operands=(),
        infer=_arange_type,
        attributes={
            "n": Attribute("size", doc="how many numbers"),
            "start": Attribute("number", 0, "the first of them"),
            "step": Attribute("number", 1, "the distance from one to the next"),
            "dtype": Attribute("dtype", DType.i64, "the element type; i64 if not given"),
        },
        kernel=_emit_arange,
        doc="n numbers at equal distances.",
        formula="start, start + step, …",
        derivative="none",
        example="y = arange(5)",
    )
)
