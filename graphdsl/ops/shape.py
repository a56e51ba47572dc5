"""The same elements in another shape, in another order of axes, or repeated."""

from __future__ import annotations

from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Shape, divide, product
from graphdsl.graph.types import TensorType, broadcast_shapes
from graphdsl.ops import row_rules
from graphdsl.ops.rules import check_axis, check_tensor


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
                clash=_left_over(x.shape, shape),
            )
        return tuple(shape)
    rest = None if known == 0 else divide(x.size, known)
    if rest is None:
        raise Fault(
            "E0206",
            f"the {x.size} elements of {x} cannot be divided by {known} for the -1 in {wanted}",
            operand=0,
            attribute="shape",
            clash=_left_over(x.shape, shape),
        )
    return (*shape[: unknown[0]], rest, *shape[unknown[0] + 1 :])


def _left_over(shape: Shape, wanted: Shape) -> list[tuple[int, int]]:
    """The axes of an operand whose sizes a new shape does not have."""
    left, axes = list(wanted), []
    for axis, size in enumerate(shape):
        if size in left:
            left.remove(size)
        else:
            axes.append((0, axis))
    return axes


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
        rows=row_rules.reshaped,
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
        attributes={
            "axis": Attribute(
                "axis", doc="where the new axis stands in the result", counts="result"
            )
        },
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
        rows=row_rules.permuted,
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
        rows=row_rules.swapped,
        doc="x with its last two axes swapped; written `x.T`.",
        formula="xᵀ",
        derivative="gᵀ",
        example="y = x.T",
    )
)


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
        rows=row_rules.all_alike,
        doc="x repeated along new axes and along axes of size 1.",
        formula="x repeated",
        derivative="g summed over what was repeated",
        example="y = broadcast_to(x, [4, 2, 3])",
    )
)
