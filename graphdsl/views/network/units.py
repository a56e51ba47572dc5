"""A small network, unit by unit: layers come in, circles and weighed edges go out.

The lecture's convention: a circle for each unit, with its name and its activation; directed edges
with their weights. A bias is written into its unit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from graphdsl.graph.kernel import Array
from graphdsl.views.drawing.dot import plain
from graphdsl.views.network.circles import find_radius, lines_of, write_lines
from graphdsl.views.network.layers import Layer, Link
from graphdsl.views.network.looks import look_of
from graphdsl.views.network.numbers import weight_word
from graphdsl.views.network.place import Point, find_way, place

MOST_UNITS = 8
"""Units of a layer up to which each is drawn."""
MOST_WEIGHTS = 80
"""Weights up to which each stands at its edge."""

CIRCLE = {"shape": "circle", "fixedsize": "true", "style": "filled"}

_FOUND = {"dense", "map", "merge", "input", "normalisation"}


def is_small(layers: Sequence[Layer]) -> bool:
    """Whether every unit and every weight of a network can be drawn."""
    widths = {layer.id: layer.counted for layer in layers}
    if any(layer.kind not in _FOUND or layer.frames for layer in layers):
        return False
    if any(width is None or not 0 < width <= MOST_UNITS for width in widths.values()):
        return False
    pairs = [
        (widths[link.source], widths[layer.id], link) for layer in layers for link in layer.links
    ]
    weighed = sum((a or 0) * (b or 0) for a, b, link in pairs if link.weights is not None)
    return weighed <= MOST_WEIGHTS and all(_fits(a, b, link) for a, b, link in pairs)


def _fits(before: int | None, after: int | None, link: Link) -> bool:
    """Whether a link leads from units to as many, or from one, unless it weighs each for each."""
    return link.weights is not None or before in (1, after)


def merge_sums(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The layers, what only weighs for a sum being part of it: its units are those of the sum."""
    uses = Counter(link.source for layer in layers for link in layer.links)
    known = {
        layer.id: layer
        for layer in layers
        if layer.kind == "dense" and uses[layer.id] == 1 and not (layer.functions or layer.end)
    }
    sums = [each for each in layers if each.kind == "merge" and each.functions == ("+",)]
    merged = {id for each in sums for id in (link.source for link in each.links) if id in known}
    found = []
    for layer in layers:
        if layer in sums:
            parts = [known[link.source] for link in layer.links if link.source in merged]
            whole = [link for link in layer.links if link.source not in merged]
            links = (*whole, *(link for part in parts for link in part.links))
            biases = tuple(bias for part in parts for bias in part.biases)
            found.append(replace(layer, links=links, biases=biases))
        elif layer.id not in merged:
            found.append(layer)
    return tuple(found)


class Units:
    """Draws every unit and every edge; `values` are the parameters whose numbers are shown."""

    def __init__(
        self, layers: Sequence[Layer], values: Mapping[str, Array], direction: str
    ) -> None:
        self.layers, self.values, self.direction = layers, values, direction
        self.lines = {
            layer.id: [lines_of(layer, unit, values) for unit in range(layer.counted or 0)]
            for layer in layers
        }
        self.radius = find_radius([lines for units in self.lines.values() for lines in units])
        self.placement = place(layers, self.radius)

    def add_to(self, drawing: Any) -> None:
        """Into a drawing whose layout is done here."""
        drawing.attr(layout="nop2", outputorder="edgesfirst")
        for layer in self.layers:
            for unit in range(layer.counted or 0):
                self._add_unit(drawing, layer, unit)
        known = {layer.id: layer for layer in self.layers}
        for layer in self.layers:
            for number, link in enumerate(layer.links):
                self._add_edges(drawing, known[link.source], layer, link, number)

    def _add_unit(self, drawing: Any, layer: Layer, unit: int) -> None:
        look, id = look_of(layer), _id(layer, unit)
        drawing.node(
            id,
            f"<{write_lines(self.lines[layer.id][unit], self.radius)}>",
            id=id,
            pos=self._point(self.placement.points[layer.id][unit]),
            fillcolor=look.fill,
            color=look.line,
            width=f"{self.radius / 36:.3f}",
            penwidth="2.5" if layer.end else "1.2",
            tooltip=plain(layer.tooltip),
            **CIRCLE,
        )

    def _add_edges(
        self, drawing: Any, source: Layer, layer: Layer, link: Link, number: int
    ) -> None:
        """The edges of one link: from each unit to each through weights, else each to its own."""
        for i in range(source.counted or 0):
            for j in range(layer.counted or 0):
                if link.weights is None and i != j and source.counted != 1:
                    continue
                way = find_way(self.placement, layer, number, i, j)
                line = " ".join(map(self._point, way.line))
                looks = {"id": f"{_id(source, i)}-{_id(layer, j)}-{number}"}
                looks["pos"] = f"e,{self._point(way.tip)} {line}"
                if link.weights is not None:
                    label = weight_word(link.weights, i, j, self.values).html()
                    looks |= {"label": f"<{_on_white(label)}>", "lp": self._point(way.label)}
                drawing.edge(_id(source, i), _id(layer, j), **looks)

    def _point(self, point: Point) -> str:
        """A point as Graphviz writes it, which counts upwards."""
        along, across = point
        x, y = (along, -across) if self.direction == "LR" else (across, -along)
        return f"{x:.1f},{y:.1f}"


def _on_white(html: str) -> str:
    """A label that stays legible where lines cross it."""
    cell = f'<TD BGCOLOR="white">{html}</TD>'
    return f'<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="1"><TR>{cell}</TR></TABLE>'


def _id(layer: Layer, unit: int) -> str:
    return f"n{layer.id}u{unit + 1}"
