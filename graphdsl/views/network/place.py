"""Where units stand and how edges run: layers come in; points of a picture, as Graphviz has them,
go out.

Layers are columns, each behind those it is computed from. Edges are straight, or go around the
columns between; the weights of one bundle stand a row each, near the side that has more units.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from graphdsl.views.network.layers import Layer, Link

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
    """The radius of units, and the middle of each, by layer, along the columns and across them."""

    radius: float
    points: dict[int, list[Point]]
    columns: dict[int, int]

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
    apart, near = 2 * radius + SPACE, radius + NEAR
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
                room[column] = max(room.get(column, 0.0), (few + 1) * near)
    points: dict[int, list[Point]] = {}
    along = 0.0
    for number in sorted(columns):
        along += max(room.get(number, 0.0), 2 * radius + SHORTEST) if number else 0.0
        across = -columns[number].extent(apart) / 2
        for layer in columns[number].layers:
            units = widths[layer.id]
            points[layer.id] = [(along, across + i * apart) for i in range(units)]
            across += units * apart + BETWEEN
    return Placement(radius, points, known)


def find_way(placement: Placement, layer: Layer, link: Link, origin: int, target: int) -> Way:
    """How an edge runs from one unit to another."""
    start, end = placement.points[link.source][origin], placement.points[layer.id][target]
    before, after = len(placement.points[link.source]), len(placement.points[layer.id])
    span = placement.columns[layer.id] - placement.columns[link.source]
    if span > 1:
        lane = target if link.weights is None else origin * after + target
        most = after if link.weights is None else before * after
        share = (origin + 1) / (before + 1)
        return _around(placement, layer, link, (start, end), _Lane(lane, most, span, share))
    return _straight(placement.radius, start, end, _share(before, after))


@dataclass(frozen=True, slots=True)
class _Lane:
    """Which of the edges that go around is meant: its number among those of its link, how many
    these are, how many columns the link spans, and where along the way its weight stands."""

    number: int
    most: int
    span: int
    share: float


def _share(before: int, after: int) -> float:
    return before / (before + 1) if before <= after else 1 / (after + 1)


def _straight(radius: float, start: Point, end: Point, share: float) -> Way:
    first, tip = _towards(start, end, radius), _towards(end, start, radius)
    last = _towards(end, start, radius + ARROW)
    line = (first, _between(first, last, 1 / 3), _between(first, last, 2 / 3), last)
    return Way(line, tip, _between(start, end, share))


def _around(
    placement: Placement, layer: Layer, link: Link, ends: tuple[Point, Point], lane: _Lane
) -> Way:
    """An edge beside the columns between, on the side that is nearer, each in a lane of its own;
    straight where that is beside them already."""
    (start, end), radius = ends, placement.radius
    columns = placement.columns
    passed = placement.between(columns[link.source], columns[layer.id])
    low, high = (pick(across for _, across in passed) for pick in (min, max))
    side = 1.0 if start[1] + end[1] > low + high else -1.0
    outer = lane.number if side > 0 else lane.most - 1 - lane.number
    aside = radius + ASIDE + LANE * ((lane.span - 2) * lane.most + outer)
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
