"""Which nodes are the network: a graph comes in; what is fed, what comes out, what is between.

Labels, the loss, penalties, metrics and derivatives are no part of it. Where a file declares
outputs, they are its results; else what the loss compares with its labels, or with an input, is.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.sizes import symbols
from graphdsl.graph.types import leading_symbol


@dataclass(frozen=True, slots=True)
class Extent:
    """The nodes of a network."""

    inputs: tuple[int, ...]
    ends: tuple[int, ...]
    live: frozenset[int]
    """What depends on an input and leads to an end."""


def find_extent(graph: Graph) -> Extent:
    """The network's nodes; no ends where nothing that is computed depends on an input."""
    derived = graph.depending(node.id for node in graph.nodes if node.sweep == "reverse")
    fed = graph.depending(graph.inputs) - derived
    labels = _labels(graph, fed)
    judged = graph.depending(labels)
    ends = _outputs(graph, fed - judged) or _compared(graph, fed, judged)
    if not ends and labels:  # nothing is weighed: what looked like labels is all there is
        ends = _outputs(graph, fed) or _compared(graph, fed, set())
    reaching = graph.reaching(ends)
    live = frozenset(fed & reaching)
    return Extent(tuple(id for id in graph.inputs if id in live), tuple(sorted(ends)), live)


def find_rows(graph: Graph) -> str | None:
    """The symbol that counts rows: the first size of an input, else any that is one."""
    types = [graph.nodes[id].type for id in graph.inputs]
    named = (name for type in types for size in type.shape for name in symbols(size))
    return leading_symbol(types) or next(named, None)


def _labels(graph: Graph, fed: set[int]) -> list[int]:
    """The inputs that no parameter ever weighs, where others are weighed."""
    learned = graph.depending(variable.node for variable in graph.params) - fed
    weighing = [n for n in graph.nodes if _weighs(n, fed, learned)]
    weighed = graph.reaching(id for node in weighing for id in node.operands if id in fed)
    return [id for id in graph.inputs if id not in weighed] if weighing else []


def _weighs(node: Node, fed: set[int], learned: set[int]) -> bool:
    """Whether a parameter meets data in a node, and leaves it more than one number."""
    operands = set(node.operands)
    return bool(node.type.rank and operands & fed and operands & learned)


def _outputs(graph: Graph, among: set[int]) -> set[int]:
    return {r.node for r in graph.results if r.role == "output" and r.node in among}


def _compared(graph: Graph, fed: set[int], judged: set[int]) -> set[int]:
    """What the loss compares with labels; without labels, what it is the mean of."""
    if graph.loss is None:
        return set()
    losing = graph.reaching([graph.loss.node]) & fed
    compared = {
        operand
        for id in losing & judged
        for operand in graph.nodes[id].operands
        if operand in fed and operand not in judged
    }
    if compared:
        return compared
    return _rebuilt(graph, losing, fed, graph.loss.node) or _summed(graph, losing, graph.loss.node)


def _rebuilt(graph: Graph, losing: set[int], fed: set[int], loss: int) -> set[int]:
    """What the loss compares with an input that it is computed from."""
    learned = graph.depending(variable.node for variable in graph.params) - fed
    weighed = graph.depending(n.id for n in graph.nodes if _weighs(n, fed, learned))
    data = {loss}
    while len(data) == 1:
        data = {id for id in graph.nodes[data.pop()].operands if id in losing}
    found = data & weighed
    return found if found != data else set()


def _summed(graph: Graph, losing: set[int], loss: int) -> set[int]:
    """The nearest nodes before the loss that have one value for each example, or more."""
    seen, pending = {loss}, [loss]
    while pending:
        node = graph.nodes[pending.pop()]
        if not node.type.rank:
            near = {id for id in node.operands if id in losing} - seen
            seen |= near
            pending += near
    return {id for id in seen if graph.nodes[id].type.rank}
