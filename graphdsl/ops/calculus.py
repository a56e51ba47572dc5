"""Placeholders that the reverse sweep replaces by the nodes they stand for."""

from __future__ import annotations

from graphdsl.graph.op import Fault, Op, declare
from graphdsl.graph.types import TensorType


def _gradient_type(y: TensorType, x: TensorType) -> TensorType:
    if y.shape:
        raise Fault(
            "E0701",
            f"grad needs a scalar to differentiate, not {y}",
            operand=0,
            help="write grad(mean(…), …) or grad(sum(…), …)",
        )
    if not y.dtype.is_float:
        raise Fault("E0702", f"{y} has no derivative: it is not a float", operand=0)
    if not x.dtype.is_float:
        raise Fault("E0702", f"there is no derivative with respect to {x}: not a float", operand=1)
    return TensorType(x.dtype, x.shape)


grad = declare(
    Op(
        name="grad",
        operands=("y", "x"),
        infer=_gradient_type,
        promotion="none",
        doc="The gradient of a scalar with respect to a name it was computed from.",
        formula="∂y/∂x, of x's shape",
        derivative="the reverse sweep is nodes, so it is differentiated like any other",
        example="g = grad(J, W)",
    )
)
