"""Derivatives as expressions: placeholders that reverse sweeps replace by the nodes they stand for.

Shapes follow the denominator layout: ∂y/∂x has x's sizes first, then y's.
"""

from __future__ import annotations

from graphdsl.graph.op import Fault, Infer, Op, declare
from graphdsl.graph.types import TensorType, promote

MAX_ROWS = 4096
"""Elements of y that a Jacobian is written out for, one reverse sweep each."""


def _check_floats(y: TensorType, x: TensorType) -> None:
    if not y.dtype.is_float:
        raise Fault("E0702", f"{y} has no derivative: it is not a float", operand=0)
    if not x.dtype.is_float:
        raise Fault("E0702", f"there is no derivative with respect to {x}: not a float", operand=1)


def _check_scalar(y: TensorType, name: str) -> None:
    if y.shape:
        raise Fault(
            "E0701",
            f"{name} needs a scalar to differentiate, not {y}",
            operand=0,
            help=f"write {name}(mean(…), …) or {name}(sum(…), …)",
        )


def _check_vector(v: TensorType, x: TensorType, name: str) -> None:
    if v.shape != x.shape:
        raise Fault("E0201", f"{name} needs a direction of the shape of {x}, not {v}", operand=2)
    if promote((x, v), x.dtype) is None:
        message = f"{name} needs a direction of {x.dtype} beside {x}, not {v}"
        raise Fault("E0203", message, operand=2, help=f"write cast({{v}}, {x.dtype})")


def _check_rows(y: TensorType, name: str) -> int:
    size = y.size
    if not isinstance(size, int):
        raise Fault("E0704", f"{name} needs constant sizes, and {y} depends on data", operand=0)
    if size > MAX_ROWS:
        raise Fault("E0704", f"{name} of {size:,} elements: at most {MAX_ROWS:,}", operand=0)
    return size


def _gradient_type(y: TensorType, x: TensorType) -> TensorType:
    _check_scalar(y, "grad")
    _check_floats(y, x)
    return TensorType(x.dtype, x.shape)


def _jacobian_type(y: TensorType, x: TensorType) -> TensorType:
    _check_floats(y, x)
    _check_rows(y, "jacobian")
    return TensorType(x.dtype, (*x.shape, *y.shape))


def _hessian_type(y: TensorType, x: TensorType) -> TensorType:
    _check_scalar(y, "hessian")
    _check_floats(y, x)
    _check_rows(x, "hessian")
    return TensorType(x.dtype, (*x.shape, *x.shape))


def _hvp_type(y: TensorType, x: TensorType, v: TensorType) -> TensorType:
    _check_scalar(y, "hvp")
    _check_floats(y, x)
    _check_vector(v, x, "hvp")
    return TensorType(x.dtype, x.shape)


def _jvp_type(y: TensorType, x: TensorType, v: TensorType) -> TensorType:
    _check_floats(y, x)
    _check_vector(v, x, "jvp")
    return TensorType(y.dtype, y.shape)


def _placeholder(
    name: str, infer: Infer, doc: str, formula: str, example: str, direction: bool = False
) -> Op:
    return declare(
        Op(
            name=name,
            operands=("y", "x", "v") if direction else ("y", "x"),
            infer=infer,
            promotion="none",
            doc=doc,
            formula=formula,
            derivative="it is made of nodes, which are differentiated like any other",
            example=example,
        )
    )


grad = _placeholder(
    "grad",
    _gradient_type,
    "The gradient of a scalar with respect to a name it was computed from.",
    "∂y/∂x, of x's shape",
    "g = grad(J, W)",
)
jacobian = _placeholder(
    "jacobian",
    _jacobian_type,
    "The Jacobian in denominator layout: x's sizes first, then y's; y's sizes are constants.",
    "∂y/∂x, of shape [x…, y…]",
    "D = jacobian(y, x)",
)
hessian = _placeholder(
    "hessian",
    _hessian_type,
    "The second derivatives of a scalar with respect to a name of constant sizes.",
    "∂²y/∂x², of shape [x…, x…]",
    "H = hessian(J, w)",
)
hvp = _placeholder(
    "hvp",
    _hvp_type,
    "The product of the Hessian of a scalar with a direction; the Hessian is never made.",
    "∂²y/∂x² · v",
    "p = hvp(J, w, v)",
    direction=True,
)
jvp = _placeholder(
    "jvp",
    _jvp_type,
    "The derivative of y along a direction of x, by two reverse sweeps.",
    "Σ v ∂y/∂x",
    "t = jvp(y, x, v)",
    direction=True,
)

DERIVATIVES = frozenset({grad, jacobian, hessian, hvp, jvp})
"""What takes a name for its second operand, and is expanded before anything runs."""
