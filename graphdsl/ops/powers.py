"""Powers, roots and reciprocals, element by element."""

from __future__ import annotations

import math

import numpy as np

from graphdsl.graph.build import Expr
from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Op, declare
from graphdsl.graph.ranges import Range
from graphdsl.ops.arithmetic import abs_
from graphdsl.ops.comparison import equal, logical_and
from graphdsl.ops.functions import function, ln
from graphdsl.ops.rules import real, same
from graphdsl.ops.selection import where


def _mend_power(found: Range, base: Range, exponent: Range) -> str:
    if found.nans:
        return "only whole powers of a negative base are numbers: maximum(a, 0)^b, or abs(a)^b"
    if base.zeros and exponent.low < 1:
        return (
            "keep the base above 0: maximum(a, 1e-8)^b; a negative power of 0 is infinite, and so "
            "is the slope of one below 1"
        )
    return (
        "the power is more than a float holds, 3e38 in f32 and 2e308 in f64: bring the base nearer "
        "to 1, by inputs of unit scale or a smaller learning rate, or choose a smaller exponent"
    )


def _base_vjp(g: Expr, y: Expr, a: Expr, b: Expr) -> Expr:
    """g b a^(b - 1), but 0 for 0 · a^-1 where that is not a number; elsewhere b = 0 stays, since
    its own derivative is a^-1. A plain number b has none: it is looked at before anything runs."""
    lost = equal(b, 0)
    if not b.type.weak:
        lost = logical_and(lost, equal(abs_(1 / a), math.inf))
    return g * (b * a ** where(lost, 0, b - 1))


power = declare(
    Op(
        name="power",
        operands=("a", "b"),
        infix="^",
        infer=real,
        promotion="float",
        vjp=(
            _base_vjp,
            lambda g, y, a, b: g * (y * ln(where(equal(a, 0), 1, a))),
        ),
        partials=("{b} * {a}^({b} - 1)", "{y} * ln({a})"),
        kernel="power({a}, {b}, {out})",
        scalar="_pow({a}, {b})",
        elementwise=True,
        inplace=True,
        domain=((0.2, 3.0), (-2.0, 2.0)),
        doc="a to the power b, a float; a negative a needs whole numbers b, else it gives nan. x^0 "
        "and 1^x are 1, of nan too.",
        formula="a^b",
        derivative="g b a^(b-1) and g y ln a, 0 where a = 0",
        mend=_mend_power,
        example="y = a^b",
    )
)

square = declare(
    Op(
        name="square",
        operands=("x",),
        infer=same,
        vjp=(lambda g, y, x: g * (2 * x),),
        partials=("2 * {x}",),
        kernel="square({x}, {out})",
        scalar="{x} * {x}",
        elementwise=True,
        inplace=True,
        doc="The square.",
        formula="x²",
        derivative="2 g x",
        example="y = square(x)",
    )
)

# what the slopes of asin, acos, acosh and atanh are made of: one whose own derivative is -2 x and
# no sum of products, since 0 times inf would be a nan in their second derivatives at ±1
one_minus_square = declare(
    Op(
        name="one_minus_square",
        operands=("x",),
        infer=real,
        promotion="float",
        vjp=(lambda g, y, x: g * (-2 * x),),
        partials=("-2 * {x}",),
        decompose=lambda x: (1 - x) * (1 + x),
        elementwise=True,
        doc="1 - x², exact near ±1 as well, where the square alone has lost its digits.",
        formula="(1 - x) (1 + x)",
        derivative="-2 g x",
        example="y = one_minus_square(x)",
    )
)

sqrt = declare(
    Op(
        name="sqrt",
        operands=("x",),
        infer=real,
        promotion="float",
        vjp=(lambda g, y, x: 0.5 * g / y,),
        partials=("1 / (2 * {y})",),
        kernel="sqrt({x}, {out})",
        scalar="_sqrt({x})",
        elementwise=True,
        inplace=True,
        domain=((0.1, 4.0),),
        doc="The square root; nan below 0.",
        formula="√x",
        derivative="g / (2 y), infinite at 0",
        mend="keep what the root is taken of above 0, where its slope is finite: sqrt(x + 1e-12), "
        "or sqrt(maximum(x, 1e-12))",
        example="y = sqrt(x)",
    )
)

reciprocal = function(
    "reciprocal",
    lambda g, y, x: -g * y * y,
    scalar="_div(1.0, {x})",
    domain=(0.3, 3.0),
    partial="-1 / {x}^2",
    doc="1 divided by x.",
    formula="1 / x",
    derivative="-g y²",
)

# by the reciprocal of y, not of y²: 0 times inf would be a nan in the second derivative at 0
cbrt = function(
    "cbrt",
    lambda g, y, x: g / 3 * reciprocal(y) * reciprocal(y),
    domain=(0.1, 4.0),
    partial="1 / (3 * {y}^2)",
    doc="The cube root, of negative numbers as well.",
    formula="∛x",
    derivative="g / (3 y²), infinite at 0",
)


def _emit_rsqrt(k: KernelCall) -> None:
    one = k.constant(np.ones((), k.out_type.dtype.numpy))
    k.emit(f"sqrt({k.args[0]}, {k.out})", f"divide({one}, {k.out}, {k.out})")


rsqrt = declare(
    Op(
        name="rsqrt",
        operands=("x",),
        infer=real,
        promotion="float",
        vjp=(lambda g, y, x: -0.5 * g * y / x,),
        partials=("-{y} / (2 * {x})",),
        kernel=_emit_rsqrt,
        scalar="_div(1.0, _sqrt({x}))",
        elementwise=True,
        inplace=True,
        domain=((0.1, 4.0),),
        doc="1 divided by the square root; inf at 0, nan below.",
        formula="1 / √x",
        derivative="-g y / (2 x)",
        example="y = rsqrt(x)",
    )
)
