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


def _leaf_type(*, type: TensorType, start: int, **of: object) -> TensorType:
    return type


def _leaf(name: str, of: str, doc: str, formula: str, **more: Attribute) -> Op:
    """A stretch of a flat array, the attribute `of` saying of which one."""
    return declare(
        Op(
            name=name,
            operands=(),
            infer=_leaf_type,
            doc=doc,
            formula=formula,
            attributes={key: Attribute("internal") for key in (of, "type", "start")} | more,
            leaf=True,
            public=False,
        )
    )


slot = _leaf(
    "slot",
    "name",
    "A stretch of an optimizer state: the state is `unit` times what is stored.",
    "m",
    unit=Attribute("internal", None),  # 1.0 where the compiler may choose it, None where it is 1
)

part = _leaf(
    "part", "worker", "What one worker's rows of the batch add to a sum over all.", "Σ over a part"
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
