"""Tensors made longer along an axis."""

from __future__ import annotations

from graphdsl.graph.build import Expr
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Size
from graphdsl.graph.types import TensorType
from graphdsl.ops.fitting import check_padding
from graphdsl.ops.indexing import stretch
from graphdsl.ops.joining import concat
from graphdsl.ops.making import full
from graphdsl.ops.rules import check_axis, check_tensor


def _padded(x: TensorType, *, before: Size, after: Size, axis: int, value: float) -> TensorType:
    at = check_axis(axis, check_tensor(x, "pad"))
    for name, count in (("before", before), ("after", after)):
        if isinstance(count, int) and count < 0:
            message = f"'pad' adds 0 places or more, and '{name}' is {count}"
            help = "a slice takes places away: {x}[1:], {x}[:-1]"
            raise Fault("E0206", message, attribute=name, help=help)
    return x.with_shape((*x.shape[:at], before + x.shape[at] + after, *x.shape[at + 1 :]))


def _pad(x: Expr, *, before: Size, after: Size, axis: int, value: float) -> Expr:
    at = axis % x.type.rank

    def filled(length: Size) -> list[Expr]:
        shape = (*x.type.shape[:at], length, *x.type.shape[at + 1 :])
        number = x.builder.number(value)
        return [] if length == 0 else [full(number, shape=shape, dtype=x.type.dtype)]

    parts = [*filled(before), x, *filled(after)]
    return concat(*parts, axis=at) if len(parts) > 1 else x


def _pad_vjp(
    g: Expr, y: Expr, x: Expr, *, before: Size, after: Size, axis: int, value: float
) -> Expr:
    at = axis % x.type.rank
    return stretch(g, start=before, size=x.type.shape[at], axis=at)


pad = declare(
    Op(
        name="pad",
        operands=("x",),
        infer=_padded,
        check=check_padding,
        attributes={
            "before": Attribute("size", 0, "how many places stand before x"),
            "after": Attribute("size", 0, "how many places stand after x"),
            "axis": Attribute("axis", -1, "the axis that grows"),
            "value": Attribute("number", 0, "what stands in the new places"),
        },
        promotion="none",
        vjp=(_pad_vjp,),
        decompose=_pad,
        doc="x with more places along one axis.",
        formula="[value, …, x, value, …]",
        derivative="the part of g that x became",
        example="y = pad(x, before = 2, axis = 0)",
    )
)
