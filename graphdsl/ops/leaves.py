"""What graphs begin with: fed, stored and constant values. None of these is written by name."""

from __future__ import annotations

from typing import Any

from graphdsl.graph.op import Attribute, Op, declare
from graphdsl.graph.sizes import Size
from graphdsl.graph.types import DType, TensorType


def _given(*, type: TensorType) -> TensorType:
    return type


def _leaf(name: str, doc: str) -> Op:
    return declare(
        Op(
            name=name,
            operands=(),
            infer=_given,
            doc=doc,
            formula=name,
            attributes={"type": Attribute("internal")},
            leaf=True,
            public=False,
        )
    )


input_ = _leaf("input", "A value that is fed.")
param = _leaf("param", "A value that training changes.")
state = _leaf("state", "A value that lives between steps and is not trained.")
clock = declare(
    Op(
        name="clock",
        operands=(),
        infer=lambda *, which: TensorType(DType.f64, (), weak=True),
        doc="The step, the epoch or the number of steps in all, as an untyped number.",
        formula="t",
        attributes={"which": Attribute("internal")},
        leaf=True,
        public=False,
    )
)


def _number_type(*, value: bool | float) -> TensorType:
    if isinstance(value, bool):
        return TensorType(DType.bool, (), weak=True)
    return TensorType(DType.i64 if isinstance(value, int) else DType.f64, (), weak=True)


number = declare(
    Op(
        name="number",
        operands=(),
        infer=_number_type,
        doc="A number as it stands in the text; it takes the element type of what it meets.",
        formula="1",
        attributes={"value": Attribute("internal")},
        leaf=True,
        public=False,
    )
)


def _extent_type(*, size: Size) -> TensorType:
    return TensorType(DType.i64, (), weak=True)


extent = declare(
    Op(
        name="extent",
        operands=(),
        infer=_extent_type,
        doc="A size as an untyped number, known when the sizes are bound.",
        formula="N",
        attributes={"size": Attribute("internal")},
        leaf=True,
        public=False,
    )
)


def _constant_type(*, value: Any, dtype: DType) -> TensorType:
    shape = []
    while isinstance(value, tuple):
        shape.append(len(value))
        value = value[0] if value else None
    return TensorType(dtype, tuple(shape))


constant = declare(
    Op(
        name="constant",
        operands=(),
        infer=_constant_type,
        doc="A constant tensor, `[1, 2]`; its value is a tuple of tuples of numbers.",
        formula="[1, 2]",
        attributes={"value": Attribute("internal"), "dtype": Attribute("dtype")},
        leaf=True,
        public=False,
    )
)
