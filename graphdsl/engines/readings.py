"""What the readings of the clock in one program come to: seconds for each of its nodes.

The nodes of a long program are looked at in turn, so that a step of many small ones is not slowed
by its own measurement: after a few calls that time every node, each call times one stretch of them,
and the time of the other stretches as a whole. A node's share of its stretch is that of the calls
that looked at it; the time of a stretch is that of all calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from struct import pack_into

import numpy as np

from graphdsl.engines.work import work
from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.kernel import Array

START = -1
"""Stands for a node before the first: checks of what is fed, and what depends on the step alone."""

STRETCH = 96
"""Nodes of a stretch: with its readings and one for every other stretch, a step of a thousand
nodes has about a hundred."""
WHOLE_CALLS = 10
"""Calls that are counted and time every node, before stretches take turns."""


@dataclass(slots=True)
class Clock:
    """Where one program reads the clock: `nodes` has the node before each reading but the first."""

    nodes: list[int] = field(default_factory=list)
    inside: list[tuple[int, int]] = field(default_factory=list)
    """Of the nodes that run in blocks of rows, each with the first of its band, whose reading is
    that of the whole band: their own seconds are summed up block by block."""
    in_blocks: int = 0
    """Readings of one call in blocks of rows."""

    def edges(self) -> list[int]:
        """The readings between stretches, the first and the last among them."""
        return [*range(0, len(self.nodes), STRETCH), len(self.nodes)]


@dataclass(slots=True)
class Readings:
    """What one program was measured to take."""

    graph: Graph
    sizes: Mapping[str, int]
    clock: Clock
    calls: int = 0
    count: int = 0
    """Readings in all these calls."""
    took: list[float] = field(init=False)
    """What the program writes: the clock at each reading."""
    spent: list[float] = field(init=False)
    """What it adds to: the seconds of each node that runs in blocks."""
    looks: list[bool] = field(init=False)
    """What it asks: whether to time the nodes of a stretch."""
    _edges: list[int] = field(init=False)
    _times: Array = field(init=False)
    _stretches: Array = field(init=False)
    _nodes: Array = field(init=False)
    _inside: Array = field(init=False)
    _turn: int | None = None
    """The stretch that is looked at; None while all are."""

    def __post_init__(self) -> None:
        nodes = len(self.clock.nodes)
        self._edges = self.clock.edges()
        self.took, self._times = [0.0] * (nodes + 1), np.zeros(nodes + 1)
        self._nodes, self._stretches = np.zeros(nodes), np.zeros(len(self._edges) - 1)
        self._inside = np.zeros(len(self.clock.inside))
        self.looks = [True] * len(self._stretches)
        self.spent = [0.0] * len(self._inside)

    def add(self) -> None:
        """Count the call that has just ended. What this takes is the step's."""
        first, last = 0, len(self._nodes)
        if self._turn is not None:
            first, last = self._edges[self._turn], self._edges[self._turn + 1]
        self._nodes[first:last] += self._between(self.took[first : last + 1])
        self._stretches += self._between([self.took[edge] for edge in self._edges])
        self.count += last - first + 1 + self.clock.in_blocks
        if self._turn is not None:
            self.count += len(self.looks) - 1
        if self.spent:
            self._inside += self.spent
        self.calls += 1

    def _between(self, times: list[float]) -> Array:
        """The seconds from each reading to the next."""
        # A third of the time that NumPy takes to make an array of a list.
        pack_into(f"{len(times)}d", self._times.data, 0, *times)
        return self._times[1 : len(times)] - self._times[: len(times) - 1]

    def begin(self) -> None:
        """Begin another call; the one before may have been broken off."""
        if self.spent:
            self.spent[:] = [0.0] * len(self.spent)
        if len(self.looks) > 1 and self.calls >= WHOLE_CALLS:
            self.looks[:] = [False] * len(self.looks)
            self._turn = self.calls % len(self.looks)
            self.looks[self._turn] = True

    @property
    def seconds(self) -> float:
        """Of all calls together."""
        return float(self._stretches.sum())

    def costs(self) -> Iterator[tuple[Node, float, int, int]]:
        """(node, seconds, multiplications and additions, bytes) of all calls together."""
        for id, seconds in self._by_node().items():
            if self._is_node(id):
                node = self.graph.nodes[id]
                flops, nbytes = work(self.graph, node, self.sizes)
                yield node, seconds, self.calls * flops, self.calls * nbytes

    def elsewhere(self) -> float:
        """The seconds that no node has: the start, and values written back at the end."""
        return sum(took for id, took in self._by_node().items() if not self._is_node(id))

    def _by_node(self) -> dict[int, float]:
        """The seconds of each node in all calls, those of a band shared among its nodes as their
        blocks took them."""
        timed = np.add.reduceat(self._nodes, self._edges[:-1])
        whole = np.divide(self._stretches, timed, out=np.ones_like(timed), where=timed > 0)
        shares = self._nodes * np.repeat(whole, np.diff(self._edges))
        found: dict[int, float] = {}
        for id, seconds in zip(self.clock.nodes, shares.tolist(), strict=True):
            found[id] = found.get(id, 0.0) + seconds
        bands: dict[int, list[tuple[int, float]]] = {}
        for (first, id), seconds in zip(self.clock.inside, self._inside.tolist(), strict=True):
            bands.setdefault(first, []).append((id, seconds))
        for first, parts in bands.items():
            whole_band, total = found[first], sum(seconds for _, seconds in parts)
            found |= {id: whole_band * seconds / total for id, seconds in parts if total}
        return found

    def _is_node(self, id: int) -> bool:
        return 0 <= id < len(self.graph.nodes)
