"""What things are called beside their boxes: qualified names come in, names without what the frames
around a box say already go out."""

from __future__ import annotations

import re

from graphdsl.views.drawing.folding import Folding
from graphdsl.views.drawing.groups import Group
from graphdsl.views.drawing.lane import Lane

Path = tuple[Group, ...]

_WORD = r"[^\W⁰¹²³⁴⁵⁶⁷⁸⁹ᵀ]+"
_NAME = re.compile(rf"(?!\d){_WORD}(?:\[\d+\]|_\d+|#\d+|\.{_WORD})*")
"""A name in a formula, qualified or not; what is raised behind it is none of it."""


class Names:
    """Names of nodes, groups and cotangents as they stand in a drawing."""

    def __init__(self, folding: Folding, lane: Lane) -> None:
        self.folding, self.lane = folding, lane
        self.tree, self.named = folding.tree, folding.drawn.named
        self._ids = {name: id for id, name in lane.names.items()}

    def of(self, id: int, within: Group | None = None) -> str:
        """A node's names in the frames that it stands in, or in those of `within`."""
        path = (self.tree.home[id] if within is None else within).path()
        made = (self.lane.names[id],) if id in self.lane.names else ()
        return ", ".join(dict.fromkeys(self.bare(name, path) for name in self.named.get(id, made)))

    def of_cotangent(self, id: int, within: Group | None = None) -> str:
        """The name of a node's cotangent; nothing where formulas need none."""
        if id not in self.lane.names:
            return ""
        return f"{self.lane.prefix}{self._first(id, within)}"

    def of_group(self, group: Group) -> str:
        """The title of a frame: a block's name, after that of the call where it owns something and
        its name does not say the block."""
        owned = f"{group.name}."
        leaves = (id for id in group.members() if not self.folding.drawn.graph.nodes[id].operands)
        owns = any(self.named.get(id, ("",))[0].startswith(owned) for id in leaves)
        if not owns or group.kind != "call" or group.parent is None:
            return group.title
        name = self.bare(group.name, group.parent.path())
        said = re.fullmatch(rf"{re.escape(group.title)}(_\d+)?", name.rpartition(".")[2])
        return name if said else f"{name}: {group.title}"

    def bare(self, name: str, path: Path) -> str:
        """A name without that of the innermost frame it belongs to, or without the number of the
        one turn that stands for many."""
        owners = (f"{group.name}." for group in reversed(path) if group.kind != "loop")
        name = name.removeprefix(next((o for o in owners if name.startswith(o)), ""))
        for group in reversed(path):
            if group.kind == "turn" and self.stands_for_many(group):
                number = group.name.rpartition("[")[2]
                name = re.sub(rf"^([^.\[]+)\[{number}", r"\1", name)
        return name

    def formula(self, text: str) -> str:
        """A formula in the names that stand beside the boxes."""
        return _NAME.sub(lambda found: self._local(found[0]), text)

    def stands_for_many(self, turn: Group) -> bool:
        """Whether a turn is drawn in the place of others too."""
        assert turn.parent is not None
        return turn.parent.id in self.folding.turned and len(self.folding.run(turn)) > 1

    def _local(self, name: str) -> str:
        prefix = self.lane.prefix
        if name in self._ids:
            return self._first(self._ids[name])
        if name.startswith(prefix) and name.removeprefix(prefix) in self._ids:
            return prefix + self._first(self._ids[name.removeprefix(prefix)])
        return name

    def _first(self, id: int, within: Group | None = None) -> str:
        """The first of the names that stand beside the box of a node, or of its twin."""
        if id not in self.tree.home:
            return self.lane.names[id]
        place = self.folding.place(id)
        if isinstance(place, Group):
            return self.of(id, within or place.parent).partition(",")[0]
        return self.of(place, within).partition(",")[0]
