"""Charts by themselves, for a notebook: charts come in, an SVG with titles and legends goes out."""

from __future__ import annotations

from collections.abc import Sequence

from graphdsl.views import cells
from graphdsl.views.report.chart import Chart, draw_plot, looks, swatch
from graphdsl.views.report.markup import Attributes, Markup, element, joined

WIDTH, HEIGHT = 620, 190
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 30, 50
LINE = 20
"""The height of a line of a legend."""
SWATCH, LETTER = 50, 7
"""The room of a label's swatch and gap, and of a letter."""
LONGEST, LONGEST_TITLE = 80, 56
"""Letters of a label and of a title, which would otherwise stick out."""


def draw_alone(charts: Sequence[Chart]) -> str:
    """Charts below one another, with titles and legends: an SVG that needs no page around it."""
    parts, height = [], 0
    for chart in charts:
        places = _place_labels([curve.label for curve in chart.curves])
        parts.append(_panel(chart, height, places))
        height += TOP + HEIGHT + BOTTOM + places[-1][1]
    width, height = LEFT + WIDTH + RIGHT, height + 8
    size = {"width": str(width), "height": str(height), "viewBox": f"0 0 {width} {height}"}
    fonts = {"font-family": "system-ui, 'DejaVu Sans', sans-serif"}
    ground = element("rect", {"width": "100%", "height": "100%", "fill": "#ffffff"})
    name = {"xmlns": "http://www.w3.org/2000/svg"}
    return element("svg", {**name, **size, **fonts}, ground, *parts).text


def _place_labels(labels: Sequence[str]) -> list[tuple[int, int]]:
    """Where each label of a legend stands, in as many lines as they take."""
    places, x, y = [], 0, 0
    for label in labels:
        room = SWATCH + LETTER * min(cells.width(label), LONGEST)
        if x and x + room > WIDTH:
            x, y = 0, y + LINE
        places.append((x, y))
        x += room
    return places


def _panel(chart: Chart, top: int, places: Sequence[tuple[int, int]]) -> Markup:
    place: Attributes = {"x": LEFT, "y": top + TOP, "width": WIDTH, "height": HEIGHT}
    ink: Attributes = {"font-size": "15", "font-weight": "600", "fill": "#1a1c20"}
    title: Attributes = {"x": LEFT, "y": top + 18, **ink}
    said = cells.clip(chart.title, LONGEST_TITLE)
    legend = []
    several = zip(chart.curves, looks(len(chart.curves)), places, strict=True)
    for curve, look, (x, y) in several:
        at = {"transform": f"translate({LEFT + x} {top + TOP + HEIGHT + 28 + y})"}
        letters = {"x": "34", "y": "10", "font-size": "12", "fill": "#1a1c20"}
        label = element("text", letters, cells.clip(curve.label, LONGEST))
        legend.append(element("g", at, swatch(look, len(chart.curves) > 1), label))
    return joined((element("text", title, said), draw_plot(chart, place), *legend))
