"""A schedule whose program reads the clock behind every node.

Between two readings stand the statements of one node, on one block of rows where it runs in blocks,
so that no time is counted twice; kernels and buffers are those of the plain program of one worker,
and so are the bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from graphdsl.compiler.schedule import Schedule
from graphdsl.compiler.schedule.values import Step
from graphdsl.engines.band import Marks
from graphdsl.engines.bands import in_bands
from graphdsl.engines.readings import START, Clock, Readings
from graphdsl.graph.graph import Graph

NOW, TOOK, SPENT, LOOKS = "now", "took", "spent", "looks"
"""What a program has of the clock: the function, and what it writes, adds to and asks (the fields
of `Readings`)."""
BEGUN, DONE = "begun", "done"
"""What it calls at the beginning of a step, which gives the time, and at its end."""


def timed(schedule: Schedule, graph: Graph, sizes: Mapping[str, int]) -> tuple[Schedule, Clock]:
    """The same schedule with readings of the clock; as one worker runs it, in blocks of rows where
    that pays."""
    clock = Clock()
    schedule = _in_bands(schedule, graph, sizes, clock)
    clock.nodes = [START, *(step.node for step in schedule.steps if step.lines)]
    readings = _readings(clock)
    start, end = Step(START, (next(readings),)), Step(START, (f"{DONE}()",))
    steps = [
        replace(step, lines=(*step.lines, next(readings))) if step.lines else step
        for step in schedule.steps
    ]
    scalars = ((f"{TOOK}[0]", f"{BEGUN}()"), *schedule.scalars)
    notes = {**schedule.notes, START: "the clock"}
    return replace(schedule, steps=(start, *steps, end), scalars=scalars, notes=notes), clock


def _readings(clock: Clock) -> Iterator[str]:
    """The statements that read the clock behind each node: those between two stretches always,
    the others where their stretch is looked at."""
    edges = clock.edges()
    for stretch, (first, last) in enumerate(pairwise(edges)):
        asked = f"if {LOOKS}[{stretch}]: " if len(edges) > 2 else ""
        yield from (f"{asked}{TOOK}[{number}] = {NOW}()" for number in range(first + 1, last))
        yield f"{TOOK}[{last}] = {NOW}()"


def _in_bands(schedule: Schedule, graph: Graph, sizes: Mapping[str, int], clock: Clock) -> Schedule:
    """The schedule in blocks of rows, where each node's time on a block is added to its own."""

    def mark(first: int, node: int, blocks: int) -> str:
        clock.inside.append((first, node))
        clock.in_blocks += blocks
        return f"then = {NOW}(); {SPENT}[{len(clock.inside) - 1}] += then - at; at = then"

    return in_bands(schedule, graph, sizes, 1, Marks(f"at = {NOW}()", mark))


@dataclass(slots=True)
class Recorder:
    """Times programs that write something, `steps` calls in all after `warm_up` that are not
    counted; `full` is called when that is done."""

    steps: int
    warm_up: int
    full: Callable[[], None] = lambda: None
    programs: list[Readings] = field(default_factory=list)
    calls: int = 0
    everything: bool = False
    """Whether programs that write nothing are timed too."""

    def probe(
        self, schedule: Schedule, graph: Graph, sizes: Mapping[str, int]
    ) -> tuple[Schedule, Mapping[str, Any]]:
        """A program's schedule with the clock in it, and what its names stand for."""
        if not (graph.writes or self.everything):
            return schedule, {}
        made, clock = timed(schedule, graph, sizes)
        readings = Readings(graph, dict(sizes), clock)
        self.programs.append(readings)

        def begun() -> float:
            readings.begin()
            return time.perf_counter()

        def done() -> None:
            self._count(readings)

        written = {TOOK: readings.took, SPENT: readings.spent, LOOKS: readings.looks}
        return made, {NOW: time.perf_counter, BEGUN: begun, **written, DONE: done}

    def _count(self, readings: Readings) -> None:
        self.calls += 1
        if self.warm_up < self.calls <= self.warm_up + self.steps:
            readings.add()
            if self.calls == self.warm_up + self.steps:
                self.full()
