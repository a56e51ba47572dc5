"""What a plan is made of: regions, slots, steps, and the schedule that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from graphdsl.graph.kernel import Array, ArrayType
from graphdsl.graph.types import DType


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of a stored flat array; offsets count elements."""

    array: str
    offset: int
    type: ArrayType

    def overlaps(self, other: Region) -> bool:
        """Whether the two share memory."""
        return (
            self.array == other.array
            and self.offset < other.offset + other.type.size
            and other.offset < self.offset + self.type.size
        )


@dataclass(frozen=True, slots=True)
class Slot:
    """A buffer's place in the arena; offsets count bytes."""

    offset: int
    type: ArrayType


@dataclass(frozen=True, slots=True)
class Step:
    """One node's statements; `views` are made anew at each call because their base is fed."""

    node: int
    lines: tuple[str, ...]
    views: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Schedule:
    """A program, planned: what is bound before it runs, and what runs."""

    inputs: tuple[tuple[str, ArrayType, str], ...]
    """(the input's name, its type, its variable)"""
    regions: Mapping[str, Region]
    slots: Mapping[str, Slot]
    constants: Mapping[str, Array]
    views: tuple[tuple[str, str], ...]
    """(variable, expression) of the views that are made once."""
    scalars: tuple[tuple[str, str], ...]
    """(variable, expression) of what depends on the step alone."""
    cells: Mapping[str, DType]
    """Arrays without axes that untyped scalars are handed to kernels in."""
    streams: Mapping[str, str]
    """The qualified names of the random streams."""
    steps: tuple[Step, ...]
    results: tuple[tuple[str, str, ArrayType], ...]
    """(the result's name, its variable, its type)"""
    arena_bytes: int
    naive_bytes: int
    notes: Mapping[int, str] = field(default_factory=dict)
    """What each node is, for a reader of the program."""
