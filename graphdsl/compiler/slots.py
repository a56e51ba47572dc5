"""Storage that lives between steps: the states of an optimizer's rule and of the step around it."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphdsl.graph.build import Builder, Expr
from graphdsl.graph.graph import Init
from graphdsl.graph.op import OPS
from graphdsl.graph.types import DType, TensorType


@dataclass(frozen=True, slots=True)
class Slot:
    """Storage of one optimizer state: a flat array and the number it begins at."""

    name: str
    dtype: DType
    size: int
    value: float


@dataclass(slots=True)
class SlotMaker:
    """Hands out leaves for one stretch of the parameters, remembering what they need.

    States of the parameters' type share one flat array with those of all other stretches.
    """

    builder: Builder
    dtype: DType
    suffix: str
    start: int
    type: TensorType
    whole: int
    slots: dict[str, Slot] = field(default_factory=dict)
    leaves: dict[str, Expr] = field(default_factory=dict)

    def __call__(self, name: str, type: TensorType | None, init: Init, /) -> Expr:
        if type is None:
            slot = Slot(f"{name}.{self.dtype}", self.dtype, self.whole, init.value)
            type, start = self.type, self.start
        else:
            count = type.size
            assert isinstance(count, int)
            slot, start = Slot(f"{name}.{self.suffix}", type.dtype, count, init.value), 0
        self.slots[slot.name] = slot
        self.leaves[name] = leaf_of(self.builder, slot, type, start)
        return self.leaves[name]


def leaf_of(builder: Builder, slot: Slot, type: TensorType, start: int = 0) -> Expr:
    """The leaf for a stretch of a slot that begins at element `start`."""
    return builder.apply(OPS["slot"], (), {"name": slot.name, "type": type, "start": start})
