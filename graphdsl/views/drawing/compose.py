"""From nodes to a scene: what is drawn, how it is folded and what is noted come in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

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
    valued: bool = False
    """Whether values are among the notes."""


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
            note = self._whose(runs[0])
            return Cluster(loop.id, loop.title, f"×{len(runs[0])}", parts, loop.name, note)
        return Cluster(loop.id, loop.title, "", tuple(map(self._run, runs)), loop.name)

    def _run(self, run: Run) -> Cluster:
        first, last = run.turns[0], run.turns[-1]
        several = first is not last
        title = f"{first.title} to {last.title.split()[-1]}" if several else first.title
        count = f"×{len(run)}" if several else ""
        return Cluster(first.id, title, count, self._parts(first), first.name, self._whose(run))

    def _whose(self, run: Run) -> str:
        """Which turn the values are of, where one is drawn for several."""
        return f"values of {run.turns[0].title}" if self.noted.valued and len(run) > 1 else ""

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
        return Box(
            group.id,
            f"{group.title}{turns}",
            ", ".join(names),
            results[0] if results else "block",
            self.edges.entering[group.id],
            self._describe(group, members),
            tuple(self._notes(handed or members[-1:], group)),
            self._cotangent_of_group(group, given),
        )

    def _notes(self, handed: list[int], group: Group) -> Iterator[str]:
        """What is noted of the results of a group, after their names where there are several."""
        for id in handed:
            first, *more = self.noted.notes.get(id, ("",))
            name = f"{self.names.of(id, group.parent)} " if len(handed) > 1 and first else ""
            yield from (line for line in (f"{name}{first}", *more) if line)

    def _cotangent_of_group(self, group: Group, given: list[int]) -> Cotangent | None:
        """What goes back to a group: the cotangent of what it gives; of several the parts alone,
        which are no sum."""
        pulled = [id for id in given if id in self.noted.lane.cotangents]
        if len(pulled) > 1:
            return Cotangent("", tuple(self.edges.terms(group.id)))
        return self._cotangent(group.id, pulled[0], group.parent) if pulled else None

    def _carried(self, carried: Carried) -> Box:
        name, entering = self.names.of(carried.node, carried.turn), self.edges.entering[carried.id]
        tooltip = f"{name}: from outside in the first turn, then from the turn before"
        notes = self.noted.notes.get(carried.source, ())
        cotangent = self._cotangent(carried.id, carried.node, carried.turn)
        if cotangent is not None:
            cotangent = replace(cotangent, notes=self._handed_out(carried))
        shown = cotangent if carried.pulled else None
        return Box(carried.id, "carried", name, "carried", entering, tooltip, notes, shown)

    def _handed_out(self, carried: Carried) -> tuple[str, ...]:
        """What is noted of the cotangent that the first turn hands out: the whole of what its
        operand gets, or no value where others hand back to that too."""
        lane, inside = self.noted.lane, set(carried.turn.members())
        if not self.noted.valued:
            return lane.notes.get(carried.node, ())
        alone = all(reader in inside for reader, _ in lane.edges.get(carried.source, ()))
        return lane.notes.get(carried.source, ()) if alone else ()

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
