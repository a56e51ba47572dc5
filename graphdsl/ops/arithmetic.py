"""Arithmetic, element by element.

In the rules `g` is the cotangent of the result `y`, `x` (and `a`, `b`) the operands. A rule need
not sum over broadcast axes: the sweep does that once, for every op.
"""

from __future__ import annotations

from graphdsl.graph.op import Op, declare
from graphdsl.ops.comparison import (
    greater,
    greater_equal,
    less,
    less_equal,
)
from graphdsl.ops.rules import broadcast, real, same
from graphdsl.ops.selection import where

add = declare(
    Op(
        name="add",
        operands=("a", "b"),
        infix="+",
        infer=broadcast,
        vjp=(lambda g, y, a, b: g, lambda g, y, a, b: g),
        partials=("1", "1"),
        kernel="add({a}, {b}, {out})",
        scalar="{a} + {b}",
        elementwise=True,
        commutes=True,
        inplace=True,
        doc="The sum of two tensors.",
        formula="a + b",
        derivative="g and g",
        example="y = a + b",
    )
)

sub = declare(
    Op(
        name="sub",
        operands=("a", "b"),
        infix="-",
        infer=broadcast,
        vjp=(lambda g, y, a, b: g, lambda g, y, a, b: -g),
        partials=("1", "-1"),
        kernel="subtract({a}, {b}, {out})",
        scalar="{a} - {b}",
        elementwise=True,
        inplace=True,
        doc="The difference of two tensors.",
        formula="a - b",
        derivative="g and -g",
        example="y = a - b",
    )
)

mul = declare(
    Op(
        name="mul",
        operands=("a", "b"),
        infix="*",
        infer=broadcast,
        vjp=(lambda g, y, a, b: g * b, lambda g, y, a, b: g * a),
        partials=("{b}", "{a}"),
        kernel="multiply({a}, {b}, {out})",
        scalar="{a} * {b}",
        elementwise=True,
        commutes=True,
        inplace=True,
        doc="The product of two tensors, element by element.",
        formula="a · b",
        derivative="g b and g a",
        example="y = a * b",
    )
)

div = declare(
    Op(
        name="div",
        operands=("a", "b"),
        infix="/",
        infer=real,
        promotion="float",
        vjp=(lambda g, y, a, b: g / b, lambda g, y, a, b: -(g * y) / b),
        partials=("1 / {b}", "-{a} / {b}^2"),
        kernel="divide({a}, {b}, {out})",
        scalar="({a} / {b} if {b} else _div({a}, {b}))",
        elementwise=True,
        inplace=True,
        domain=((-3.0, 3.0), (0.5, 3.0)),
        doc="The quotient of two tensors; integers are divided as floats.",
        formula="a / b",
        derivative="g / b and -g y / b",
        mend="keep the divisor away from 0: a / (b + 1e-8), or a / maximum(b, 1e-8)",
        example="y = a / b",
    )
)

neg = declare(
    Op(
        name="neg",
        operands=("x",),
        infer=same,
        vjp=(lambda g, y, x: -g,),
        partials=("-1",),
        kernel="negative({x}, {out})",
        scalar="-{x}",
        elementwise=True,
        inplace=True,
        doc="The negative; written as a sign, `-x`.",
        formula="-x",
        derivative="-g",
        example="y = -x",
    )
)


abs_ = declare(
    Op(
        name="abs",
        operands=("x",),
        infer=same,
        vjp=(lambda g, y, x: g * sign(x),),
        partials=("sign({x})",),
        kernel="absolute({x}, {out})",
        scalar="abs({x})",
        elementwise=True,
        inplace=True,
        doc="The absolute value.",
        formula="|x|",
        derivative="g sign(x), 0 at 0",
        example="y = abs(x)",
    )
)

sign: Op = declare(
    Op(
        name="sign",
        operands=("x",),
        infer=same,
        kernel="sign({x}, {out})",
        scalar="_sign({x})",
        elementwise=True,
        inplace=True,
        doc="-1, 0 or 1, as x is negative, zero or positive; nan where x is.",
        formula="sign x",
        derivative="none: 0 wherever there is one",
        example="y = sign(x)",
    )
)

floor = declare(
    Op(
        name="floor",
        operands=("x",),
        infer=real,
        promotion="float",
        kernel="floor({x}, {out})",
        scalar="_floor({x})",
        elementwise=True,
        inplace=True,
        doc="The largest whole number that is not larger, as a float.",
        formula="⌊x⌋",
        derivative="none: 0 wherever there is one",
        example="y = floor(x)",
    )
)

# NumPy deprecates a third argument by position for these two alone.
maximum = declare(
    Op(
        name="maximum",
        operands=("a", "b"),
        infer=broadcast,
        vjp=(
            lambda g, y, a, b: where(greater_equal(a, b), g, 0),
            lambda g, y, a, b: where(less(a, b), g, 0),
        ),
        partials=("where({a} >= {b}, 1, 0)", "where({a} < {b}, 1, 0)"),
        kernel="maximum({a}, {b}, out={out})",
        scalar="_maximum({a}, {b})",
        elementwise=True,
        inplace=True,
        doc="The larger of two, element by element; nan where one of them is.",
        formula="max(a, b)",
        derivative="g to the larger; to a where they are equal",
        example="y = maximum(a, b)",
    )
)

minimum = declare(
    Op(
        name="minimum",
        operands=("a", "b"),
        infer=broadcast,
        vjp=(
            lambda g, y, a, b: where(less_equal(a, b), g, 0),
            lambda g, y, a, b: where(greater(a, b), g, 0),
        ),
        partials=("where({a} <= {b}, 1, 0)", "where({a} > {b}, 1, 0)"),
        kernel="minimum({a}, {b}, out={out})",
        scalar="_minimum({a}, {b})",
        elementwise=True,
        inplace=True,
        doc="The smaller of two, element by element; nan where one of them is.",
        formula="min(a, b)",
        derivative="g to the smaller; to a where they are equal",
        example="y = minimum(a, b)",
    )
)
