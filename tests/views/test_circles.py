"""What stands in the circles of a small network fits in them, and edges keep away from them."""

from __future__ import annotations

import html
import re

import pytest

from graphdsl.driver import compile_source
from graphdsl.language.source import Source
from graphdsl.views import cells
from graphdsl.views.network.circles import LARGEST, SMALLEST, Line, find_radius, write_lines
from graphdsl.views.network.numbers import Word
from graphdsl.views.network.options import NetworkOptions
from graphdsl.views.network.render import draw_network, find_layers

SKIP = """input x: [3]
param W = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
h = tanh(x @ W)
k = tanh(h @ W)
o = x + h + k @ W
output q = o + x @ W
"""

BESIDE = """input x: [2]
input z: [2]
input u: [2]
param W = [[1, 2], [3, 4]]
h = tanh(x @ W + z @ W + u @ W)
k = tanh(h @ W)
output q = k @ W + x + z + u
"""


def dot(text: str) -> str:
    compilation = compile_source(Source(text, "m.gdl"))
    return draw_network(compilation, find_layers(compilation, NetworkOptions()))


def words(label: str) -> list[str]:
    return [html.unescape(re.sub("<.*?>", "", part)) for part in label.split("<BR/>")]


def labels(text: str) -> list[str]:
    """What stands in each circle."""
    return re.findall(r"^\tn\d+u\d+ \[label=<(.*?)> color", text, re.MULTILINE)


def sizes(label: str) -> list[float]:
    return [float(size) for size in re.findall(r'POINT-SIZE="([\d.]+)"', label)]


def test_a_short_name_has_the_smallest_circle_and_the_letters_of_the_drawing() -> None:
    lines = [Line(Word("h", "1"), 13), Line(Word("relu"), 9)]
    assert find_radius([lines]) == SMALLEST
    assert words(write_lines(lines, SMALLEST)) == ["h1", "relu"]
    assert sizes(write_lines(lines, SMALLEST)) == [8, 9]


def test_circles_grow_for_the_longest_line_of_all() -> None:
    short, long = [Line(Word("h"), 13)], [Line(Word("hidden_la"), 13)]
    assert SMALLEST < find_radius([short, long]) < LARGEST
    assert words(write_lines(long, find_radius([short, long]))) == ["hidden_la"]


def test_letters_shrink_where_circles_can_grow_no_more() -> None:
    lines = [Line(Word("hidden_layer"), 13)]
    assert find_radius([lines]) == LARGEST
    label = write_lines(lines, LARGEST)
    assert words(label) == ["hidden_layer"]
    assert 13 * 0.75 <= sizes(label)[0] < 13


def test_what_is_too_long_even_so_is_cut_off() -> None:
    (shown,) = words(write_lines([Line(Word("n" * 10_000, "12"), 13)], LARGEST))
    assert shown.endswith("…12")
    assert len(shown) < 20


def test_wide_letters_take_twice_the_room() -> None:
    wide, narrow = [Line(Word("变数单元"), 13)], [Line(Word("abcdefgh"), 13)]
    assert SMALLEST < find_radius([wide]) == find_radius([narrow]) < LARGEST
    (shown,) = words(write_lines([Line(Word("变" * 40), 13)], LARGEST))
    assert shown.endswith("…")
    assert cells.width(shown) * 13 * 0.75 * 0.62 <= 2 * LARGEST


@pytest.mark.parametrize("name", ["h", "a_rather_long_name_of_units", "x" * 300])
def test_no_line_leaves_its_circle(name: str) -> None:
    text = dot(f"input x: [2]\nparam W = [[1, 2], [3, 4]]\noutput {name} = tanh(x @ W)")
    (radius,) = {36 * float(width) for width in re.findall(r"\bwidth=([\d.]+)", text)}
    assert len(labels(text)) == 4
    for label in labels(text):
        for line in label.split("<BR/>"):
            size = max(sizes(line), default=13.0)
            assert len(words(line)[0]) * size * 0.6 <= 2 * radius


def test_only_a_weighted_sum_is_called_one() -> None:
    found = labels(
        dot("dim N\ninput x: [N, 2]\noutput y = tanh(layer_norm(x, [1, 2], [3, 4])) + x")
    )
    assert {("layer_norm",), ("tanh",)} <= {tuple(words(label)) for label in found}
    assert not any("Σ" in label for label in found)
    summed = dot("dim N\ninput x: [N, 2]\nparam W = [[1, 2], [3, 4]]\noutput y = (x @ W) * x")
    assert "Σ" in labels(summed)[2]


def test_edges_cross_no_circle() -> None:
    text = dot(SKIP)
    middles = {
        id: tuple(map(float, at.split(",")))
        for id, at in re.findall(r'^\t(n\d+u\d) \[.*? pos="(.*?)"', text, re.MULTILINE | re.DOTALL)
    }
    ways = re.findall(r'^\t(n\w+) -> (n\w+) \[.*?pos="e,(.*?)"', text, re.MULTILINE)
    assert len(middles) == 12
    for tail, head, way in ways:
        points = [tuple(map(float, at.split(","))) for at in way.split()[1:]]
        for along, across in curve(points):
            near = [
                id
                for id, (x, y) in middles.items()
                if (along - x) ** 2 + (across - y) ** 2 < (SMALLEST - 1) ** 2
            ]
            assert not near, (tail, head, near)


@pytest.mark.parametrize(("text", "count"), [(SKIP, 9 + 3 + 3), (BESIDE, 5)])
def test_edges_that_go_around_have_a_lane_each(text: str, count: int) -> None:
    ways = re.findall(r'^\tn\w+ -> n\w+ \[.*?pos="e,(.*?)"', dot(text), re.MULTILINE)
    levels = [way.split()[4].split(",")[1] for way in ways if len(way.split()) > 5]
    assert len(levels) == count
    assert len(set(levels)) == len(levels)


def test_edges_of_the_outermost_units_are_outermost() -> None:
    ways = re.findall(r'^\t(n\w+) -> (n\w+) \[.*?pos="e,(.*?)"', dot(SKIP), re.MULTILINE)
    levels = {
        float(way.split()[4].split(",")[1]): (tail[-2:], head[-2:]) for tail, head, way in ways
    }
    assert (levels[max(levels)], levels[min(levels)]) == (("u1", "u1"), ("u3", "u3"))


def curve(points: list[tuple[float, ...]]) -> list[tuple[float, float]]:
    """Points of Bézier curves that follow one another."""
    found = []
    for start in range(0, len(points) - 1, 3):
        for step in range(21):
            t = step / 20
            shares = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
            part = points[start : start + 4]
            found.append(
                tuple(sum(s * p[i] for s, p in zip(shares, part, strict=True)) for i in (0, 1))
            )
    return found
