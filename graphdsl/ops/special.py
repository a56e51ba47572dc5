"""Special functions: the error function, the gamma function, and their kin.

Programs compute them in NumPy alone (`erf_arrays`, `gamma_arrays`), so that they need no further
library: within 1.2e-15 in f64 and to the last place in f32.
"""

from __future__ import annotations

import math

from graphdsl.graph.build import Expr
from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Attribute, Fault, Kernel, Op, declare
from graphdsl.graph.types import DType, TensorType
from graphdsl.ops.blocks import BLOCK, ROWS
from graphdsl.ops.functions import exp, function
from graphdsl.ops.powers import square
from graphdsl.ops.rules import check_tensor, real


def by_blocks(called: str, attribute: str | None = None, rows: int = ROWS) -> Kernel:
    """A kernel that calls a function of flat arrays, after an attribute if it takes one: operand,
    result, and `rows` to work in. Of fewer rows each is longer."""
    width = BLOCK * ROWS // rows

    def emit(k: KernelCall) -> None:
        if not k.out_type.size:
            return
        x = k.flat(0) if k.contiguous[0] else k.flat_out()
        if not k.contiguous[0]:
            k.emit(f"copyto({k.out}, {k.args[0]})")
        work = k.scratch((rows, min(k.out_type.size, width)), DType.f64)
        first = f"{k.attrs[attribute]}, " if attribute else ""
        k.emit(f"{called}({first}{x}, {k.flat_out()}, {work})")

    return emit


_SLOPE = 2 / math.sqrt(math.pi)

erf = function(
    "erf",
    lambda g, y, x: g * (_SLOPE * exp(-square(x))),
    kernel=by_blocks("erf"),
    partial="2 / sqrt(pi) * exp(-{x}^2)",
    doc="The error function, from -1 to 1.",
    formula="2/√π ∫₀ˣ e^(-t²) dt",
    derivative="2/√π g e^(-x²)",
)

erfc = function(
    "erfc",
    lambda g, y, x: g * (-_SLOPE * exp(-square(x))),
    kernel=by_blocks("erfc"),
    partial="-2 / sqrt(pi) * exp(-{x}^2)",
    doc="1 - erf(x), exact where that is small as well.",
    formula="1 - erf x",
    derivative="-2/√π g e^(-x²)",
)

normal_cdf = function(
    "normal_cdf",
    lambda g, y, x: g * (_SLOPE / math.sqrt(8) * exp(-0.5 * square(x))),
    kernel=by_blocks("normal_cdf"),
    partial="exp(-{x}^2 / 2) / sqrt(2 * pi)",
    doc="The chance that a standard normal number is below x, exact where that is small as well.",
    formula="Φ(x) = (1 + erf(x / √2)) / 2",
    derivative="g e^(-x²/2) / √(2π)",
)

erfinv = function(
    "erfinv",
    lambda g, y, x: g * (exp(square(y)) / _SLOPE),
    domain=(-0.9, 0.9),
    kernel=by_blocks("erfinv"),
    partial="sqrt(pi) / 2 * exp({y}^2)",
    doc="The number whose erf is x; ±inf at ±1, nan beyond.",
    formula="erf⁻¹ x",
    derivative="√π/2 g e^(y²)",
)

lgamma = function(
    "lgamma",
    lambda g, y, x: g * digamma(x),
    domain=(0.2, 6.0),
    kernel=by_blocks("lgamma"),
    partial="digamma({x})",
    doc="The logarithm of |Γ(x)|: of (x - 1)! for whole x; inf at the whole numbers up to 0.",
    formula="ln |Γ(x)|",
    derivative="g digamma(x)",
)

digamma: Op = function(
    "digamma",
    lambda g, y, x: g * polygamma(x, n=1),
    domain=(0.2, 6.0),
    kernel=by_blocks("digamma"),
    partial="polygamma({x}, n = 1)",
    doc="The derivative of lgamma; nan at the whole numbers below 0.",
    formula="ψ(x) = Γ'(x) / Γ(x)",
    derivative="g polygamma(x, n = 1)",
)


def _polygamma_type(x: TensorType, *, n: int) -> TensorType:
    if n < 1:
        raise Fault(
            "E0216",
            f"the n of 'polygamma' is at least 1, and found {n}",
            attribute="n",
            help="digamma(x) is the polygamma function of order 0",
        )
    return real(check_tensor(x, "polygamma"))


def _polygamma_vjp(g: Expr, y: Expr, x: Expr, *, n: int) -> Expr:
    return g * polygamma(x, n=n + 1)


polygamma: Op = declare(
    Op(
        name="polygamma",
        operands=("x",),
        infer=_polygamma_type,
        attributes={"n": Attribute("int", 1, "how often digamma is differentiated")},
        promotion="float",
        vjp=(_polygamma_vjp,),
        kernel=by_blocks("polygamma", "n"),
        domain=((0.2, 6.0),),
        doc="The n-th derivative of digamma.",
        formula="ψ⁽ⁿ⁾(x)",
        derivative="g polygamma(x, n = n + 1)",
        example="y = polygamma(x, n = 1)",
    )
)
