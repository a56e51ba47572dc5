"""From nodes to a scene: what is drawn, how it is folded and what is noted come in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from graphdsl.views import labels
from graphdsl.views.drawing.edges import SWEEP, Carried, Edges
from graphdsl.views.drawing.folding import Folding
from graphdsl.views.drawing.groups import Group
from graphdsl.views.drawing.lane import NO_LANE, Lane
from graphdsl.views.drawing.names import Names
from graphdsl.views.drawing.scene import Box, Cluster, Cotangent, Entry
from graphdsl.views.drawing.turns import Run
from graphdsl.views.labels import MINUS
from graphdsl.views.trace.formula import signed

WORDS = {"frozen": "param"}
"""What is written in the box of a leaf; its role unless another word stands here."""

LEAVES = ("input", "param", "frozen", "state")


@dataclass(frozen=True, slots=True)
class Noted:
    """What is said of nodes besides their functions."""

    roles: Mapping[int, str]
    docs: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    lane: Lane = NO_LANE


class Composer:
    """Makes the parts of a scene."""

    def __init__(self, folding: Folding, noted: Noted) -> None:
        self.folding, self.noted = folding, noted
        self.drawn, self.tree = folding.drawn, folding.tree
        self.names = Names(folding, noted.lane)
        self.edges = Edges(folding, self.names, noted.lane)

    def parts(self) -> tuple[Box | Cluster, ...]:
        """The boxes and clusters of the file."""
        entries = (entry for found in self.edges.entering.values() for entry in found)
        swept = any(entry.source == SWEEP for entry in entries)
        return (*self._parts(self.tree.root), *([self._sweep()] if swept else []))

    def _parts(self, group: Group) -> tuple[Box | Cluster, ...]:
        """What stands in a group, in the order of computation."""
        found: list[tuple[int, Box | Cluster]] = []
        for id in group.nodes:
            found += [(id, self._cut(*cut)) for cut in self.edges.cuts(id)]
            found.append((id, self._box(id)))
        for inner in group.inside:
            found += [(inner.members()[0], part) for part in self._shown(inner)]
        found.sort(key=lambda pair: pair[0])
        carried = self.edges.carried.get(group.id, {}).values()
        return (*map(self._carried, carried), *(part for _, part in found))

    def _shown(self, group: Group) -> Iterator[Box | Cluster]:
        """A group as it is drawn: a box, a cluster, or what it holds if that is one box."""
        if group.id in self.folding.closed:
            yield self._closed(group)
        elif group.id in self.folding.turned:
            yield self._turned(group)
        else:
            parts = self._parts(group)
            if len(parts) == 1 and group.kind == "call":
                yield parts[0]
            else:
                yield Cluster(group.id, self.names.of_group(group), "", parts, group.name)

    def _turned(self, loop: Group) -> Cluster:
        """A loop with one turn of each run of turns."""
        runs = self.folding.runs(loop)
        if len(runs) == 1:
            parts = self._parts(runs[0].turns[0])
            return Cluster(loop.id, loop.title, f"×{len(runs[0])}", parts, loop.name)
        return Cluster(loop.id, loop.title, "", tuple(map(self._run, runs)), loop.name)

    def _run(self, run: Run) -> Cluster:
        first, last = run.turns[0], run.turns[-1]
        several = first is not last
        title = f"{first.title} to {last.title.split()[-1]}" if several else first.title
        count = f"×{len(run)}" if several else ""
        return Cluster(first.id, title, count, self._parts(first), first.name)

    def _box(self, id: int) -> Box:
        node, role = self.drawn.graph.nodes[id], self.noted.roles[id]
        return Box(
            f"n{id}",
            WORDS.get(role, role) if role in LEAVES else self.drawn.function(id),
            self.names.of(id),
            role,
            self.edges.entering[f"n{id}"],
            labels.describe(node, self.noted.docs.get(node.name or "")),
            self.noted.notes.get(id, ()),
            self._cotangent(f"n{id}", id),
        )

    def _closed(self, group: Group) -> Box:
        """A call, or a loop, that is one box."""
        members = group.members()
        inside = {source for id in members for _, source in self.drawn.operands(id)}
        outside = self._read_outside(group)
        given = [id for id in members if id in outside or id not in inside]
        handed = [id for id in given if self._is_handed_on(id, group)]
        names = [self.names.of(id, group.parent) for id in handed]
        results = [role for id in handed if (role := self.noted.roles[id]) in labels.RESULTS]
        turns = f" ×{len(group.inside)}" if group.kind == "loop" else ""
        last = handed[-1] if handed else members[-1]
        return Box(
            group.id,
            f"{group.title}{turns}",
            ", ".join(names),
            results[0] if results else "block",
            self.edges.entering[group.id],
            self._describe(group, members),
            self.noted.notes.get(last, ()),
            self._cotangent(group.id, last, group.parent),
        )

    def _carried(self, carried: Carried) -> Box:
        name, entering = self.names.of(carried.node, carried.turn), self.edges.entering[carried.id]
        cotangent = self._cotangent(carried.id, carried.node, carried.turn)
        tooltip = f"{name}: from outside in the first turn, then from the turn before"
        shown = cotangent if carried.pulled else None
        return Box(carried.id, "carried", name, "carried", entering, tooltip, (), shown)

    def _sweep(self) -> Box:
        """The reverse sweep as one box: it reads the loss, and what it hands on are gradients."""
        loss = self.drawn.graph.loss
        entering = () if loss is None else (Entry(self.edges.box(loss.node)),)
        return Box(SWEEP, "reverse sweep", "", "sweep", entering, "--grad draws it")

    def _cut(self, id: str, source: int) -> Box:
        """What stands for an operand that is not drawn."""
        node = self.drawn.graph.nodes[source]
        return Box(id, "…", "", "cut", (), labels.describe(node, None))

    def _read_outside(self, group: Group) -> set[int]:
        """What nodes outside a group read."""
        members = set(group.members())
        readers = (id for id in self.drawn.shown if id not in members)
        return {source for id in readers for _, source in self.drawn.operands(id)}

    def _is_handed_on(self, id: int, group: Group) -> bool:
        """Whether a node that a group gives has a name that is not the group's own."""
        owned = (f"{group.name}.", f"{group.name}[")
        names = self.drawn.named.get(id, ())
        if group.kind == "loop":
            return any(not name.startswith(owned) for name in names)
        return bool(names) and not any(name.startswith(owned) for name in names)

    def _describe(self, group: Group, members: list[int]) -> str:
        """What a pointer over a folded group shows."""
        nodes, leaves = self.drawn.graph.nodes, ("param", "frozen", "state")
        owned = [nodes[id] for id in members if self.noted.roles[id] in leaves]
        lines = [f"{group.name}: {group.title}", f"{len(members):,} boxes"]
        return "\n".join([*lines, *(f"{node.name}: {node.type}" for node in owned[:12])])

    def _cotangent(self, box: str, id: int, within: Group | None = None) -> Cotangent | None:
        """What stands beside the box of a node, or of a group that hands on that node."""
        lane = self.noted.lane
        if id not in lane.cotangents:
            return None
        terms = ["1"] if id == lane.of else self.edges.terms(box)
        name = self.names.of_cotangent(id, within)
        return Cotangent(name, tuple(signed(terms, MINUS)), lane.notes.get(id, ()))
