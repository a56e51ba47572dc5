"""What enters each box of a drawing: a folding and a reverse lane come in, edges go out.

Where one turn stands for many, what it gets from the turn before enters by a box of its own, the
carried value: its first comes from outside the loop, the next from the end of the turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphdsl.views.drawing.folding import Folding
from graphdsl.views.drawing.groups import Group
from graphdsl.views.drawing.lane import Edge, Lane
from graphdsl.views.drawing.names import Names
from graphdsl.views.drawing.scene import Entry

SWEEP = "reverse"
"""The id of the box that stands for the whole reverse sweep."""

NEXT = "next "
"""What is said before the cotangent that a turn gets from the one after it."""


@dataclass(slots=True)
class Carried:
    """The value that a turn gets from the one before, in the drawing of one turn for all."""

    id: str
    turn: Group
    source: int
    """What the first turn has."""
    node: int
    """What the turn makes of it, for the next."""
    before: str
    """The box that the first turn has it from."""
    pulled: bool = False


class Edges:
    """The edges of a drawing. `entering` has those of every box, by its id."""

    def __init__(self, folding: Folding, names: Names, lane: Lane) -> None:
        self.folding, self.names, self.lane = folding, names, lane
        self.drawn, self.tree = folding.drawn, folding.tree
        self.entering: dict[str, tuple[Entry, ...]] = {}
        self.carried: dict[str, dict[Edge, Carried]] = {}
        """By turn, and in it by what comes in first and what is handed on."""
        self._handed: dict[str, list[tuple[int, str]]] = {}
        """What goes back to each box, and how far from the result it comes from."""
        self._seen: set[Edge] = set()
        for group in self._open(self.tree.root):
            for id in group.nodes:
                self.entering[f"n{id}"] = tuple(self._node(id))
            for inner in group.inside:
                if inner.id in folding.closed:
                    self.entering[inner.id] = tuple(self._closed(inner))
        for carried in [one for found in self.carried.values() for one in found.values()]:
            self.entering[carried.id] = tuple(self._into_turn(carried))
        self._add_hidden()

    def terms(self, box: str) -> list[str]:
        """What goes back to a box, from what is nearest to the result first, as in a trace."""
        handed = sorted(reversed(self._handed.get(box, [])), key=lambda pair: pair[0])
        return [term for _, term in handed] or ["0"]

    def box(self, id: int) -> str:
        """The id of the box that stands for a node."""
        place = self.folding.place(id)
        return place.id if isinstance(place, Group) else f"n{place}"

    def cuts(self, id: int) -> Iterator[tuple[str, int]]:
        """The operands of a node that are not drawn: what stands for each, and its node."""
        for position, source in self.drawn.operands(id):
            if source not in self.drawn.shown and source not in self.drawn.gradients:
                yield f"x{id}-{position}", source

    def _open(self, group: Group) -> Iterator[Group]:
        """The groups whose parts are drawn, the file first."""
        yield group
        for inner in group.inside:
            if inner.id in self.folding.closed:
                continue
            if inner.id in self.folding.turned:
                for run in self.folding.runs(inner):
                    yield from self._open(run.turns[0])
            else:
                yield from self._open(inner)

    def _node(self, id: int) -> Iterator[Entry]:
        """What enters a node's box; nodes that one box stands for enter once."""
        first: dict[str, int] = {}
        for position, source in self.drawn.operands(id):
            entry, term = self._entry(id, position, source, self.tree.home[id])
            if first.setdefault(entry.source, source) == source:
                self._hand_back(entry, self._distance(id), term)
                yield entry

    def _closed(self, group: Group) -> Iterator[Entry]:
        """What enters a group that is one box, from each other box once."""
        found: dict[str, Entry] = {}
        for id in group.members():
            for position, source in self.drawn.operands(id):
                if source in self.drawn.shown and self.box(source) == group.id:
                    self._seen.add((id, position))
                    continue
                entry, _ = self._entry(id, position, source, group)
                before = found.get(entry.source)
                if before is None or (entry.pulled and not before.pulled):
                    found[entry.source] = entry
        for entry in found.values():
            self._hand_back(entry, self._distance(group.members()[-1]), f"∂{group.title}")
            yield entry

    def _entry(self, id: int, position: int, source: int, at: Group) -> tuple[Entry, str]:
        """The edge that enters at a position of a node that is drawn in the group `at`, and what
        goes back along it."""
        if source in self.drawn.gradients:
            return self._gradient(self.drawn.gradients[source]), ""
        if source not in self.drawn.shown:
            return Entry(f"x{id}-{position}"), ""
        self._seen.add((id, position))
        passed = list(self._passed(at, id, position, source))
        # a first turn that begins with a constant hands nothing back, and those behind it do
        edges = [((id, position), source), *((again, one.node) for one, again in passed)]
        term = next((self._term(edge) for edge, operand in edges if self._goes(edge, operand)), "")
        for one, _ in passed:
            one.pulled |= bool(term)
        if passed:
            return Entry(passed[0][0].id, bool(term)), term
        straight = bool(self.drawn.graph.nodes[source].operands)
        return Entry(self.box(source), bool(term), straight), term

    def _goes(self, edge: Edge, operand: int) -> bool:
        """Whether a cotangent goes back along an edge."""
        return edge in self.lane.terms and operand in self.lane.cotangents

    def _term(self, edge: Edge) -> str:
        """What goes back along an edge, in the names of the drawing."""
        return self.names.formula(self.lane.terms[edge])

    def _gradient(self, parameter: int) -> Entry:
        """What an update gets of a parameter's cotangent: from beside its box, or from the one box
        that the reverse sweep is where it is not drawn."""
        if parameter not in self.lane.cotangents or parameter not in self.drawn.shown:
            return Entry(SWEEP)
        return Entry(self.box(parameter), straight=False, of_cotangent=True)

    def _hand_back(self, entry: Entry, distance: int, term: str) -> None:
        if entry.pulled and term:
            self._handed.setdefault(entry.source, []).append((distance, term))

    def _distance(self, id: int) -> int:
        return self.lane.distances.get(id, 0)

    def _add_hidden(self) -> None:
        """What goes back to a box from nodes that are not drawn is a part of the sum too."""
        nodes, shown = self.drawn.graph.nodes, self.drawn.shown
        read = {operand for id in shown for operand in nodes[id].operands}
        for id in shown:
            for edge in self.lane.edges.get(id, ()):
                if edge not in self._seen and edge[0] not in read and edge[0] not in shown:
                    handed = self._handed.setdefault(self.box(id), [])
                    handed.append((self._distance(edge[0]), self._term(edge)))

    def _passed(
        self, at: Group, id: int, position: int, source: int
    ) -> Iterator[tuple[Carried, Edge]]:
        """The carried values that an operand is, from the inside out, each with the edge along
        which the second turn has it; none if it is none."""
        inner: Carried | None = None
        for turn in reversed(at.path()):
            if turn.kind != "turn" or not self.names.stands_for_many(turn):
                continue
            reader = self.folding.run(turn).second[id]
            later = dict(self.drawn.operands(reader))[position]
            if later not in self.tree.home or turn not in self.tree.home[later].path():
                continue
            known = self.carried.setdefault(turn.id, {})
            made = Carried(f"{turn.id}-{source}-{later}", turn, source, later, self.box(source))
            outer = known.setdefault((source, later), made)
            if inner is not None:
                inner.before = outer.id
            inner = outer
            yield outer, (reader, position)

    def _into_turn(self, carried: Carried) -> Iterator[Entry]:
        """What enters the box of a carried value: its first, and what the turn makes of it."""
        name = self.names.of_cotangent(carried.node, carried.turn)
        for source, again in ((carried.before, False), (self.box(carried.node), True)):
            entry = Entry(source, carried.pulled, carried=again)
            # what the next turn hands back stands first: every turn but the last has it
            self._hand_back(entry, 0, f"{NEXT}{name}" if again else name)
            yield entry
