"""A schedule whose program reads the clock behind every node, and what the readings come to.

Between two readings stand the statements of one node, so that no time is counted twice; kernels
and buffers are those of the plain program, and so are the bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from graphdsl.compiler.schedule import Schedule
from graphdsl.compiler.schedule.values import Step
from graphdsl.engines.work import work
from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.kernel import Array
from graphdsl.graph.types import DType

NOW, TOOK, DONE = "now", "took", "done"
"""What the program calls and writes: the clock, its readings, the end of a step."""

START = -1
"""Stands for a node before the first: checks of what is fed, and what depends on the step alone."""

SIDE = 512
"""Rows and columns of the product by which a machine is measured."""
TRIES = 10
"""How often a thing is timed at least: on a busy machine most of them wait for a core."""


def timed(schedule: Schedule) -> tuple[Schedule, tuple[int, ...]]:
    """The same schedule with readings of the clock, and the node before each but the first."""
    steps = [Step(START, (_reading(1),))]
    nodes = [START]
    for step in schedule.steps:
        if step.lines:
            nodes.append(step.node)
            step = replace(step, lines=(*step.lines, _reading(len(nodes))))
        steps.append(step)
    end = Step(START, (f"{DONE}()",))
    first = (f"{TOOK}[0]", f"{NOW}()")
    notes = {**schedule.notes, START: "the clock"}
    scalars = (first, *schedule.scalars)
    return replace(schedule, steps=(*steps, end), scalars=scalars, notes=notes), tuple(nodes)


def _reading(number: int) -> str:
    return f"{TOOK}[{number}] = {NOW}()"


@dataclass(slots=True)
class Readings:
    """What one program was measured to take: seconds for each of its nodes, summed over calls."""

    graph: Graph
    sizes: Mapping[str, int]
    nodes: tuple[int, ...]
    calls: int = 0
    took: list[float] = field(default_factory=list)
    seconds: Array = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        self.took = [0.0] * (len(self.nodes) + 1)
        self.seconds = np.zeros(len(self.nodes))

    def add(self) -> None:
        """Count the call that has just ended."""
        times = np.array(self.took)
        self.seconds += times[1:] - times[:-1]
        self.calls += 1

    def costs(self) -> Iterator[tuple[Node, float, int, int]]:
        """(node, seconds, multiplications and additions, bytes) of all calls together."""
        for id, seconds in zip(self.nodes, self.seconds.tolist(), strict=True):
            if 0 <= id < len(self.graph.nodes):
                node = self.graph.nodes[id]
                flops, nbytes = work(self.graph, node, self.sizes)
                yield node, seconds, self.calls * flops, self.calls * nbytes

    def elsewhere(self) -> float:
        """The seconds that no node has: the start, and values written back at the end."""
        inside = [0 <= id < len(self.graph.nodes) for id in self.nodes]
        return float(self.seconds[np.logical_not(inside)].sum())


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
        made, nodes = timed(schedule)
        readings = Readings(graph, dict(sizes), nodes)
        self.programs.append(readings)

        def done() -> None:
            self._count(readings)

        return made, {NOW: time.perf_counter, TOOK: readings.took, DONE: done}

    def _count(self, readings: Readings) -> None:
        self.calls += 1
        if self.warm_up < self.calls <= self.warm_up + self.steps:
            readings.add()
            if self.calls == self.warm_up + self.steps:
                self.full()


def product_rate(dtype: DType, seconds: float = 0.05) -> float:
    """The multiplications and additions a second of this machine's matrix product, at its best in
    so many seconds, and in `TRIES`."""
    generator = np.random.Generator(np.random.Philox(key=1))
    a, b = (generator.random((SIDE, SIDE)).astype(dtype.numpy) for _ in range(2))
    out = np.empty_like(a)
    took: list[float] = []
    end = time.perf_counter() + seconds
    while len(took) < TRIES or time.perf_counter() < end:
        start = time.perf_counter()
        np.dot(a, b, out)
        took.append(time.perf_counter() - start)
    return 2 * SIDE**3 / min(took)


def reading_cost(readings: int = 400) -> float:
    """The seconds that one reading of the clock takes, at its best in `TRIES`."""
    space = {NOW: time.perf_counter, TOOK: [0.0] * readings, "count": readings}
    code = compile(f"for i in range(count):\n    {TOOK}[i] = {NOW}()\n", "<clock>", "exec")
    took: list[float] = []
    for _ in range(TRIES):
        start = time.perf_counter()
        exec(code, space)
        took.append(time.perf_counter() - start)
    return min(took) / readings
