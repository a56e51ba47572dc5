"""Less memory for more work: what the reverse sweep reads is computed again, not kept.

A rewritten graph, what its nodes need, and a set of forward nodes to drop come in; a graph comes
out in which the reverse sweep reads copies of them, made where they are first read. A copy is the
same kernel on the same operands, so no bit changes; random nodes are always kept. Which sets are
worth a try, `candidates` says: all that is elementwise, and all between checkpoints (Chen et al.,
2016).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from graphdsl.compiler.schedule.order import Needs
from graphdsl.graph.build import relocated
from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.kernel import ArrayType

SEGMENTS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
"""Into how many parts the forward pass is cut; the best number is near the root of its length."""


@dataclass(frozen=True, slots=True)
class Again:
    """A graph in which something is computed twice, and the node that each of its nodes stands
    for in the graph it was made from."""

    graph: Graph
    stands_for: tuple[int, ...]

    def needs(self, needs: Needs) -> Needs:
        """What its nodes need, by what those of the graph before needed."""
        own = self.stands_for
        base = list(range(len(own)))
        for node in self.graph.nodes:
            old = own[node.id]
            if needs.base[old] != old:
                base[node.id] = base[node.operands[0]]
        kept = {base[r.node] for r in self.graph.results}
        firsts = {old: id for id, old in reversed(list(enumerate(own)))}
        return Needs(
            nbytes=[needs.nbytes[old] for old in own],
            scratch=[needs.scratch[old] for old in own],
            base=base,
            kept=kept | {firsts[old] for old in needs.kept},
        )


def compute_again(graph: Graph, needs: Needs, dropped: Collection[int]) -> Again:
    """The graph whose reverse and update sweeps read copies of `dropped` forward nodes."""
    return _Copier(graph, needs, dropped).run()


class _Copier:
    def __init__(self, graph: Graph, needs: Needs, dropped: Collection[int]) -> None:
        self.graph = graph
        self.dropped = dropped
        self.base = needs.base
        self.nodes: list[Node] = []
        self.stands_for: list[int] = []
        self.first: dict[int, int] = {}
        self.copies: dict[int, int] = {}

    def run(self) -> Again:
        """Every node once, copies before the first of their readers."""
        for node in self.graph.nodes:
            late = node.sweep != "forward"
            if late:
                self._copy_operands(node)
            operands = tuple(self._found(o, late) for o in node.operands)
            self.first[node.id] = self._add(node, operands)
        made = relocated(self.graph, self.nodes, self.first)
        return Again(made, tuple(self.stands_for))

    def _add(self, node: Node, operands: tuple[int, ...]) -> int:
        id = len(self.nodes)
        self.nodes.append(replace(node, id=id, operands=operands))
        self.stands_for.append(node.id)
        return id

    def _found(self, id: int, late: bool) -> int:
        return self.copies[id] if late and id in self.copies else self.first[id]

    def _is_dropped(self, id: int) -> bool:
        """Whether a node lies in memory that is given back, views among it."""
        return self.base[id] in self.dropped and self.graph.nodes[id].sweep == "forward"

    def _copy_operands(self, node: Node) -> None:
        pending = [o for o in node.operands if self._is_dropped(o) and o not in self.copies]
        while pending:
            id = pending[-1]
            operands = self.graph.nodes[id].operands
            missing = [o for o in operands if self._is_dropped(o) and o not in self.copies]
            if missing and id not in self.copies:
                pending += missing
                continue
            pending.pop()
            if id not in self.copies:
                found = tuple(self._found(o, True) for o in operands)
                self.copies[id] = self._add(self.graph.nodes[id], found)


def candidates(graph: Graph, needs: Needs) -> Iterator[frozenset[int]]:
    """Sets of forward nodes that may be dropped, each with no random node, no result and no
    written value among them."""
    free = _droppable(graph, needs)
    elementwise = {id for id in free if graph.nodes[id].op.elementwise}
    yield frozenset(elementwise)
    forward = [n.id for n in graph.nodes if n.sweep == "forward"]
    across = _bytes_across(graph, needs, forward)
    total = sum(needs.nbytes[id] for id in free)
    for count in SEGMENTS:
        cuts = _cuts(forward, needs, across, total / count)
        whole = _between(graph, needs, forward, cuts, free)
        yield frozenset(whole)
        # what comes last is read first: it is kept where that fits
        if cuts:
            last = set(forward[cuts[-1] + 1 :])
            yield frozenset(whole - last)


def find_cost(types: Sequence[ArrayType], graph: Graph, again: Again) -> float:
    """About how many operations the copies take."""
    seen: set[int] = set()
    cost = 0.0
    for old in again.stands_for:
        if old in seen:
            cost += _operations(graph.nodes[old], types)
        seen.add(old)
    return cost


def _operations(node: Node, types: Sequence[ArrayType]) -> float:
    """Of one node: what its op says, else one for each element of the largest tensor."""
    operands = [types[id] for id in node.operands]
    if node.op.flops is not None:
        return float(node.op.flops(types[node.id], *operands, **node.attributes()))
    return float(max(type.size for type in (types[node.id], *operands)))


def _droppable(graph: Graph, needs: Needs) -> set[int]:
    values = {w.value for w in graph.writes} | {id for pair in graph.gradients for id in pair}
    return {
        node.id
        for node in graph.nodes
        if node.sweep == "forward"
        and needs.nbytes[node.id]
        and not node.op.random
        and node.id not in values
        and node.id not in needs.kept
    }


def _bytes_across(graph: Graph, needs: Needs, forward: Sequence[int]) -> Mapping[int, int]:
    """Behind each forward node, the bytes made until then that later forward nodes read."""
    last = {id: id for id in forward}
    for id in forward:
        for operand in graph.nodes[id].operands:
            last[needs.base[operand]] = id
    ending: dict[int, int] = {}
    now, found = 0, {}
    for id in forward:
        now += needs.nbytes[id]
        ending[last[id]] = ending.get(last[id], 0) + needs.nbytes[id]
        now -= ending.pop(id, 0)
        found[id] = now
    return found


def _cuts(
    forward: Sequence[int], needs: Needs, across: Mapping[int, int], size: float
) -> list[int]:
    """Places in the forward pass, about `size` bytes apart, each where the fewest bytes cross in
    the half before it."""
    cuts: list[int] = []
    made, best = 0, None
    for place, id in enumerate(forward):
        made += needs.nbytes[id]
        if made >= size / 2 and (best is None or across[id] <= across[forward[best]]):
            best = place
        if made >= size and best is not None:
            cuts.append(best)
            made, best = 0, None
    return cuts


def _between(
    graph: Graph, needs: Needs, forward: Sequence[int], cuts: Sequence[int], free: set[int]
) -> set[int]:
    """What may be dropped and does not cross a cut."""
    segment, number = {}, 0
    for place, id in enumerate(forward):
        segment[id] = number
        number += place in cuts
    crossing = {
        needs.base[operand]
        for id in forward
        for operand in graph.nodes[id].operands
        if segment.get(needs.base[operand], number) != segment[id]
    }
    return free - crossing
