"""Which nodes have a box, and where the edges that enter it come from: a graph comes in.

What is named, or reaches what is, has a box. A number has none: it is part of the function that
reads it; nor has a conversion that nobody wrote: it is passed over.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from graphdsl.graph.graph import Graph, Node
from graphdsl.views import labels
from graphdsl.views.drawing.update import Update


@dataclass(frozen=True, slots=True)
class Drawn:
    """The part of a graph that is drawn."""

    graph: Graph
    named: Mapping[int, tuple[str, ...]]
    """The names of those nodes that have some, as they stand beside their boxes."""
    shown: Mapping[int, None]
    """The nodes that have a box, in order."""
    same: Mapping[int, int] = field(default_factory=dict)
    """The nodes that are drawn as another, which holds the same."""
    gradients: Mapping[int, int] = field(default_factory=dict)
    """The nodes of a reverse sweep that stand for the cotangents of parameters, and of which."""

    def operands(self, id: int) -> list[tuple[int, int]]:
        """What enters a box, from left to right: the operand's position and the box it is from."""
        sources = ((k, self.source(o)) for k, o in enumerate(self.graph.nodes[id].operands))
        return [(k, source) for k, source in sources if not self.is_bare(source)]

    def function(self, id: int) -> str:
        """The function of a node, the numbers that it reads written in."""
        node = self.graph.nodes[id]
        numbers = {
            position: labels.number_text(self.graph.nodes[self.source(operand)])
            for position, operand in enumerate(node.operands)
            if self._is_folded_in(self.source(operand))
        }
        return labels.function_text(node, numbers)

    def source(self, id: int) -> int:
        """The node that an operand is drawn from, conversions without a box passed over."""
        while self.is_bare(id) and self.graph.nodes[id].operands:
            (id,) = self.graph.nodes[id].operands
        return self.same.get(id, id)

    def _is_folded_in(self, id: int) -> bool:
        return labels.is_number(self.graph.nodes[id]) and self.is_bare(id)

    def is_bare(self, id: int) -> bool:
        """Whether a node has no box of its own wherever it is read."""
        return id not in self.gradients and is_bare(self.graph.nodes[id], self.named)


def find_drawn(update: Update) -> Drawn:
    """What is drawn of a graph: what its results, its writes and its names depend on."""
    graph = update.graph
    named = labels.names(graph, update.names)
    roots = [*named, *(r.node for r in graph.results), *(w.value for w in graph.writes)]
    wanted = graph.reaching(roots) - update.hidden - update.same.keys()
    shown = (n.id for n in graph.nodes if n.id in wanted and not is_bare(n, named))
    return Drawn(graph, named, dict.fromkeys(shown), update.same, update.gradients)


def is_bare(node: Node, named: Collection[int]) -> bool:
    """Whether a node has no box of its own wherever it is read."""
    return node.id not in named and (labels.is_number(node) or labels.is_silent(node))
