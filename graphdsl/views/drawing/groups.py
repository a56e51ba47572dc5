"""Calls and turns as a tree: nodes with their trails come in, groups that hold them go out.

A loop is a group of turns; a call and a turn hold nodes and further groups. A parameter belongs to
the call or the turn that it is named after, so that those of a shared cell stand outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from graphdsl.graph.graph import Graph, Level, Node

Kind = Literal["file", "call", "loop", "turn"]


@dataclass(slots=True, eq=False)
class Group:
    """A call, a loop, or a turn of one; the whole file is the root."""

    id: str
    kind: Kind
    name: str
    """What its parameters' names begin with: `h`, `o`, `o[3]`."""
    title: str
    """The block that is called; the header of a loop; the number of a turn."""
    parent: Group | None = None
    inside: list[Group] = field(default_factory=list)
    nodes: list[int] = field(default_factory=list)
    """What stands in it and in no group inside it."""

    def path(self) -> tuple[Group, ...]:
        """The groups it stands in, from the outside in, itself the last; not the file."""
        found: list[Group] = []
        group: Group | None = self
        while group is not None and group.parent is not None:
            found.append(group)
            group = group.parent
        return tuple(reversed(found))

    def walk(self) -> Iterator[Group]:
        """Itself and every group inside it, each before those it holds."""
        pending = [self]
        while pending:
            group = pending.pop()
            yield group
            pending += reversed(group.inside)

    def members(self) -> list[int]:
        """Every node that stands in it, in order."""
        return sorted(id for group in self.walk() for id in group.nodes)


@dataclass(frozen=True, slots=True)
class Tree:
    """The groups of a graph, and the innermost that each node stands in."""

    root: Group
    home: dict[int, Group]


def grow(
    graph: Graph, shown: Iterable[int], given: Mapping[int, tuple[Level, ...]] | None = None
) -> Tree:
    """The groups of the nodes that are shown; `given` are the levels of those that have others
    than their trails."""
    root = Group("g0", "file", "", "")
    known: dict[tuple[str, object], Group] = {}
    home: dict[int, Group] = {}
    for id in shown:
        group = root
        levels = (given or {}).get(id)
        for level in _levels(graph.nodes[id]) if levels is None else levels:
            if level.turn is not None:
                loop = level.name.rpartition("[")[0]
                group = _enter(known, group, ("loop", level.span), loop, _header(level))
                title = f"turn {level.turn}"
                group = _enter(known, group, ("turn", level.turn), level.name, title)
            else:
                group = _enter(known, group, ("call", level), level.name, level.block)
        group.nodes.append(id)
        home[id] = group
    return Tree(root, home)


def _enter(
    known: dict[tuple[str, object], Group],
    parent: Group,
    key: tuple[Kind, object],
    name: str,
    title: str,
) -> Group:
    """The group of that key inside of `parent`, made if it is the first time."""
    kind, which = key
    place = (parent.id, (kind, which))
    if place not in known:
        made = known[place] = Group(f"g{len(known) + 1}", kind, name, title, parent)
        parent.inside.append(made)
    return known[place]


def _levels(node: Node) -> tuple[Level, ...]:
    """The calls and turns that a node is drawn in."""
    if node.origin is None or node.sweep == "reverse":
        return ()  # a derivative has the place of what it differentiates, and is none of that
    trail = node.origin.trail
    if node.operands or node.name is None:
        return trail
    owned = 0
    while owned < len(trail) and node.name.startswith(f"{trail[owned].name}."):
        owned += 1
    return trail[:owned]


def _header(level: Level) -> str:
    """`repeat l in 1..50`."""
    return " ".join(level.span.text.partition("{")[0].split())
