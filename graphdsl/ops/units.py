"""More activations: bounded, piecewise and smooth ones (see `activations`)."""

from __future__ import annotations

from collections.abc import Callable

from graphdsl.graph.build import Expr
from graphdsl.graph.op import Op, Vjp, declare
from graphdsl.ops.activations import sigmoid, softplus
from graphdsl.ops.arithmetic import abs_, minimum
from graphdsl.ops.comparison import greater, less, logical_and
from graphdsl.ops.functions import expm1, tanh
from graphdsl.ops.powers import square
from graphdsl.ops.rounding import clip
from graphdsl.ops.rules import real
from graphdsl.ops.selection import where
from graphdsl.ops.self_gated import gated_unit


def _between(x: Expr, low: float, high: float, g: Expr) -> Expr:
    return where(logical_and(greater(x, low), less(x, high)), g, 0)


def _activation(
    name: str,
    *,
    formula: str,
    derivative: str,
    partial: str,
    doc: str,
    vjp: Vjp,
    decompose: Callable[[Expr], Expr],
) -> Op:
    """Declare an activation that is made of simpler ops."""
    return declare(
        Op(
            name=name,
            operands=("x",),
            infer=real,
            promotion="float",
            vjp=(vjp,),
            partials=(partial,),
            decompose=decompose,
            elementwise=True,
            doc=doc,
            formula=formula,
            derivative=derivative,
            example=f"y = {name}(x)",
        )
    )


_SCALE = 1.0507009873554805
_SLOPE = _SCALE * 1.6732632423543772

selu = _activation(
    "selu",
    formula="λ x if x > 0 else λ α (e^x - 1), λ = 1.0507…, α = 1.6732…",
    derivative="λ g where x > 0, g (y + λ α) elsewhere and at 0",
    partial=f"where({{x}} > 0, {_SCALE}, {{y}} + {_SLOPE})",
    doc="elu scaled so that layers keep mean 0 and variance 1 (Klambauer et al., 2017).",
    vjp=lambda g, y, x: where(greater(x, 0), _SCALE * g, g * (y + _SLOPE)),
    decompose=lambda x: where(greater(x, 0), _SCALE * x, _SLOPE * expm1(minimum(x, 0))),
)

softsign = _activation(
    "softsign",
    formula="x / (1 + |x|)",
    derivative="g / (1 + |x|)²",
    partial="1 / (1 + abs({x}))^2",
    doc="A sigmoid of algebraic form, from -1 to 1; nan at ±inf.",
    vjp=lambda g, y, x: g / square(1 + abs_(x)),
    decompose=lambda x: x / (1 + abs_(x)),
)


def _mish_vjp(g: Expr, y: Expr, x: Expr) -> Expr:
    t = tanh(softplus(x))
    return g * (t + x * (1 - t * t) * sigmoid(x))


mish = _activation(
    "mish",
    formula="x tanh(ln(1 + e^x))",
    derivative="g (t + x (1 - t²) sigmoid(x)) with t = tanh(softplus(x))",
    partial="tanh(softplus({x})) + {x} * (1 - tanh(softplus({x}))^2) * sigmoid({x})",
    doc="A smooth unit like silu (Misra, 2019); nan at -inf.",
    vjp=_mish_vjp,
    decompose=lambda x: gated_unit(x, tanh(softplus(x)), tail="logistic"),
)

hard_sigmoid = _activation(
    "hard_sigmoid",
    formula="min(max(x + 3, 0), 6) / 6",
    derivative="g / 6 where -3 < x < 3, 0 elsewhere and at ±3",
    partial="where({x} > -3 and {x} < 3, 1 / 6, 0)",
    doc="A sigmoid of three straight lines; nan where x is.",
    vjp=lambda g, y, x: _between(x, -3, 3, g / 6),
    decompose=lambda x: clip(x + 3, 0, 6) / 6,
)

hard_tanh = _activation(
    "hard_tanh",
    formula="min(max(x, -1), 1)",
    derivative="g where -1 < x < 1, 0 elsewhere and at ±1",
    partial="where({x} > -1 and {x} < 1, 1, 0)",
    doc="x between -1 and 1, and the nearer of them elsewhere; nan where x is.",
    vjp=lambda g, y, x: _between(x, -1, 1, g),
    decompose=lambda x: clip(x, -1, 1),
)

relu6 = _activation(
    "relu6",
    formula="min(max(x, 0), 6)",
    derivative="g where 0 < x < 6, 0 elsewhere, at 0 and at 6",
    partial="where({x} > 0 and {x} < 6, 1, 0)",
    doc="relu that stops at 6; nan where x is.",
    vjp=lambda g, y, x: _between(x, 0, 6, g),
    decompose=lambda x: clip(x, 0, 6),
)

step = declare(
    Op(
        name="step",
        operands=("x",),
        infer=real,
        promotion="float",
        kernel="greater({x}, 0, {out})",
        scalar="(1.0 if {x} > 0 else 0.0)",
        elementwise=True,
        doc="1 where x is positive, 0 elsewhere, at nan too: the unit of the perceptron.",
        formula="1 if x > 0 else 0",
        derivative="none: 0 everywhere, at 0 too",
        example="y = step(x)",
    )
)
