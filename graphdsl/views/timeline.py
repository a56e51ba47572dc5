"""What a plan does to memory, step by step: a schedule comes in, one line of steps goes out.

The steps of workers that run at once stand in front, one worker's beside the other's, each in its
stretch of the arena; those of the program that calls them follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from graphdsl.compiler.schedule import Schedule, Slot
from graphdsl.compiler.schedule.arena import highest, live_bytes
from graphdsl.engines.loaded import stretches
from graphdsl.graph.graph import Sweep


@dataclass(frozen=True, slots=True)
class Buffer:
    """A buffer on the line; its slot counts the line's steps and the whole arena's bytes."""

    name: str
    slot: Slot
    note: str
    """What is written into it first."""
    sweep: Sweep

    @property
    def is_scratch(self) -> bool:
        """Whether it is what a kernel needs besides its result."""
        return "_" in self.name


@dataclass(frozen=True, slots=True)
class Timeline:
    """The steps by what they are, the first `shared` of them those of `workers`."""

    steps: tuple[str, ...]
    buffers: tuple[Buffer, ...]
    workers: int = 0
    shared: int = 0

    @property
    def own(self) -> int:
        """Where step 0 of the program itself stands; with workers it is the call of theirs."""
        return self.shared - 1 if self.workers else 0

    def live(self) -> list[tuple[int, int]]:
        """(step, bytes of the arena that live from it on) wherever the number changes, in order;
        cache lines count whole."""
        return live_bytes([buffer.slot.span for buffer in self.buffers])

    def peak(self) -> tuple[int, int]:
        """The first step at which the most bytes live, and how many."""
        return highest(self.live())


def find_timeline(schedule: Schedule) -> Timeline:
    """The line of a schedule's steps."""
    own = tuple(schedule.describe(step.node) for step in schedule.steps)
    if not schedule.workers:
        return Timeline(own, tuple(_buffers(schedule)))
    longest = max(schedule.workers, key=lambda worker: len(worker.steps))
    shared = len(longest.steps)
    buffers: list[Buffer] = []
    places = stretches(schedule.workers)
    for number, (worker, place) in enumerate(zip(schedule.workers, places, strict=False)):
        for buffer in _buffers(worker):
            slot = replace(buffer.slot, offset=buffer.slot.offset + place)
            buffers.append(replace(buffer, name=f"worker {number}'s {buffer.name}", slot=slot))
    steps = (*(longest.describe(step.node) for step in longest.steps), *own[1:])
    line = Timeline(steps, tuple(buffers), len(schedule.workers), shared)
    later = (_later(buffer, line.own) for buffer in _buffers(schedule))
    return replace(line, buffers=(*buffers, *later))


def _buffers(schedule: Schedule) -> Iterator[Buffer]:
    for name, slot in schedule.slots.items():
        step = schedule.steps[slot.start]
        yield Buffer(name, slot, schedule.notes.get(step.node, ""), step.sweep)


def _later(buffer: Buffer, steps: int) -> Buffer:
    slot = buffer.slot
    return replace(buffer, slot=replace(slot, start=slot.start + steps, end=slot.end + steps))
