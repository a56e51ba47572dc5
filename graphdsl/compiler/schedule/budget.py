"""A plan within a number of bytes: as it is where it fits, else with values computed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from graphdsl.compiler.schedule.order import find_peak
from graphdsl.compiler.schedule.planner import find_needs, plan
from graphdsl.compiler.schedule.recompute import Again, candidates, compute_again, find_cost
from graphdsl.compiler.schedule.values import Schedule
from graphdsl.graph.graph import Graph
from graphdsl.graph.layout import Layout
from graphdsl.graph.sizes import told
from graphdsl.language.diagnostics import DataError, Diagnostic

TRIED = 4
"""Plans that are made for sets that should fit; and for those that come nearest, if none does."""


Measure = Callable[[Schedule, Graph], int]
"""The bytes of the arena that an engine needs for a schedule."""


def arena_bytes(schedule: Schedule, _: Graph) -> int:
    """Those of the schedule as it is planned."""
    return schedule.arena_bytes


def plan_within(
    graph: Graph,
    sizes: Mapping[str, int],
    layout: Layout,
    budget: int | None,
    measure: Measure = arena_bytes,
) -> Schedule:
    """The schedule whose arena takes at most `budget` bytes, with the least computed again.

    Parameters, gradients and optimizer states are not in the arena. Raises `DataError` with the
    numbers where no plan fits, and where an op refuses these sizes.
    """
    whole = plan(graph, sizes, layout)
    if budget is None or (needed := measure(whole, graph)) <= budget:
        return whole
    least, more = needed, max(0, needed - whole.arena_bytes)
    for again in _tries(graph, sizes, layout, budget - more):
        made = _renamed(plan(again.graph, sizes, layout, 0), again, len(graph.nodes))
        if (taken := measure(made, graph)) <= budget:
            return made
        least = min(least, taken)
    raise _refused(needed, least, budget, sizes)


def _tries(graph: Graph, sizes: Mapping[str, int], layout: Layout, budget: int) -> Iterator[Again]:
    """Graphs with something computed again: those that should fit, the cheapest first, then
    those that come nearest."""
    needs, types = find_needs(graph, sizes, layout)
    found: list[tuple[int, float, Again]] = []
    for dropped in dict.fromkeys(candidates(graph, needs)):
        again = compute_again(graph, needs, dropped)
        peak = find_peak(again.graph, again.needs(needs))
        found.append((peak, find_cost(types, graph, again), again))
    fitting = sorted((f for f in found if f[0] <= budget), key=lambda f: f[1])
    rest = sorted((f for f in found if f[0] > budget), key=lambda f: f[0])
    yield from (again for _, _, again in (*fitting[:TRIED], *rest[:TRIED]))


def _renamed(schedule: Schedule, again: Again, end: int) -> Schedule:
    """The schedule in terms of the nodes of the graph that was asked for."""
    stands_for = (*again.stands_for, end)
    return replace(
        schedule,
        steps=tuple(replace(step, node=stands_for[step.node]) for step in schedule.steps),
        notes={stands_for[id]: note for id, note in schedule.notes.items()},
        variables={stands_for[id]: name for id, name in reversed(list(schedule.variables.items()))},
    )


def _refused(needed: int, least: int, budget: int, sizes: Mapping[str, int]) -> DataError:
    message = (
        f"what is computed at once takes {needed:,} bytes, and {least:,} with values computed "
        f"again; {budget:,} are allowed"
    )
    help = (
        *((f"with {told(sizes)}",) if sizes else ()),
        f"allow memory = {least} or more, or take smaller batches",
    )
    return DataError(Diagnostic("E0818", message, (), help))
