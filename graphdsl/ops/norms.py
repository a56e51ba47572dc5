"""Norms over axes."""

from __future__ import annotations

import math

from graphdsl.graph.build import Expr
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.types import TensorType
from graphdsl.ops.arithmetic import abs_, sign
from graphdsl.ops.comparison import equal
from graphdsl.ops.conversion import cast
from graphdsl.ops.extrema import max_
from graphdsl.ops.powers import sqrt, square
from graphdsl.ops.reduction import AXES, kept, reduced, sum_
from graphdsl.ops.rules import Axes
from graphdsl.ops.selection import where


def _norm_type(x: TensorType, *, ord: float, axis: Axes, keepdims: bool) -> TensorType:
    if ord not in (1, 2, math.inf):
        raise Fault("E0216", f"the ord of 'norm' is 1, 2 or inf, and found {ord}", attribute="ord")
    return reduced(x, axis=axis, keepdims=keepdims)


def _norm(x: Expr, *, ord: float, axis: Axes, keepdims: bool) -> Expr:
    if ord == 1:
        return sum_(abs_(x), axis=axis, keepdims=keepdims)
    if ord == 2:
        return sqrt(sum_(square(x), axis=axis, keepdims=keepdims))
    return max_(abs_(x), axis=axis, keepdims=keepdims)


def _norm_vjp(g: Expr, y: Expr, x: Expr, *, ord: float, axis: Axes, keepdims: bool) -> Expr:
    rows = kept(g, x, axis)
    if ord == 1:
        return rows * sign(x)
    length = kept(y, x, axis)
    if ord == 2:  # where the norm is 0 so is x, and the quotient is 0
        return x * (rows / where(equal(length, 0), 1, length))
    hits = cast(equal(abs_(x), length), dtype=x.type.dtype)
    return sign(x) * hits * (rows / sum_(hits, axis=axis, keepdims=True))


norm = declare(
    Op(
        name="norm",
        operands=("x",),
        infer=_norm_type,
        attributes={"ord": Attribute("number", 2, "1, 2 or inf"), **AXES},
        promotion="float",
        vjp=(_norm_vjp,),
        decompose=_norm,
        doc="The length over axes: the root of the sum of squares; with ord 1 the sum, with ord "
        "inf the largest of the absolute values.",
        formula="√(Σ x²)",
        derivative="g x / y, 0 where y is 0; ord 1: g sign(x); ord inf: to the largest, in equal "
        "parts where several are",
        example="y = norm(x, axis = 1)",
    )
)
