"""Runs of elementwise steps in blocks of rows that stay in the cache: schedule to schedule.

A statement on a large array reads it from memory and writes it back, and the next one reads it
again. Several of them run block by block instead: all on the first rows, then all on the next.
Every element is computed as before, so that the bits are the same. Where a run is long enough its
blocks are shared among threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import gcd

from graphdsl.compiler.schedule import Schedule
from graphdsl.compiler.schedule.values import Step, place_buffers
from graphdsl.engines.band import Band, Marks, Refused
from graphdsl.engines.runs import Run, Variables, find_runs
from graphdsl.graph.graph import Graph
from graphdsl.graph.layout import ALIGNMENT

LARGE = 2**20
"""Bytes of one array beyond which a run pays; smaller ones stay in some cache as they are. Of
parameters of 1.7 MB, whose states are as large, a step of 50 small blocks gains a thirteenth, and
half of its memory."""
BLOCK = 2**18
"""Bytes of one array in one block, about; several of them fit into a core's own cache."""
SHARED = 2**20
"""Elements written by a run from which it is shared: below, waking a thread costs too much."""


def in_bands(
    schedule: Schedule,
    graph: Graph,
    sizes: Mapping[str, int],
    workers: int,
    marks: Marks | None = None,
) -> Schedule:
    """The schedule with its long runs of elementwise steps in blocks of rows, and among their
    statements the `marks` of a probe."""
    types = [one.type for held in (schedule.slots, schedule.regions) for one in held.values()]
    if max((type.nbytes for type in types), default=0) <= LARGE:
        return schedule
    planned, variables = schedule.steps, Variables(schedule)
    steps: list[Step] = []
    numbers: list[int] = []
    for item in find_runs(schedule, graph, sizes, variables):
        made = None
        if isinstance(item, Run) and _pays(item):
            made = _make_band(schedule, variables, item, len(steps), workers, marks)
        first, last = (item.first, item.last) if isinstance(item, Run) else (len(numbers),) * 2
        if made is not None:
            schedule, step = made
            numbers += [len(steps)] * (last + 1 - first)
            steps.append(step)
        else:
            numbers += range(len(steps), len(steps) + last + 1 - first)
            steps += planned[first : last + 1]
    if not schedule.functions:  # a band of one step leaves as many steps as there were
        return schedule
    return _placed(replace(schedule, steps=tuple(steps)), numbers)


def _placed(schedule: Schedule, numbers: Sequence[int]) -> Schedule:
    """The schedule with its buffers placed anew: those of a band live all through it, and some
    have become small. `numbers` has for each step as planned that of the step it has become."""
    slots, total = place_buffers(
        (name, slot.type, numbers[slot.start], numbers[slot.end])
        for name, slot in schedule.slots.items()
    )
    return replace(schedule, slots=slots, arena_bytes=total)


def _pays(run: Run) -> bool:
    """Whether there are statements that share what they read, of arrays beyond the cache."""
    lines = sum(len(step.lines) for step in run.steps)
    return lines > 1 and max(part.type.nbytes for part in run.parts) > LARGE


def _make_band(
    schedule: Schedule,
    variables: Variables,
    run: Run,
    number: int,
    workers: int,
    marks: Marks | None,
) -> tuple[Schedule, Step] | None:
    """The run as one step, or None where it has too few rows or a kernel cannot be cut."""
    blocks = min(run.rows, -(-max(part.type.nbytes for part in run.parts) // BLOCK))
    shared = sum(part.type.size for part in run.parts) >= SHARED
    threads = min(workers, blocks) if shared else 1
    rows = -(-run.rows // (-(-blocks // threads) * threads))  # as many blocks for every thread
    try:
        return Band(schedule, variables, run, number, _align(run, rows), threads, marks).make()
    except Refused:
        return None


def _align(run: Run, rows: int) -> int:
    """A few more rows a block, so that every block begins with a cache line as the arrays do:
    otherwise each register that NumPy reads lies in two lines, and an update takes a seventh
    longer. As they are where there would be fewer blocks, so more for one thread than another."""
    sizes = {part.type.nbytes // run.rows for part in run.parts}
    step = max(ALIGNMENT // gcd(ALIGNMENT, size) for size in sizes)
    return -(-rows // step) * step if 2 * step * -(-run.rows // rows) <= rows else rows
