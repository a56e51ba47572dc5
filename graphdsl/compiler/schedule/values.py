"""What a plan is made of: regions, slots, steps, and the schedule that holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from graphdsl.compiler.schedule.arena import Span, highest, live_bytes, place
from graphdsl.graph.graph import Sweep
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
    start: int
    """The number of the step that writes it first."""
    end: int
    """The number of the step that reads it last; the last step's for what is handed out."""

    @property
    def span(self) -> Span:
        """When it lives, and how many bytes it takes."""
        return Span(self.start, self.end, self.type.nbytes)


def place_buffers(
    lives: Iterable[tuple[str, ArrayType, int, int]],
) -> tuple[dict[str, Slot], int]:
    """A slot for each buffer, told by name, type, first and last step, and the bytes in all."""
    types: dict[str, ArrayType] = {}
    spans: list[Span] = []
    for name, type, start, end in lives:
        types[name] = type
        spans.append(Span(start, end, type.nbytes))
    offsets, total = place(spans)
    rows = zip(types.items(), spans, offsets, strict=True)
    return {n: Slot(at, type, span.start, span.end) for (n, type), span, at in rows}, total


@dataclass(frozen=True, slots=True)
class Step:
    """One node's statements; `views` are made anew at each call because their base is fed."""

    node: int
    lines: tuple[str, ...]
    views: tuple[tuple[str, str], ...] = ()
    sweep: Sweep = "forward"
    out: str = ""
    """The variable of the result, where the node has a kernel."""
    args: tuple[str, ...] = ()
    """The variables of its operands."""
    prefix: str = ""
    """What the names of its scratch arrays begin with: where a node is computed again, the second
    time has others than the first."""


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
    """What the arena would take if every result and scratch array had memory of its own."""
    notes: Mapping[int, str] = field(default_factory=dict)
    """What each node is, for a reader of the program."""
    variables: Mapping[int, str] = field(default_factory=dict)
    """The variable of each node that is an array."""
    functions: tuple[str, ...] = ()
    """The lines of functions that the steps call."""
    workers: tuple[Schedule, ...] = ()
    """What workers run at once, each on its part of the batch, in their own stretches of the
    arena: the steps call them as `worker_0`, `worker_1`, …"""
    cuts: tuple[tuple[int, int], ...] = ()
    """Of each worker: the first row of its part of the batch, and the one behind its last."""
    own_kernel_bytes: int = 0
    """What one kernel at most asks the system for while it runs; what workers' ask is not in it."""

    @property
    def kernel_bytes(self) -> int:
        """What kernels at most ask the system for at once: those of all workers run together."""
        return max(self.own_kernel_bytes, sum(one.kernel_bytes for one in self.workers))

    def placement(self) -> Schedule:
        """What is fed and handed out, and where arrays stand, without what is done with them."""
        return replace(
            self,
            views=(),
            scalars=(),
            steps=(),
            notes={},
            variables={},
            functions=(),
            workers=tuple(worker.placement() for worker in self.workers),
        )

    def live(self) -> list[tuple[int, int]]:
        """(step, bytes of the arena that live from it on) wherever the number changes, in order;
        cache lines count whole."""
        return live_bytes([slot.span for slot in self.slots.values()])

    def peak(self) -> tuple[int, int]:
        """The first step at which the most bytes live, and how many: no arena is smaller."""
        return highest(self.live())

    def describe(self, node: int) -> str:
        """What a node of a step computes, for a reader of the program."""
        return self.notes.get(node, "the values written last")
