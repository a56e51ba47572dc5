"""Leaves that stand for storage: groups of parameters, optimizer states, gradients side by side.

The update sweep is written in these; no file names them.
"""

from __future__ import annotations

from graphdsl.graph.op import Attribute, Op, declare
from graphdsl.graph.types import DType, TensorType


def _stretch(*, dtype: DType, start: int, size: int) -> TensorType:
    return TensorType(dtype, (size,))


group = declare(
    Op(
        name="group",
        operands=(),
        infer=_stretch,
        doc="The parameters of one group, side by side in their flat array.",
        formula="θ",
        attributes={
            "dtype": Attribute("internal"),
            "start": Attribute("internal"),
            "size": Attribute("internal"),
        },
        leaf=True,
        public=False,
    )
)


def _slot_type(*, name: str, type: TensorType, start: int) -> TensorType:
    return type


slot = declare(
    Op(
        name="slot",
        operands=(),
        infer=_slot_type,
        doc="A stretch of an optimizer state.",
        formula="m",
        attributes={
            "name": Attribute("internal"),
            "type": Attribute("internal"),
            "start": Attribute("internal"),
        },
        leaf=True,
        public=False,
    )
)


def _part_type(*, worker: int, type: TensorType, start: int) -> TensorType:
    return type


part = declare(
    Op(
        name="part",
        operands=(),
        infer=_part_type,
        doc="What one worker's rows of the batch add to a sum over all of them.",
        formula="Σ over a part",
        attributes={
            "worker": Attribute("internal"),
            "type": Attribute("internal"),
            "start": Attribute("internal"),
        },
        leaf=True,
        public=False,
    )
)


def _packed(*gradients: TensorType, dtype: DType, start: int, size: int) -> TensorType:
    return TensorType(dtype, (size,))


pack = declare(
    Op(
        name="pack",
        operands=("gradients",),
        infer=_packed,
        doc="The gradients of one group, side by side: each has its place there already.",
        formula="∂J/∂θ",
        derivative="none: the update sweep is not differentiated",
        attributes={
            "dtype": Attribute("internal"),
            "start": Attribute("internal"),
            "size": Attribute("internal"),
        },
        promotion="none",
        variadic=True,
        public=False,
    )
)
