"""Elementary functions, element by element: exponentials, logarithms, circular functions."""

from __future__ import annotations

import math

from graphdsl.graph.op import Kernel, Op, Vjp, declare
from graphdsl.ops.rules import real

SMALLER = (
    "subtract the largest operand first, as softmax and logsumexp do, or take a smaller step: e^x "
    "is more than a float holds from x = 89 in f32, from 710 in f64"
)
POSITIVE = (
    "keep its operand above 0: ln(x + 1e-8), or ln(maximum(x, 1e-8)); of a softmax, log_softmax is "
    "exact"
)


def function(
    name: str,
    vjp: Vjp,
    *,
    doc: str,
    formula: str,
    derivative: str,
    partial: str,
    ufunc: str | None = None,
    kernel: Kernel | None = None,
    scalar: str | None = None,
    domain: tuple[float, float] = (-3.0, 3.0),
    mend: str = "",
) -> Op:
    """Declare a function of one operand that NumPy has a ufunc for, of another name perhaps, or
    that has a kernel of its own."""
    return declare(
        Op(
            name=name,
            operands=("x",),
            infer=real,
            promotion="float",
            vjp=(vjp,),
            partials=(partial,),
            kernel=kernel or (ufunc or name) + "({x}, {out})",
            scalar=scalar or f"_{name}" + "({x})",
            elementwise=True,
            inplace=True,
            domain=(domain,),
            doc=doc,
            formula=formula,
            derivative=derivative,
            example=f"y = {name}(x)",
            mend=mend,
        )
    )


exp = function(
    "exp",
    lambda g, y, x: g * y,
    partial="exp({x})",
    doc="The exponential function.",
    formula="e^x",
    derivative="g y",
    mend=SMALLER,
)

expm1 = function(
    "expm1",
    lambda g, y, x: g * (y + 1),
    partial="exp({x})",
    doc="exp(x) - 1, exact near 0 as well.",
    formula="e^x - 1",
    derivative="g (y + 1)",
    mend=SMALLER,
)

ln = function(
    "ln",
    lambda g, y, x: g / x,
    ufunc="log",
    domain=(0.1, 4.0),
    partial="1 / {x}",
    doc="The natural logarithm; -inf at 0, nan below.",
    formula="ln x",
    derivative="g / x",
    mend=POSITIVE,
)

log1p = function(
    "log1p",
    lambda g, y, x: g / (1 + x),
    domain=(-0.9, 3.0),
    partial="1 / (1 + {x})",
    doc="ln(1 + x), exact near 0 as well.",
    formula="ln(1 + x)",
    derivative="g / (1 + x)",
    mend="keep its operand above -1: log1p(maximum(x, -1 + 1e-6))",
)

exp2 = function(
    "exp2",
    lambda g, y, x: g * y * math.log(2),
    partial="exp2({x}) * ln(2)",
    doc="2 to the power x.",
    formula="2^x",
    derivative="g y ln 2",
    mend=SMALLER,
)

log2 = function(
    "log2",
    lambda g, y, x: g / (x * math.log(2)),
    domain=(0.1, 4.0),
    partial="1 / ({x} * ln(2))",
    doc="The logarithm to base 2; -inf at 0, nan below.",
    formula="log₂ x",
    derivative="g / (x ln 2)",
    mend=POSITIVE,
)

log10 = function(
    "log10",
    lambda g, y, x: g / (x * math.log(10)),
    domain=(0.1, 4.0),
    partial="1 / ({x} * ln(10))",
    doc="The logarithm to base 10; -inf at 0, nan below.",
    formula="log₁₀ x",
    derivative="g / (x ln 10)",
    mend=POSITIVE,
)

sin = function(
    "sin",
    lambda g, y, x: g * cos(x),
    partial="cos({x})",
    doc="The sine of an angle in radians.",
    formula="sin x",
    derivative="g cos x",
)

cos: Op = function(
    "cos",
    lambda g, y, x: -(g * sin(x)),
    partial="-sin({x})",
    doc="The cosine of an angle in radians.",
    formula="cos x",
    derivative="-g sin x",
)

tan = function(
    "tan",
    lambda g, y, x: g * (1 + y * y),
    domain=(-1.3, 1.3),
    partial="1 + {y}^2",
    doc="The tangent of an angle in radians.",
    formula="tan x",
    derivative="g (1 + y²)",
)

tanh = function(
    "tanh",
    lambda g, y, x: g * (1 - y * y),
    partial="1 - {y}^2",
    doc="The hyperbolic tangent, from -1 to 1.",
    formula="tanh x",
    derivative="g (1 - y²)",
)
