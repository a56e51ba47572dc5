"""Variance and standard deviation.

They are computed in two passes, mean first: the mean of squares minus the square of the mean loses
all digits where the mean is large.
"""

from __future__ import annotations

from graphdsl.graph.build import Expr
from graphdsl.graph.op import Attribute, Op, declare
from graphdsl.graph.types import TensorType
from graphdsl.ops.arithmetic import maximum
from graphdsl.ops.comparison import greater
from graphdsl.ops.powers import sqrt, square
from graphdsl.ops.reduction import AXES, count, kept, mean, reduced, sum_
from graphdsl.ops.rules import Axes
from graphdsl.ops.selection import where

_SPREAD = {**AXES, "correction": Attribute("int", 0, "what is subtracted from the count")}


def _spread(x: TensorType, *, axis: Axes, keepdims: bool, correction: int) -> TensorType:
    return reduced(x, axis=axis, keepdims=keepdims)


def centred(x: Expr, axis: Axes) -> Expr:
    """x minus its mean over axes."""
    return x - mean(x, axis=axis, keepdims=True)


def _divisor(x: Expr, axis: Axes, correction: int) -> Expr | float:
    n = count(x, axis)
    if not correction:
        return n
    return max(n - correction, 0) if isinstance(n, int) else maximum(n - correction, 0)


def _var(x: Expr, *, axis: Axes, keepdims: bool, correction: int) -> Expr:
    squares = sum_(square(centred(x, axis)), axis=axis, keepdims=keepdims)
    return squares / _divisor(x, axis, correction)


def _var_vjp(g: Expr, y: Expr, x: Expr, *, axis: Axes, keepdims: bool, correction: int) -> Expr:
    part = kept(2 * g / _divisor(x, axis, correction), x, axis)
    return part * centred(x, axis)


var = declare(
    Op(
        name="var",
        operands=("x",),
        infer=_spread,
        attributes=_SPREAD,
        promotion="float",
        vjp=(_var_vjp,),
        decompose=_var,
        doc="The variance over axes: the mean squared distance from the mean.",
        formula="Σ (x - mean x)² / (n - correction)",
        derivative="2 g (x - mean x) / (n - correction)",
        example="y = var(x, axis = 0)",
    )
)


def _std_vjp(g: Expr, y: Expr, x: Expr, *, axis: Axes, keepdims: bool, correction: int) -> Expr:
    slope = where(greater(y, 0), g / where(greater(y, 0), y, 1), 0)
    return kept(slope / _divisor(x, axis, correction), x, axis) * centred(x, axis)


std = declare(
    Op(
        name="std",
        operands=("x",),
        infer=_spread,
        attributes=_SPREAD,
        promotion="float",
        vjp=(_std_vjp,),
        decompose=lambda x, **attributes: sqrt(_var(x, **attributes)),
        doc="The standard deviation over axes: the root of the variance.",
        formula="√(Σ (x - mean x)² / (n - correction))",
        derivative="g (x - mean x) / (y (n - correction)), 0 where y is 0",
        example="y = std(x, axis = 0)",
    )
)
