"""What of a drawing is folded: a tree of calls and loops comes in, the box that stands for each
node goes out.

A folded call is one box. A folded loop shows one turn for each run of turns that are alike. What is
asked for is folded; of a large drawing the loops fold by themselves, then the calls, from the
inside out, until it can be read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from graphdsl.language.diagnostics import Diagnostic, UsageError, did_you_mean
from graphdsl.views.drawing.groups import Group, Tree
from graphdsl.views.drawing.sources import Drawn
from graphdsl.views.drawing.turns import Run, find_runs

FEW = 200
"""Boxes that a drawing may have before it folds by itself."""

ALL = "all"


@dataclass(frozen=True, slots=True, eq=False)
class Folding:
    """The groups that are folded."""

    tree: Tree
    drawn: Drawn
    closed: frozenset[str] = frozenset()
    """Calls, and loops, that are one box, by id."""
    turned: frozenset[str] = frozenset()
    """Loops that show one turn of each run, by id."""
    _runs: dict[str, tuple[Run, ...]] = field(default_factory=dict)
    _places: dict[int, int | Group] = field(default_factory=dict)

    def place(self, id: int) -> int | Group:
        """The node whose box stands for a node, itself or its twin of another turn; or the group
        that is one box."""
        if id not in self._places:
            self._places[id] = self._find_place(id)
        return self._places[id]

    def runs(self, loop: Group) -> tuple[Run, ...]:
        """The runs of a loop's turns."""
        if loop.id not in self._runs:
            self._runs[loop.id] = find_runs(loop, self.tree, self.drawn)
        return self._runs[loop.id]

    def run(self, turn: Group) -> Run:
        """The run that a turn stands in."""
        assert turn.parent is not None
        return next(run for run in self.runs(turn.parent) if turn in run.turns)

    def count(self) -> int:
        """How many boxes are left."""
        return len({self._key(self.place(id)) for id in self.drawn.shown})

    def _find_place(self, id: int) -> int | Group:
        path = self.tree.home[id].path()
        for group in path:
            if group.id in self.closed:
                return group
            if group.kind == "loop" and group.id in self.turned:
                for run in self.runs(group):
                    if id in run.first:
                        return self.place(run.first[id])
        return id

    def _key(self, place: int | Group) -> int | str:
        return place.id if isinstance(place, Group) else place


def fold(
    tree: Tree, drawn: Drawn, collapse: Sequence[str] = (), expand: Sequence[str] = ()
) -> tuple[Folding, tuple[str, ...]]:
    """The folding that is asked for, and further as the size of the drawing demands; remarks say
    what was folded for that reason. Raises `UsageError` for a name that is no call's or loop's."""
    groups = [group for group in tree.root.walk() if group.kind in ("call", "loop")]
    wanted = _named(groups, collapse)
    kept = _named(groups, expand) - wanted
    asked = _folded(Folding(tree, drawn), (g for g in groups if g.id in wanted))
    found = asked
    for step in _steps(groups, kept):
        if found.count() <= FEW:
            break
        found = _folded(found, step)
    return found, _remarks(asked, found, groups)


def _named(groups: Sequence[Group], names: Sequence[str]) -> set[str]:
    """The ids of the groups of those names: of what a call binds, of a block, of what a loop
    carries."""
    known = {name for group in groups for name in _answers_to(group)}
    for name in names:
        if name != ALL and name not in known:
            help = did_you_mean(name, known) or _listed(sorted(known))
            message = f"nothing called '{name}' can be folded: no call, block or loop"
            raise UsageError(Diagnostic("E0851", message, (), help))
    return {g.id for g in groups if ALL in names or not _answers_to(g).isdisjoint(names)}


def _answers_to(group: Group) -> set[str]:
    return {group.name, group.title} if group.kind == "call" else {group.name}


def _listed(known: Sequence[str]) -> tuple[str, ...]:
    if not known:
        return ("the model has none",)
    return (f"there are: {', '.join(known[:12])}{', …' if len(known) > 12 else ''}",)


def _steps(groups: Sequence[Group], kept: Collection[str]) -> Iterator[list[Group]]:
    """What folds, step by step: all loops, then calls and loops from the inside out."""
    free = [group for group in groups if group.id not in kept]
    yield [group for group in free if group.kind == "loop"]
    depths = {group.id: len(group.path()) for group in free}
    for depth in sorted(set(depths.values()), reverse=True):
        yield [group for group in free if depths[group.id] == depth]


def _folded(before: Folding, more: Iterator[Group] | Sequence[Group]) -> Folding:
    """A folding with more folded: a call, or a loop that shows one turn, becomes one box."""
    closed, turned = set(before.closed), set(before.turned)
    for group in more:
        if group.kind == "loop" and group.id not in before.turned:
            turned.add(group.id)
        else:
            closed.add(group.id)
    return Folding(before.tree, before.drawn, frozenset(closed), frozenset(turned), before._runs)


def _remarks(asked: Folding, found: Folding, groups: Sequence[Group]) -> tuple[str, ...]:
    if found.count() == asked.count():
        return ()
    new = (found.closed | found.turned) - (asked.closed | asked.turned)
    outermost = [g for g in groups if g.id in new and not _is_inside(g, new)]
    names = list(dict.fromkeys(g.name for g in outermost))
    said = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
    return (
        f"{asked.count():,} boxes are drawn as {found.count():,}, folded: {said}; "
        "--expand NAME unfolds one of them, --expand all every one",
    )


def _is_inside(group: Group, others: Collection[str]) -> bool:
    return any(one.id in others for one in group.path()[:-1])
