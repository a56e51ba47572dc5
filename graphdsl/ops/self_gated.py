"""Activations x s(x): an operand times a gate of itself, which opens from 0 to 1."""

from __future__ import annotations

import math

from graphdsl.graph.build import Expr
from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Attribute, Op, declare
from graphdsl.graph.types import DType
from graphdsl.ops.activations import sigmoid
from graphdsl.ops.functions import exp
from graphdsl.ops.places import in_full
from graphdsl.ops.rules import broadcast, real
from graphdsl.ops.special import by_blocks, normal_cdf
from graphdsl.ops.unit_arrays import CUBIC, LINEAR


def _emit_gated(k: KernelCall) -> None:
    if k.out_type.dtype is DType.f32 and k.out_type.size:
        k.emit(f"gated_unit({in_full(k, 0)}, {in_full(k, 1)}, {k.flat_out()}, {k.attrs['tail']!r})")
    else:
        k.emit(f"multiply({k.args[0]}, {k.args[1]}, {k.out})")


gated_unit = declare(
    Op(
        name="gated_unit",
        operands=("x", "s"),
        infer=broadcast,
        attributes={"tail": Attribute("internal", "logistic", "how the gate falls off")},
        promotion="same",
        kernel=_emit_gated,
        scalar="{x} * {s}",
        elementwise=True,
        inplace=True,
        public=False,
        doc="An operand times its gate, exact where the gate is too small for a float.",
        formula="x s",
        derivative="none: it is made after the reverse sweep",
        example="g = grad(sum(silu(x)), x)",
    )
)

silu = declare(
    Op(
        name="silu",
        operands=("x",),
        infer=real,
        promotion="float",
        vjp=(lambda g, y, x: g * (sigmoid(x) + y * (1 - sigmoid(x))),),
        partials=("sigmoid({x}) * (1 + {x} * (1 - sigmoid({x})))",),
        decompose=lambda x: gated_unit(x, sigmoid(x), tail="logistic"),
        elementwise=True,
        doc="x times its own sigmoid, also called swish; nan at -inf.",
        formula="x / (1 + e^-x)",
        derivative="g (s + y (1 - s)) with s = sigmoid(x)",
        example="y = silu(x)",
    )
)


_INNER = "sqrt(8 / pi) * (1 + 0.134145 * {x}^2)"


def _gelu_gate_vjp(g: Expr, y: Expr, x: Expr) -> Expr:
    return g * (y * (1 - y) * (LINEAR + 3 * CUBIC * (x * x)))


gelu_gate = declare(
    Op(
        name="gelu_gate",
        operands=("x",),
        infer=real,
        promotion="float",
        vjp=(_gelu_gate_vjp,),
        partials=(f"{{y}} * (1 - {{y}}) * {_INNER}",),
        kernel=by_blocks("gelu_gate", rows=2),
        scalar="_gelu_gate({x})",
        elementwise=True,
        inplace=True,
        doc="The gate of gelu: nearly normal_cdf, by a tanh, exact where that is small as well.",
        formula="(1 + tanh(√(2/π) (x + 0.044715 x³))) / 2",
        derivative="g y (1 - y) √(8/π) (1 + 0.134145 x²)",
        example="y = gelu_gate(x)",
    )
)


def _gelu(x: Expr, *, exact: bool) -> Expr:
    if exact:
        return gated_unit(x, normal_cdf(x), tail="normal")
    return gated_unit(x, gelu_gate(x), tail="gelu")


def _gelu_vjp(g: Expr, y: Expr, x: Expr, *, exact: bool) -> Expr:
    if exact:
        return g * (normal_cdf(x) + x * (1 / math.sqrt(2 * math.pi)) * exp(-0.5 * (x * x)))
    s = gelu_gate(x)
    return g * (s + y * (1 - s) * (LINEAR + 3 * CUBIC * (x * x)))


_SLOPE = f"gelu_gate({{x}}) * (1 + {{x}} * (1 - gelu_gate({{x}})) * {_INNER})"
_EXACT_SLOPE = "normal_cdf({x}) + {x} * exp(-{x}^2 / 2) / sqrt(2 * pi)"

gelu = declare(
    Op(
        name="gelu",
        operands=("x",),
        infer=real,
        attributes={"exact": Attribute("bool", False, "x Φ(x) itself, not the tanh near it")},
        promotion="float",
        vjp=(_gelu_vjp,),
        partials=(f"{_EXACT_SLOPE} if {{exact}} else {_SLOPE}",),
        decompose=_gelu,
        elementwise=True,
        doc="The Gaussian error linear unit, in its approximation by tanh unless exact; nan at "
        "-inf.",
        formula="x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))); exact: x Φ(x)",
        derivative="g times the derivative of the formula; exact: g (Φ(x) + x e^(-x²/2) / √(2π))",
        example="y = gelu(x)",
    )
)
