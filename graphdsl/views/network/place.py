"""Where units stand and how edges run: layers come in; points of a picture, as Graphviz has them,
go out.

Layers are columns, each behind those it is computed from. Edges are straight, or go around the
columns between; the weights of one bundle stand a row each, near the side that has more units.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from graphdsl.views.network.lanes import LinkId, assign_lanes
from graphdsl.views.network.layers import Layer

SPACE, BETWEEN = 30.0, 48.0
"""From circle to circle of a column, and how much more from layer to layer that share one."""
NEAR, SHORTEST = 27.0, 88.0
"""The least from a circle to a weight beside it, and from column to column."""
ASIDE, LANE = 16.0, 14.0
"""From a column to the first edge that goes around it, and from that to the next."""
ARROW = 8.0

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Placement:
    """The radius of units, and the middle of each, by layer, along the columns and across them;
    the lanes of the links that go around columns."""

    radius: float
    points: dict[int, list[Point]]
    columns: dict[int, int]
    lanes: dict[LinkId, range]

    def between(self, first: int, last: int) -> list[Point]:
        """The units of the columns between two."""
        layers = (layer for layer, column in self.columns.items() if first < column < last)
        return [point for layer in layers for point in self.points[layer]]


@dataclass(frozen=True, slots=True)
class Way:
    """The line of an edge, the points of Bézier curves, its tip, and where its weight stands."""

    line: tuple[Point, ...]
    tip: Point
    label: Point


@dataclass(slots=True)
class _Column:
    layers: list[Layer] = field(default_factory=list)

    def extent(self, apart: float) -> float:
        """From its first unit to its last."""
        units = sum((layer.counted or 1) - 1 for layer in self.layers)
        return units * apart + (len(self.layers) - 1) * (apart + BETWEEN)


def place(layers: Sequence[Layer], radius: float) -> Placement:
    """The place of every unit, its column as near to those before it as it can be."""
    numbers = _number_columns(layers)
    columns: dict[int, _Column] = {}
    for layer in layers:
        columns.setdefault(numbers[layer.id], _Column()).layers.append(layer)
    apart, room = 2 * radius + SPACE, _find_room(layers, numbers, radius + NEAR)
    points: dict[int, list[Point]] = {}
    along = 0.0
    for number in sorted(columns):
        along += max(room.get(number, 0.0), 2 * radius + SHORTEST) if number else 0.0
        across = -columns[number].extent(apart) / 2
        for layer in columns[number].layers:
            units = layer.counted or 1
            points[layer.id] = [(along, across + i * apart) for i in range(units)]
            across += units * apart + BETWEEN
    return Placement(radius, points, numbers, assign_lanes(layers, numbers))


def _number_columns(layers: Sequence[Layer]) -> dict[int, int]:
    """The column of each layer: the first behind all that it is computed from."""
    numbers: dict[int, int] = {}
    for layer in layers:
        numbers[layer.id] = 1 + max((numbers[link.source] for link in layer.links), default=-1)
    return numbers


def _find_room(
    layers: Sequence[Layer], numbers: Mapping[int, int], near: float
) -> dict[int, float]:
    """How far a column is at least from that before it, for the weights that stand between."""
    widths = {layer.id: layer.counted or 1 for layer in layers}
    room: dict[int, float] = {}
    for layer in layers:
        weighed = (link.source for link in layer.links if link.weights is not None)
        for source in weighed:
            few, column = min(widths[source], widths[layer.id]), numbers[layer.id]
            room[column] = max(room.get(column, 0.0), (few + 1) * near)
    return room


def find_way(placement: Placement, layer: Layer, number: int, origin: int, target: int) -> Way:
    """How an edge of a layer's link of that number runs from one unit to another."""
    link = layer.links[number]
    start, end = placement.points[link.source][origin], placement.points[layer.id][target]
    before, after = len(placement.points[link.source]), len(placement.points[layer.id])
    lanes = placement.lanes.get((layer.id, number))
    if lanes is None:
        return _straight(placement.radius, start, end, _share(before, after))
    edge = target if link.weights is None else origin * after + target
    lane = _Lane(lanes[edge], lanes[-1 - edge], (origin + 1) / (before + 1))
    passed = placement.between(placement.columns[link.source], placement.columns[layer.id])
    return _around(placement.radius, passed, (start, end), lane)


@dataclass(frozen=True, slots=True)
class _Lane:
    """The lane of an edge by the side that it passes columns on, so that edges of a link do not
    cross, and where along the way its weight stands."""

    beyond: int
    before: int
    share: float


def _share(before: int, after: int) -> float:
    return before / (before + 1) if before <= after else 1 / (after + 1)


def _straight(radius: float, start: Point, end: Point, share: float) -> Way:
    first, tip = _towards(start, end, radius), _towards(end, start, radius)
    last = _towards(end, start, radius + ARROW)
    line = (first, _between(first, last, 1 / 3), _between(first, last, 2 / 3), last)
    return Way(line, tip, _between(start, end, share))


def _around(radius: float, passed: Sequence[Point], ends: tuple[Point, Point], lane: _Lane) -> Way:
    """An edge beside the units that it passes, on the side that is nearer, in its lane; straight
    where that is beside them already."""
    start, end = ends
    low, high = (pick(across for _, across in passed) for pick in (min, max))
    side = 1.0 if start[1] + end[1] > low + high else -1.0
    aside = radius + ASIDE + LANE * (lane.beyond if side > 0 else lane.before)
    level = high + aside if side > 0 else low - aside
    first, last = (pick(along for along, _ in passed) for pick in (min, max))
    crossed = (_between(start, end, (at - start[0]) / (end[0] - start[0])) for at in (first, last))
    if all(side * (across - level) >= 0 for _, across in crossed):
        return _straight(radius, start, end, lane.share)
    stops = ((first - radius, level), (last + radius, level))
    tip = (end[0] - radius, end[1])
    begin, stop = (start[0] + radius, start[1]), (tip[0] - ARROW, tip[1])
    line = (begin, *_bend(begin, stops[0]), *_bend(*stops), *_bend(stops[1], stop))
    return Way(line, tip, _between(*stops, lane.share))


def _bend(start: Point, end: Point) -> tuple[Point, Point, Point]:
    """From one point to another, along the columns at both ends: what a Bézier curve has behind
    its first point."""
    middle = (start[0] + end[0]) / 2
    return (middle, start[1]), (middle, end[1]), end


def _towards(start: Point, end: Point, length: float) -> Point:
    return _between(start, end, length / math.dist(start, end))


def _between(start: Point, end: Point, share: float) -> Point:
    along, across = (a + (b - a) * share for a, b in zip(start, end, strict=True))
    return along, across
