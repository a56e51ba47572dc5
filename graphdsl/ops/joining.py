"""Tensors one after another or side by side."""

from __future__ import annotations

from graphdsl.graph.build import Expr
from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Size
from graphdsl.graph.types import TensorType
from graphdsl.ops import row_rules
from graphdsl.ops.indexing import index, stretch
from graphdsl.ops.rules import check_axis, check_rank, check_tensor


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
                clash=_clash(first, operand, position, at),
            )
        total = total + operand.shape[at]
    return first.with_shape((*first.shape[:at], total, *first.shape[at + 1 :]))


def _clash(
    first: TensorType, other: TensorType, position: int, skipped: int | None = None
) -> tuple[tuple[int, int], ...]:
    """The first axis at which an operand differs from the first one, `skipped` left out."""
    if first.rank != other.rank:
        return ()
    axes = (a for a in range(first.rank) if a != skipped)
    axis = next(a for a in axes if first.shape[a] != other.shape[a])
    return ((0, axis), (position, axis))


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
    return stretch(g, start=start, size=parts[position].type.shape[at], axis=at)


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
        rows=row_rules.joined,
        doc="Operands one after another along an axis they have.",
        formula="[a, b, …]",
        derivative="the part of g that the operand became",
        example="y = concat(a, b, axis = 1)",
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
                clash=_clash(first, operand, position),
            )
    at = check_axis(axis, first.with_shape((*first.shape, 1)))
    return first.with_shape((*first.shape[:at], len(types), *first.shape[at:]))


def _emit_stack(k: KernelCall) -> None:
    axis = k.attrs["axis"] % k.out_type.rank
    for position, name in enumerate(k.args):
        k.emit(f"copyto({k.view(k.out, along(axis, str(position)))}, {name})")


def _stack_vjp(position: int, g: Expr, y: Expr, *parts: Expr, axis: int) -> Expr:
    whole = ("slice", None, None, None)
    return index(g, items=(*[whole] * (axis % y.type.rank), position))


stack = declare(
    Op(
        name="stack",
        operands=("x",),
        variadic=True,
        infer=_stacked,
        attributes={
            "axis": Attribute("axis", 0, "where the new axis stands in the result", "result")
        },
        promotion="same",
        vjp=_stack_vjp,
        kernel=_emit_stack,
        rows=row_rules.stacked,
        doc="Operands of one shape side by side along a new axis.",
        formula="[a, b, …]",
        derivative="the slice of g that the operand became",
        example="y = stack(a, b)",
    )
)
