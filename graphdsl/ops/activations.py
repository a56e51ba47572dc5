"""Activations: what follows a layer's affine map, element by element."""

from __future__ import annotations

import numpy as np

from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.types import DType, TensorType
from graphdsl.ops import row_rules
from graphdsl.ops.arithmetic import minimum
from graphdsl.ops.comparison import greater
from graphdsl.ops.functions import expm1
from graphdsl.ops.rules import real
from graphdsl.ops.selection import where


def _emit_relu(k: KernelCall) -> None:
    """`maximum` with an array of zeros is 2.5 to 4 times faster than with a scalar."""
    zeros = k.constant(np.zeros(k.out_type.shape, k.out_type.dtype.numpy))
    k.emit(f"maximum({k.args[0]}, {zeros}, out={k.out})")


def _gated(y: TensorType, g: TensorType) -> TensorType:
    if y.shape != g.shape:
        raise Fault("E0201", f"'relu_gate' needs equal shapes, and found {y} and {g}", operand=1)
    return g


def _emit_relu_gate(k: KernelCall) -> None:
    """y is at least +0, or nan: as an unsigned integer it has the sign 0 or 1, and g's bits times
    that are g or +0. Two passes, where a comparison and a choice take three."""
    unsigned = f'.view("u{k.out_type.dtype.numpy.itemsize}")'
    integer = DType.i32 if k.out_type.dtype is DType.f32 else DType.i64
    names = (*k.args, k.out, k.scratch(k.out_type.shape, integer))
    y, g, out, sign = (k.view(name, unsigned) for name in names)
    k.emit(f"sign({y}, {sign})", f"multiply({g}, {sign}, {out})")


relu_gate = declare(
    Op(
        name="relu_gate",
        operands=("y", "g"),
        infer=_gated,
        promotion="same",
        kernel=_emit_relu_gate,
        scalar="({g} if {y} != 0 else 0.0)",
        inplace=True,
        public=False,
        rows=row_rules.by_element,
        doc="0 where y, which is relu of something, is 0, elsewhere g; rewriting makes it.",
        formula="0 if y = 0 else g",
        derivative="none: it is made after the reverse sweep",
        domain=((0.0, 3.0), (-3.0, 3.0)),
        example="g = grad(sum(relu(x)), x)",
    )
)

relu = declare(
    Op(
        name="relu",
        operands=("x",),
        infer=real,
        promotion="float",
        vjp=(lambda g, y, x: where(greater(y, 0), g, 0),),
        partials=("where({x} > 0, 1, 0)",),
        kernel=_emit_relu,
        scalar="_maximum({x}, 0.0)",
        elementwise=True,
        inplace=True,
        doc="x where it is positive, 0 elsewhere; nan where x is.",
        formula="max(x, 0)",
        derivative="g where x > 0, 0 elsewhere and at 0",
        example="y = relu(x)",
    )
)


CERTAIN = 40.0
"""From here on a sigmoid is 1 to the last bit, of f64 too."""


def _emit_sigmoid(k: KernelCall) -> None:
    """e / (1 + e) with e = exp(x), which far below 0 keeps its digits down to the smallest number
    there is; beyond `CERTAIN` the exponential goes no further, so that none overflows."""
    dtype = k.out_type.dtype.numpy
    one, most = (
        k.constant(np.ones((), dtype)),
        k.constant(np.full(k.out_type.shape, CERTAIN, dtype)),
    )
    more = k.scratch(k.out_type.shape)
    k.emit(
        f"minimum({k.args[0]}, {most}, out={k.out})",
        f"exp({k.out}, {k.out})",
        f"add({k.out}, {one}, {more})",
        f"divide({k.out}, {more}, {k.out})",
    )


sigmoid = declare(
    Op(
        name="sigmoid",
        operands=("x",),
        infer=real,
        promotion="float",
        vjp=(lambda g, y, x: g * (y * (1 - y)),),
        partials=("{y} * (1 - {y})",),
        kernel=_emit_sigmoid,
        scalar="_sigmoid({x})",
        elementwise=True,
        inplace=True,
        doc="The logistic function, from 0 to 1.",
        formula="1 / (1 + e^-x)",
        derivative="g y (1 - y)",
        example="y = sigmoid(x)",
    )
)


def _emit_softplus(k: KernelCall) -> None:
    """max(x, 0) + log1p(exp(-|x|)): no exponential overflows."""
    zeros = k.constant(np.zeros(k.out_type.shape, k.out_type.dtype.numpy))
    tail = k.scratch(k.out_type.shape)
    k.emit(
        f"absolute({k.args[0]}, {tail})",
        f"negative({tail}, {tail})",
        f"exp({tail}, {tail})",
        f"log1p({tail}, {tail})",
        f"maximum({k.args[0]}, {zeros}, out={k.out})",
        f"add({k.out}, {tail}, {k.out})",
    )


softplus = declare(
    Op(
        name="softplus",
        operands=("x",),
        infer=real,
        promotion="float",
        vjp=(lambda g, y, x: g * sigmoid(x),),
        partials=("sigmoid({x})",),
        kernel=_emit_softplus,
        scalar="_softplus({x})",
        elementwise=True,
        inplace=True,
        doc="A smooth relu; it overflows for no x.",
        formula="ln(1 + e^x)",
        derivative="g sigmoid(x)",
        example="y = softplus(x)",
    )
)

leaky_relu = declare(
    Op(
        name="leaky_relu",
        operands=("x",),
        infer=real,
        attributes={"slope": Attribute("number", 0.01, "the slope below 0")},
        promotion="float",
        vjp=(lambda g, y, x, *, slope: where(greater(x, 0), g, slope * g),),
        partials=("where({x} > 0, 1, {slope})",),
        decompose=lambda x, *, slope: where(greater(x, 0), x, slope * x),
        elementwise=True,
        doc="x where it is positive, slope · x elsewhere.",
        formula="x if x > 0 else slope x",
        derivative="g where x > 0, slope g elsewhere and at 0",
        example="y = leaky_relu(x, slope = 0.1)",
    )
)

elu = declare(
    Op(
        name="elu",
        operands=("x",),
        infer=real,
        attributes={"alpha": Attribute("number", 1.0, "minus the limit far below 0")},
        promotion="float",
        vjp=(lambda g, y, x, *, alpha: where(greater(x, 0), g, g * (y + alpha)),),
        partials=("where({x} > 0, 1, {y} + {alpha})",),
        decompose=lambda x, *, alpha: where(greater(x, 0), x, alpha * expm1(minimum(x, 0))),
        elementwise=True,
        doc="x where it is positive, α (e^x - 1) elsewhere.",
        formula="x if x > 0 else α (e^x - 1)",
        derivative="g where x > 0, g (y + α) elsewhere and at 0",
        example="y = elu(x)",
    )
)
