"""A step shared among workers, each with a part of the batch: graph in, schedule out.

Each worker runs a program of its own on its rows, all kernels on one BLAS thread, so that what it
computes stays in its core's cache; the schedule that calls them then adds up what they have found.
This pays where kernels are large. Python runs one thread at a time between them: workers that both
start kernels of a few microseconds wait for one another longer than they compute.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from math import isqrt

from graphdsl.compiler.schedule import Schedule, plan
from graphdsl.compiler.schedule.division import Division, divide
from graphdsl.compiler.schedule.values import Step
from graphdsl.engines.bands import in_bands
from graphdsl.engines.loaded import stretches
from graphdsl.engines.numpy import CLOCK
from graphdsl.engines.work import work
from graphdsl.graph.flat_arrays import part_array
from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.layout import Layout
from graphdsl.graph.sizes import evaluate
from graphdsl.graph.types import DType

PAYS = 4_096
"""Elements that a kernel computes, on average, from which on a step is shared among two workers
are four times as many, among w workers w² times: each has a w-th of a kernel to compute while it
waits for w of them to be started. Two threads that add, multiply and take exponentials of 128 rows
of 64 take as long as one does (12,000 elements, products counted along), of 256 rows 0.57 times
as long."""

PER_ELEMENT = 64
"""Multiplications of a product in the time of an element of an elementwise kernel, about."""

WORKERS = -2
"""Stands for a node in the step that calls the workers."""


def in_parts(
    graph: Graph, sizes: Mapping[str, int], layout: Layout, cores: int, blocks: bool = True
) -> Schedule | None:
    """The schedule of a training step whose batch is shared among workers, or None where that
    does not pay, or where rows of the batch need one another.

    Long elementwise runs are in blocks of rows, unless `blocks` says that every statement is to
    stay on whole arrays: the bits are the same.
    """
    workers = _count_workers(graph, sizes, cores)
    if workers < 2:
        return None
    division = divide(graph, sizes, layout, workers)
    if division is None:
        return None
    rest = plan(division.rest, sizes, layout)
    if blocks:
        rest = in_bands(rest, division.rest, sizes, cores)
    cuts = _cut(sizes[division.symbol], workers)
    planned = list(_plan_workers(division, sizes, layout, cuts, blocks))
    return _calling(rest, cuts, planned)


def _count_workers(graph: Graph, sizes: Mapping[str, int], cores: int) -> int:
    """How many workers a step's kernels are large enough for, those of the update left out."""
    if cores < 2 or not graph.writes:
        return 1
    found = [
        _count_elements(graph, node, sizes)
        for node in graph.nodes
        if node.op.kernel is not None and node.op.view is None
        if node.sweep != "update" and not node.type.weak
    ]
    return min(cores, isqrt(sum(found) // (PAYS * max(1, len(found)))))


def _count_elements(graph: Graph, node: Node, sizes: Mapping[str, int]) -> int:
    """The elements that a kernel computes, or that take as long as its product."""
    flops, _ = work(graph, node, sizes)
    return evaluate(node.type.size, sizes) + flops // (2 * PER_ELEMENT)


# --- the workers --------------------------------------------------------------------------------


def _cut(rows: int, workers: int) -> list[tuple[int, int]]:
    """The first row of each worker's part, and the one behind its last."""
    ends = [rows * worker // workers for worker in range(workers + 1)]
    return list(pairwise(ends))


def _plan_workers(
    division: Division,
    sizes: Mapping[str, int],
    layout: Layout,
    cuts: Sequence[tuple[int, int]],
    blocks: bool,
) -> Iterator[Schedule]:
    """The schedule of each worker; parts of as many rows are planned once."""
    made: dict[int, Schedule] = {}
    for worker, (first, last) in enumerate(cuts):
        rows = last - first
        if rows not in made:
            own = {**sizes, division.symbol: rows}
            planned = plan(division.rows, own, layout)
            made[rows] = in_bands(planned, division.rows, own, 1) if blocks else planned
        yield _for_worker(made[rows], worker)


def _for_worker(schedule: Schedule, worker: int) -> Schedule:
    """A schedule that writes into the first worker's arrays, for another one."""
    arrays = {part_array(0, dtype): part_array(worker, dtype) for dtype in DType}
    regions = {
        name: replace(region, array=arrays.get(region.array, region.array))
        for name, region in schedule.regions.items()
    }
    return replace(schedule, regions=regions)


# --- the schedule that calls them ---------------------------------------------------------------


def _calling(
    rest: Schedule, cuts: Sequence[tuple[int, int]], workers: Sequence[Schedule]
) -> Schedule:
    """The schedule with a first step that hands every worker its rows of what is fed.

    Workers and rest compute in the same memory: none of it lives from the ones to the other.
    """
    calls = [
        _call(rest, worker, cut, number)
        for number, (worker, cut) in enumerate(zip(workers, cuts, strict=True))
    ]
    step = Step(WORKERS, (f"side_by_side(({', '.join(calls)}))",))
    slots = {
        name: replace(slot, start=slot.start + 1, end=slot.end + 1)
        for name, slot in rest.slots.items()
    }
    return replace(
        rest,
        steps=(step, *rest.steps),
        slots=slots,
        arena_bytes=max(rest.arena_bytes, stretches(workers)[-1]),
        naive_bytes=rest.naive_bytes + sum(w.naive_bytes for w in workers),
        notes={**rest.notes, WORKERS: "each worker its rows of the batch"},
        workers=tuple(workers),
        cuts=tuple(cuts),
    )


def _call(rest: Schedule, worker: Schedule, cut: tuple[int, int], number: int) -> str:
    """A worker's program and what it is called with, as a tuple; an input whose rows it does not
    have whole in its own schedule is cut."""
    whole = {name: (type, variable) for name, type, variable in rest.inputs}
    given = []
    for name, type, _ in worker.inputs:
        fed, variable = whole[name]
        given.append(variable if type == fed else f"{variable}[{cut[0]}:{cut[1]}]")
    return f"({', '.join([f'worker_{number}', *given, *CLOCK])})"
