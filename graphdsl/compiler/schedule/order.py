"""The order in which nodes run: what keeps the fewest bytes alive at once, of a few candidates.

Nodes are made in an order that is good already: forward, then backward, each cotangent when it is
due. Two changes are tried, alone and together, and kept where the peak falls: a node whose result
is larger than what it frees waits for its first reader, and a node that frees more than it makes
runs as soon as its operands are there (weight gradients, sums of penalties). Each takes time in
proportion to the edges.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from graphdsl.graph.graph import Graph

LEAST_GAIN = 1 / 50
"""Of the peak: below it nodes stay as they were made, which is easier to read."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What nodes need of the arena, each by its id."""

    nbytes: Sequence[int]
    """Of the result; 0 for a view, and for what has a place of its own."""
    scratch: Sequence[int]
    base: Sequence[int]
    """The node whose memory a node lies in: itself, unless it is a view."""
    kept: Collection[int]
    """Bases that are read when everything has run."""


def choose_order(graph: Graph, needs: Needs) -> Sequence[int]:
    """The ids of the nodes in the order that needs the least memory at once."""
    sorter = _Sorter(graph, needs)
    best: Sequence[int] = range(len(graph.nodes))
    least = sorter.peak(best) * (1 - LEAST_GAIN)
    for wait, hurry in ((True, True), (True, False), (False, True)):
        order = sorter.arrange(wait, hurry)
        peak = sorter.peak(order)
        if peak < least:
            best, least = order, peak
    return best


def find_peak(graph: Graph, needs: Needs) -> int:
    """About the most bytes that live at once where nodes run as they were made."""
    return _Sorter(graph, needs).peak(range(len(graph.nodes)))


class _Sorter:
    """A graph, and which node reads whose memory."""

    def __init__(self, graph: Graph, needs: Needs) -> None:
        self.graph = graph
        self.needs = needs
        base, nodes = needs.base, graph.nodes
        self.reads = [
            () if base[n.id] != n.id else tuple(dict.fromkeys(base[o] for o in n.operands))
            for n in nodes
        ]
        self.readers: list[list[int]] = [[] for _ in nodes]
        for node in nodes:
            for read in self.reads[node.id]:
                self.readers[read].append(node.id)
        self.values = {write.value for write in graph.writes}

    def peak(self, order: Sequence[int]) -> int:
        """The most bytes that live at once."""
        nbytes, kept = self.needs.nbytes, self.needs.kept
        left = [len(readers) for readers in self.readers]
        now = top = 0
        for id in order:
            taken = self._takes_over(id, left)
            top = max(top, now + self.needs.scratch[id] + (0 if taken else nbytes[id]))
            now += nbytes[id] if left[id] or id in kept else 0
            for read in self.reads[id]:
                left[read] -= 1
                if not left[read] and read not in kept:
                    now -= nbytes[read]
        return top

    def _takes_over(self, id: int, left: Sequence[int]) -> bool:
        """Whether the result is written over an operand that nothing else needs."""
        node, nbytes = self.graph.nodes[id], self.needs.nbytes
        return bool(node.op.inplace and nbytes[id]) and any(
            nbytes[o] == nbytes[id] and left[o] == 1 and o not in self.needs.kept
            for o in node.operands
        )

    def arrange(self, wait: bool, hurry: bool) -> list[int]:
        """An order in which large results wait for their readers, or what frees hurries."""
        return _Arrangement(self, self._waiting() if wait else set(), hurry).run()

    def _waiting(self) -> set[int]:
        """The nodes that wait for their first reader: views, and what is larger than all that
        dies with it. Written values don't, since nothing may pass the place they are written."""
        needs, found = self.needs, set()
        for node in self.graph.nodes:
            id, reads = node.id, self.reads[node.id]
            freed = sum(needs.nbytes[r] for r in reads if self.readers[r][-1] == id)
            view = needs.base[id] != id
            if (view or needs.nbytes[id] > freed) and id not in self.values:
                found.add(id)
        return found


class _Arrangement:
    """One order while it is made."""

    def __init__(self, sorter: _Sorter, waiting: set[int], hurry: bool) -> None:
        self.sorter = sorter
        self.nodes = sorter.graph.nodes
        self.waiting = waiting
        self.hurry = hurry
        self.order: list[int] = []
        self.done = [False] * len(self.nodes)
        self.left = [len(readers) for readers in sorter.readers]

    def run(self) -> list[int]:
        """All ids; a written value comes after everything that was made before it, since a
        reader of what it replaces may be among that."""
        held: list[int] = []
        for node in self.nodes:
            if node.id in self.sorter.values:
                self._add_all(held)
                held = []
            if node.id in self.waiting:
                held.append(node.id)
            else:
                self._add(node.id)
        self._add_all(held)
        return self.order

    def _add_all(self, ids: Sequence[int]) -> None:
        for id in ids:
            self._add(id)

    def _add(self, id: int) -> None:
        """The node, after the operands that have waited for it and before what may hurry."""
        pending = [id]
        while pending:
            id = pending[-1]
            missing = [o for o in self.nodes[id].operands if not self.done[o]]
            if missing and not self.done[id]:
                pending += reversed(missing)
                continue
            pending.pop()
            if self.done[id]:
                continue
            self.done[id] = True
            self.order.append(id)
            for read in self.sorter.reads[id]:
                self.left[read] -= 1
            if self.hurry:
                pending += self._freeing(id)

    def _freeing(self, id: int) -> Iterator[int]:
        """What frees more than it makes, now that a node has run: its readers, and the last
        readers of what it has read."""
        readers = self.sorter.readers
        yield from (r for r in readers[id] if self._may_hurry(r))
        for read in self.sorter.reads[id]:
            if self.left[read] == 1 and self.sorter.needs.nbytes[read]:
                last = next(r for r in readers[read] if not self.done[r])
                if self._may_hurry(last):
                    yield last

    def _may_hurry(self, id: int) -> bool:
        needs, reads = self.sorter.needs, self.sorter.reads[id]
        if self.done[id] or id in self.sorter.values:
            return False
        freed = sum(needs.nbytes[r] for r in reads if self.left[r] == 1 and r not in needs.kept)
        if freed <= needs.nbytes[id]:
            return False
        return all(self.done[needs.base[o]] for o in self.nodes[id].operands)
