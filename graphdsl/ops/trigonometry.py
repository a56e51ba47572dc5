"""Inverse circular functions, hyperbolic functions and their inverses, element by element."""

from __future__ import annotations

from graphdsl.graph.op import Op, declare
from graphdsl.ops.functions import function
from graphdsl.ops.powers import one_minus_square, sqrt
from graphdsl.ops.rules import real

asin = function(
    "asin",
    lambda g, y, x: g / sqrt(one_minus_square(x)),
    ufunc="arcsin",
    domain=(-0.9, 0.9),
    partial="1 / sqrt(1 - {x}^2)",
    doc="The angle from -π/2 to π/2 whose sine is x; nan beyond ±1.",
    formula="arcsin x",
    derivative="g / √(1 - x²), infinite at ±1",
)

acos = function(
    "acos",
    lambda g, y, x: -g / sqrt(one_minus_square(x)),
    ufunc="arccos",
    domain=(-0.9, 0.9),
    partial="-1 / sqrt(1 - {x}^2)",
    doc="The angle from 0 to π whose cosine is x; nan beyond ±1.",
    formula="arccos x",
    derivative="-g / √(1 - x²), infinite at ±1",
)

atan = function(
    "atan",
    lambda g, y, x: g / (1 + x * x),
    ufunc="arctan",
    partial="1 / (1 + {x}^2)",
    doc="The angle from -π/2 to π/2 whose tangent is x.",
    formula="arctan x",
    derivative="g / (1 + x²)",
)

atan2 = declare(
    Op(
        name="atan2",
        operands=("a", "b"),
        infer=real,
        promotion="float",
        vjp=(
            lambda g, y, a, b: g * b / (a * a + b * b),
            lambda g, y, a, b: -g * a / (a * a + b * b),
        ),
        partials=("{b} / ({a}^2 + {b}^2)", "-{a} / ({a}^2 + {b}^2)"),
        kernel="arctan2({a}, {b}, {out})",
        scalar="_atan2({a}, {b})",
        elementwise=True,
        inplace=True,
        domain=((-3.0, 3.0), (0.3, 3.0)),
        doc="The angle from -π to π of the point with height a and width b.",
        formula="arctan(a / b), in the quadrant of (b, a)",
        derivative="g b / (a² + b²) and -g a / (a² + b²); nan at the origin",
        example="y = atan2(a, b)",
    )
)

sinh = function(
    "sinh",
    lambda g, y, x: g * cosh(x),
    partial="cosh({x})",
    doc="The hyperbolic sine.",
    formula="(e^x - e^-x) / 2",
    derivative="g cosh x",
)

cosh: Op = function(
    "cosh",
    lambda g, y, x: g * sinh(x),
    partial="sinh({x})",
    doc="The hyperbolic cosine.",
    formula="(e^x + e^-x) / 2",
    derivative="g sinh x",
)

asinh = function(
    "asinh",
    lambda g, y, x: g / sqrt(1 + x * x),
    ufunc="arcsinh",
    partial="1 / sqrt(1 + {x}^2)",
    doc="The number whose hyperbolic sine is x.",
    formula="ln(x + √(x² + 1))",
    derivative="g / √(1 + x²)",
)

# 0 - (1 - x²) and not its negative, whose -0 at x = 1 would turn the slope to -inf
acosh = function(
    "acosh",
    lambda g, y, x: g / sqrt(0 - one_minus_square(x)),
    ufunc="arccosh",
    domain=(1.2, 4.0),
    partial="1 / sqrt({x}^2 - 1)",
    doc="The number from 0 on whose hyperbolic cosine is x; nan below 1.",
    formula="ln(x + √(x² - 1))",
    derivative="g / √(x² - 1), infinite at 1",
)

atanh = function(
    "atanh",
    lambda g, y, x: g / one_minus_square(x),
    ufunc="arctanh",
    domain=(-0.9, 0.9),
    partial="1 / (1 - {x}^2)",
    doc="The number whose hyperbolic tangent is x; ±inf at ±1, nan beyond.",
    formula="ln((1 + x) / (1 - x)) / 2",
    derivative="g / (1 - x²)",
)
