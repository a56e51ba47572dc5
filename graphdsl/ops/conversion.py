"""Ops that keep the value: in another element type, for a constant, in an array of its own."""

from __future__ import annotations

from graphdsl.graph.op import Attribute, Op, declare
from graphdsl.graph.types import DType, TensorType
from graphdsl.ops import row_rules
from graphdsl.ops.fitting import check_casting
from graphdsl.ops.rules import same


def _cast_type(x: TensorType, *, dtype: DType) -> TensorType:
    return x.with_dtype(dtype)


cast: Op = declare(
    Op(
        name="cast",
        operands=("x",),
        infer=_cast_type,
        check=check_casting,
        attributes={"dtype": Attribute("dtype", doc="f32, f64, i32, i64, bool, or float")},
        promotion="none",
        vjp=(lambda g, y, x, *, dtype: cast(g, dtype=x.type.dtype),),
        kernel='copyto({out}, {x}, casting="unsafe")',
        rows=row_rules.by_element,
        doc="The same elements in another type; fractions are cut off where it has none. What is "
        "computed and beyond an integer's range, nan too, becomes one that the processor decides "
        "on; all but 0 is true.",
        formula="x",
        derivative="g cast back; none where either type is not a float",
        example="y = cast(x, i64)",
    )
)

identity = declare(
    Op(
        name="identity",
        operands=("x",),
        infer=same,
        promotion="none",
        vjp=(lambda g, y, x: g,),
        partials=("1",),
        decompose=lambda x: x,
        scalar="{x}",
        elementwise=True,
        doc="x itself: what an activation is by default.",
        formula="x",
        derivative="g",
        example="y = identity(x)",
    )
)

stop_gradient = declare(
    Op(
        name="stop_gradient",
        operands=("x",),
        infer=same,
        promotion="none",
        decompose=lambda x: x,
        scalar="{x}",
        elementwise=True,
        doc="x, taken for a constant by the reverse sweep.",
        formula="x",
        derivative="none: it is taken for 0",
        example="y = stop_gradient(x)",
    )
)

copy = declare(
    Op(
        name="copy",
        operands=("x",),
        infer=same,
        promotion="none",
        vjp=(lambda g, y, x: g,),
        partials=("1",),
        kernel="copyto({out}, {x})",
        scalar="{x}",
        elementwise=True,
        public=False,
        doc="x in an array of its own.",
        formula="x",
        derivative="g",
        example="output y = x.T",
    )
)
