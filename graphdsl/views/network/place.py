"""Where units stand and how edges run: layers come in; points of a picture, as Graphviz has them,
go out.

Layers are columns, each behind those it is computed from. Edges are straight, or arcs around what
lies between; the weights of one bundle stand a row each, near the side that has more units.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from graphdsl.views.network.layers import Layer, Link

RADIUS = 31.0
APART, BETWEEN = 92.0, 48.0
"""From unit to unit of a column, from layer to layer that share one."""
NEAR, SHORTEST = 58.0, 150.0
"""The least from the middle of a unit to a weight beside it, and from column to column."""
ARROW = 8.0

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Placement:
    """The middle of each unit, by layer, along the columns and across them."""

    points: dict[int, list[Point]]
    columns: dict[int, int]
    edge: float
    """How far the drawing goes across, from its middle."""


@dataclass(frozen=True, slots=True)
class Way:
    """The line of an edge, four points of a Bézier curve, its tip, and where its weight stands."""

    line: tuple[Point, ...]
    tip: Point
    label: Point


@dataclass(slots=True)
class _Column:
    layers: list[Layer] = field(default_factory=list)

    @property
    def extent(self) -> float:
        units = sum((layer.counted or 1) - 1 for layer in self.layers)
        return units * APART + (len(self.layers) - 1) * (APART + BETWEEN)


def place(layers: Sequence[Layer]) -> Placement:
    """The place of every unit, its column as near to those before it as it can be."""
    known: dict[int, int] = {}
    columns: dict[int, _Column] = {}
    room: dict[int, float] = {}
    widths = {layer.id: layer.counted or 1 for layer in layers}
    for layer in layers:
        column = 1 + max((known[link.source] for link in layer.links), default=-1)
        known[layer.id] = column
        columns.setdefault(column, _Column()).layers.append(layer)
        for link in layer.links:
            if link.weights is not None:
                few = min(widths[link.source], widths[layer.id])
                room[column] = max(room.get(column, 0.0), (few + 1) * NEAR)
    points: dict[int, list[Point]] = {}
    along = 0.0
    for number in sorted(columns):
        along += max(room.get(number, 0.0), SHORTEST) if number else 0.0
        across = -columns[number].extent / 2
        for layer in columns[number].layers:
            units = widths[layer.id]
            points[layer.id] = [(along, across + i * APART) for i in range(units)]
            across += units * APART + BETWEEN
    return Placement(points, known, max(column.extent for column in columns.values()) / 2)


def find_way(placement: Placement, layer: Layer, link: Link, origin: int, target: int) -> Way:
    """How an edge runs from one unit to another."""
    start, end = placement.points[link.source][origin], placement.points[layer.id][target]
    if placement.columns[layer.id] - placement.columns[link.source] > 1:
        return _arc(start, end, placement.edge)
    first, tip = _towards(start, end, RADIUS), _towards(end, start, RADIUS)
    last = _towards(end, start, RADIUS + ARROW)
    line = (first, _between(first, last, 1 / 3), _between(first, last, 2 / 3), last)
    before, after = len(placement.points[link.source]), len(placement.points[layer.id])
    share = before / (before + 1) if before <= after else 1 / (after + 1)
    return Way(line, tip, _between(start, end, share))


def _arc(start: Point, end: Point, edge: float) -> Way:
    """A curve around all columns, on the side that is nearer."""
    side = 1.0 if start[1] + end[1] > 0 else -1.0
    level = side * (edge + APART) * 4 / 3
    reach = (end[0] - start[0]) / 4
    bends = ((start[0] + reach, level), (end[0] - reach, level))
    first, tip = _towards(start, bends[0], RADIUS), _towards(end, bends[1], RADIUS)
    last = _towards(end, bends[1], RADIUS + ARROW)
    middle = (start[1] + end[1]) / 8 + level * 3 / 4
    return Way((first, *bends, last), tip, ((start[0] + end[0]) / 2, middle))


def _towards(start: Point, end: Point, length: float) -> Point:
    return _between(start, end, length / math.dist(start, end))


def _between(start: Point, end: Point, share: float) -> Point:
    along, across = (a + (b - a) * share for a, b in zip(start, end, strict=True))
    return along, across
