"""A scene as DOT: boxes and clusters come in, the text of a drawing goes out.

The lecture's convention: a rectangle for each input, output and intermediate; the function inside
it, the variable's name outside; operands enter from left to right; edges have no labels. Roles
differ in shape as well as in colour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import graphviz

from graphdsl.language.clipping import clip
from graphdsl.language.excerpt import visible
from graphdsl.views.drawing import boxes
from graphdsl.views.drawing.levels import find_levels
from graphdsl.views.drawing.scene import Box, Cluster, Entry, Scene

FONT = "DejaVu Sans,Verdana,Helvetica,Arial,sans-serif"

MANY = 300
"""Boxes beyond which a layout is not polished to the end, which would take minutes."""

_HASTY = {"nslimit": "1", "nslimit1": "1", "mclimit": "0.3"}
_CLUSTER = {
    **{"style": "rounded", "color": "#9aa5ab", "bgcolor": "#f6f8f9", "margin": "12"},
    **{"fontsize": "12", "fontcolor": "#37545f"},
}
_BACK = {"style": "dashed", "color": boxes.COTANGENT.line}
_UNSEEN = {"style": "invis", "weight": "0"}
_CARRIED = {"style": "dotted", "penwidth": "1.5", "weight": "0"}


@dataclass(frozen=True, slots=True)
class _Side:
    """Where edges touch a box: the compass points by which they enter and leave."""

    enter: str
    leave: str
    around: tuple[str, str]
    """The sides along which values and cotangents go from turn to turn."""


_SIDES: Mapping[str, _Side] = {"TB": _Side("n", "s", ("w", "e")), "LR": _Side("w", "e", ("n", "s"))}


def write_dot(scene: Scene) -> str:
    """The DOT text of a scene."""
    return _Writer(scene).write()


class _Writer:
    """Writes one drawing."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.side = scene, _SIDES[scene.direction]
        self.boxes = {box.id: box for box in scene.boxes()}
        self.handed: dict[str, dict[tuple[str, int], int]] = {id: {} for id in self.boxes}
        """For each box the edges whose cotangents make up its own, a port each."""
        for box in self.boxes.values():
            for position, entry in enumerate(box.entering):
                if self._goes_back(box, entry) and not entry.carried:
                    ports = self.handed[entry.source]
                    ports[box.id, position] = len(ports)

    def write(self) -> str:
        """The whole text."""
        drawing = graphviz.Digraph(
            title_text(self.scene.name),
            graph_attr={
                **(_HASTY if len(self.boxes) > MANY else {}),
                "rankdir": self.scene.direction,
                "nodesep": "0.35",
                "ranksep": "0.55",
                "pad": "0.2",
                "bgcolor": "white",
                "fontname": FONT,
                "tooltip": plain(self.scene.title),
            },
            node_attr={"shape": "plain", "fontname": FONT, "fontsize": "13"},
            edge_attr={"color": "#555555", "arrowsize": "0.7"},
        )
        self._add_parts(drawing, self.scene.parts)
        for box in self.boxes.values():
            self._add_edges(drawing, box)
        self._add_levels(drawing)
        text: str = drawing.source
        return text

    def _add_parts(self, drawing: Any, parts: tuple[Box | Cluster, ...]) -> None:
        for part in parts:
            if isinstance(part, Box):
                label = boxes.label(part, self.scene.direction, len(self.handed[part.id]))
                drawing.node(part.id, label, id=part.id, tooltip=plain(_tooltip(part)))
            else:
                with drawing.subgraph(name=f"cluster_{part.id}") as inner:
                    inner.attr(**dict(_frame(part, self.scene.direction)))
                    self._add_parts(inner, part.parts)

    def _add_edges(self, drawing: Any, box: Box) -> None:
        """The edges that enter a box, and the cotangents that it hands back along them."""
        side, sources = self.side, [entry.source for entry in box.entering]
        for position, entry in enumerate(box.entering):
            id = f"{entry.source}-{box.id}-{position}"
            if entry.carried:
                self._add_carried(drawing, box, entry, id)
                continue
            tail = f"{entry.source}:{boxes.OUT}:{side.leave}"
            head = f"{box.id}:{position}:{side.enter}"
            if entry.of_cotangent:
                tail = f"{entry.source}:{side.around[1]}"
                drawing.edge(tail, head, id=id, weight="0", **_BACK)
                continue
            # what is computed runs straight down, what is given stands beside it
            straight = entry.straight or sources.count(entry.source) > 1
            drawing.edge(tail, head, id=id, weight="8" if straight else "1")
            if self._goes_back(box, entry):
                number = self.handed[entry.source][box.id, position]
                tail = f"{entry.source}:r{number}:{side.leave}"
                head = f"{box.id}:{boxes.BACK}:{side.enter}"
                # declared the other way round, for the layout to place both lanes alike
                drawing.edge(tail, head, id=f"back-{id}", dir="back", **_BACK)

    def _add_carried(self, drawing: Any, box: Box, entry: Entry, id: str) -> None:
        """The way to the next turn, around what lies between, with the cotangent on the other side;
        declared from above to below, for the layout to make room for it."""
        first, last = self.side.around
        drawing.edge(f"{box.id}:{first}", f"{entry.source}:{first}", id=id, dir="back", **_CARRIED)
        if self._goes_back(box, entry):
            ends = (f"{one}:{last}" for one in (box.id, entry.source))
            drawing.edge(*ends, id=f"back-{id}", **_CARRIED, color=boxes.COTANGENT.line)

    def _add_levels(self, drawing: Any) -> None:
        """Edges that nobody sees, which keep frames one below the other."""
        levels = find_levels(self.scene)
        if levels:
            drawing.attr(newrank="true")  # else frames are ranked by themselves, whatever is said
        for above, below in levels:
            drawing.edge(above, below, **_UNSEEN)

    def _goes_back(self, box: Box, entry: Entry) -> bool:
        """Whether a cotangent is handed back along an edge."""
        source = self.boxes[entry.source]
        return entry.pulled and source.cotangent is not None and box.cotangent is not None


def _tooltip(box: Box) -> str:
    """What a pointer over a box shows: its cotangent in full, too."""
    if box.cotangent is None:
        return box.tooltip
    name = box.cotangent.name or "its cotangent"
    return f"{box.tooltip}\n{name} = {' '.join(box.cotangent.terms)}"


def _frame(cluster: Cluster, direction: str) -> Iterator[tuple[str, str]]:
    """How a cluster looks: a frame with its title, and how often it is computed."""
    count = f"  <B>{boxes.text(cluster.count)}</B>" if cluster.count else ""
    note = f"  {boxes.text(cluster.note)}" if cluster.note else ""
    title = boxes.text(clip(cluster.title, boxes.LONGEST_FUNCTION))
    yield "label", f"<{title}{count}{note}>"
    yield "id", cluster.id
    yield "tooltip", plain(cluster.tooltip)
    yield "labelloc", "t" if direction == "TB" else "b"
    # away from the edges that enter: what is carried stands at the left, what is given at the right
    yield "labeljust", "r" if cluster.count else "l"
    yield from _CLUSTER.items()


def title_text(name: str) -> str:
    """The name of a drawing, which SVG has as its title; no escape in it is undone."""
    shown = visible(name).replace("&", "&amp;").replace("\\", "/")
    said: str = graphviz.nohtml(shown)
    return said


def plain(text: str) -> str:
    """Text that no layer between here and the picture takes for markup or for an escape; those of
    a tooltip are undone twice."""
    shown = visible(text).replace("&", "&amp;").replace("\t", "    ").replace("\\", "\\\\")
    escaped: str = graphviz.escape(shown)
    return escaped
