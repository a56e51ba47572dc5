"""Tensors one after another or side by side, and the parts of what was joined."""

from __future__ import annotations

from graphdsl.graph.build import Expr
from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Size
from graphdsl.graph.types import TensorType
from graphdsl.ops.making import full
from graphdsl.ops.rules import check_axis, check_rank, check_tensor
from graphdsl.ops.shape import reshape


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


def along(axis: int, index: str) -> str:
    """Python's text for an index of one axis; the ellipsis keeps even a scalar an array."""
    return f"[{':, ' * axis}{index}, ...]"


def _emit_concat(k: KernelCall) -> None:
    axis = k.attrs["axis"] % k.out_type.rank
    start = 0
    for name, operand in zip(k.args, k.types, strict=True):
        stop = start + operand.shape[axis]
        if operand.size:
            k.emit(f"copyto({k.view(k.out, along(axis, f'{start}:{stop}'))}, {name})")
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
    return along(axis, f"{start}:{start + k.out_type.shape[axis]}")


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
        k.emit(f"copyto({k.view(k.out, along(axis, str(position)))}, {name})")


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
