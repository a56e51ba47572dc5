"""Elementary functions, element by element: exponentials, logarithms, circular functions."""

from __future__ import annotations

from graphdsl.graph.op import Op, Vjp, declare
from graphdsl.ops.rules import real


def _function(
    name: str,
    vjp: Vjp,
    *,
    doc: str,
    formula: str,
    derivative: str,
    ufunc: str | None = None,
    domain: tuple[float, float] = (-3.0, 3.0),
) -> Op:
    """Declare a function of one operand that NumPy has a ufunc for."""
    return declare(
        Op(
            name=name,
            operands=("x",),
            infer=real,
            promotion="float",
            vjp=(vjp,),
            kernel=(ufunc or name) + "({x}, {out})",
            scalar=f"_{name}" + "({x})",
            elementwise=True,
            inplace=True,
            domain=(domain,),
            doc=doc,
            formula=formula,
            derivative=derivative,
            example=f"y = {name}(x)",
        )
    )


exp = _function(
    "exp",
    lambda g, y, x: g * y,
    doc="The exponential function.",
    formula="e^x",
    derivative="g y",
)

expm1 = _function(
    "expm1",
    lambda g, y, x: g * (y + 1),
    doc="exp(x) - 1, exact near 0 as well.",
    formula="e^x - 1",
    derivative="g (y + 1)",
)

ln = _function(
    "ln",
    lambda g, y, x: g / x,
    ufunc="log",
    domain=(0.1, 4.0),
    doc="The natural logarithm; -inf at 0, nan below.",
    formula="ln x",
    derivative="g / x",
)

log1p = _function(
    "log1p",
    lambda g, y, x: g / (1 + x),
    domain=(-0.9, 3.0),
    doc="ln(1 + x), exact near 0 as well.",
    formula="ln(1 + x)",
    derivative="g / (1 + x)",
)

sin = _function(
    "sin",
    lambda g, y, x: g * cos(x),
    doc="The sine of an angle in radians.",
    formula="sin x",
    derivative="g cos x",
)

cos: Op = _function(
    "cos",
    lambda g, y, x: -(g * sin(x)),
    doc="The cosine of an angle in radians.",
    formula="cos x",
    derivative="-g sin x",
)

tan = _function(
    "tan",
    lambda g, y, x: g * (1 + y * y),
    domain=(-1.3, 1.3),
    doc="The tangent of an angle in radians.",
    formula="tan x",
    derivative="g (1 + y²)",
)

tanh = _function(
    "tanh",
    lambda g, y, x: g * (1 - y * y),
    doc="The hyperbolic tangent, from -1 to 1.",
    formula="tanh x",
    derivative="g (1 - y²)",
)
