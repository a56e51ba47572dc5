"""From the graph to its layers: the forward graph comes in, the layers of a network go out."""

from __future__ import annotations

from collections.abc import Collection

from graphdsl.graph.graph import Graph, Node
from graphdsl.views.network.assemble import Assembler
from graphdsl.views.network.calls import (
    Call,
    calls_around,
    find_call,
    find_owners,
    refuse,
    refuse_all,
)
from graphdsl.views.network.extent import Extent, find_extent, find_rows
from graphdsl.views.network.layers import Layer
from graphdsl.views.network.reading import Reading, Unreadable, read_node, sources_of


def recognise(graph: Graph, normalisation: bool = True) -> tuple[Layer, ...]:
    """The layers of a network, each behind those it is computed from.

    What is no layer is drawn as the call that it stands in. Raises `ModelError` for a node that
    stands in none.
    """
    extent = find_extent(graph)
    if not extent.ends:
        raise refuse_all(_why_nothing(graph))
    rows = find_rows(graph)
    owners, boxed = find_owners(graph), frozenset[Call]()
    while True:
        readings = _read(graph, extent, rows, owners, boxed)
        closed = [
            _call_of(graph, owners, graph.nodes[id], reading.why)
            for id, reading in sorted(readings.items())
            if isinstance(reading, Unreadable)
        ]
        if not closed:
            return Assembler(graph, extent, rows, normalisation).read(readings, boxed)
        boxed |= frozenset(closed)


def _why_nothing(graph: Graph) -> str:
    """Why a model has no end of a network."""
    fed = graph.depending(graph.inputs)
    if any(result.node in fed for result in graph.results if result.role == "output"):
        return "what its outputs say of an input are derivatives, which are no part of a network"
    return "no output of this model depends on an input, and its loss compares nothing that does"


def _read(
    graph: Graph,
    extent: Extent,
    rows: str | None,
    owners: Collection[str],
    boxed: frozenset[Call],
) -> dict[int, Reading | None]:
    """How each node is read that an end needs: not those inside of a function that is written as
    several. None for what is fed, and for what is inside of calls that are drawn as one."""
    found: dict[int, Reading | None] = {}
    needed = set(extent.ends)
    for id in sorted(extent.live, reverse=True):
        node = graph.nodes[id]
        if id not in needed:
            continue
        if id in extent.inputs or not boxed.isdisjoint(calls_around(node)):
            found[id] = None
            needed.update(operand for operand in node.operands if operand in extent.live)
        else:
            reading = read_node(graph, node, extent.live, rows)
            if isinstance(reading, Unreadable) and find_call(owners, node) is None:
                reading = reading.alone or reading
            found[id] = reading
            needed.update(sources_of(reading))
    return found


def _call_of(graph: Graph, owners: Collection[str], node: Node, why: str) -> Call:
    call = find_call(owners, node)
    if call is None:
        raise refuse(graph, node, why)
    return call
