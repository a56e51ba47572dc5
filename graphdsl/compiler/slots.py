"""Storage that lives between steps: the states of an optimizer's rule and of the step around it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from graphdsl.graph.build import Builder, Expr
from graphdsl.graph.graph import Graph, Init
from graphdsl.graph.op import OPS
from graphdsl.graph.types import DType, TensorType

Units = tuple[tuple[int, int, float], ...]
"""(start, stop, unit) of stretches of a flat array: the state is the unit times what is stored."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Storage of one optimizer state: a flat array and the number it begins at.

    Outside of the stretches that have a unit, what is stored is the state.
    """

    name: str
    dtype: DType
    size: int
    value: float
    units: Units = ()

    @property
    def nbytes(self) -> int:
        """The bytes of the flat array."""
        return self.size * self.dtype.numpy.itemsize


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
        """The leaf of a rule's state; in which unit it is stored, the compiler may choose."""
        dtype = self.dtype if type is None else type.dtype
        return self.make(name, type, init, 1.0 if dtype.is_float and init.value == 0 else None)

    def make(
        self, name: str, type: TensorType | None, init: Init, unit: float | None = None
    ) -> Expr:
        """A leaf; without a `unit`, what is stored is the state for good."""
        if type is None:
            slot = Slot(shared_name(name, self.dtype), self.dtype, self.whole, init.value)
            type, start = self.type, self.start
        else:
            count = type.size
            assert isinstance(count, int)
            slot, start = Slot(f"{name}.{self.suffix}", type.dtype, count, init.value), 0
        self.slots[slot.name] = slot
        self.leaves[name] = leaf_of(self.builder, slot, type, start, unit)
        return self.leaves[name]


def shared_name(name: str, dtype: DType) -> str:
    """The name of the slot that a rule's state of the parameters' type shares with those of all
    other stretches."""
    return f"{name}.{dtype}"


def leaf_of(
    builder: Builder, slot: Slot, type: TensorType, start: int = 0, unit: float | None = None
) -> Expr:
    """The leaf for a stretch of a slot that begins at element `start`."""
    attrs = {"name": slot.name, "type": type, "start": start, "unit": unit}
    return builder.apply(OPS["slot"], (), attrs)


def measured(slots: Iterable[Slot], graph: Graph) -> tuple[Slot, ...]:
    """The slots with the units that the leaves of a rewritten graph have."""
    units: dict[str, set[tuple[int, int, float]]] = defaultdict(set)
    for node in graph.nodes:
        if node.op is OPS["slot"]:
            attrs = node.attributes()
            if attrs["unit"] not in (None, 1):
                start, size = attrs["start"], node.type.size
                assert isinstance(size, int)
                units[attrs["name"]].add((start, start + size, attrs["unit"]))
    known = {name: tuple(sorted(found)) for name, found in units.items()}
    return tuple(replace(slot, units=known.get(slot.name, ())) for slot in slots)
