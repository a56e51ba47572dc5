"""Charts by themselves, for a notebook: charts come in, an SVG with titles and legends goes out."""

from __future__ import annotations

from collections.abc import Sequence

from graphdsl.views.report.chart import Chart, draw_plot, looks, swatch
from graphdsl.views.report.markup import Attributes, Markup, element, joined

WIDTH, HEIGHT = 620, 190
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 30, 50


def draw_alone(charts: Sequence[Chart]) -> str:
    """Charts below one another, with titles and legends: an SVG that needs no page around it."""
    each = TOP + HEIGHT + BOTTOM
    parts = [_panel(chart, at * each) for at, chart in enumerate(charts)]
    width, height = LEFT + WIDTH + RIGHT, each * len(charts) + 8
    size = {"width": str(width), "height": str(height), "viewBox": f"0 0 {width} {height}"}
    fonts = {"font-family": "system-ui, 'DejaVu Sans', sans-serif"}
    ground = element("rect", {"width": "100%", "height": "100%", "fill": "#ffffff"})
    name = {"xmlns": "http://www.w3.org/2000/svg"}
    return element("svg", {**name, **size, **fonts}, ground, *parts).text


def _panel(chart: Chart, top: int) -> Markup:
    place: Attributes = {"x": LEFT, "y": top + TOP, "width": WIDTH, "height": HEIGHT}
    title: Attributes = {"x": LEFT, "y": top + 18, "font-weight": "600", "fill": "#1a1c20"}
    legend, x = [], LEFT
    for curve, look in zip(chart.curves, looks(len(chart.curves)), strict=True):
        at = {"transform": f"translate({x} {top + TOP + HEIGHT + 28})"}
        letters = {"x": "34", "y": "10", "font-size": "12", "fill": "#1a1c20"}
        marked = len(chart.curves) > 1
        legend.append(element("g", at, swatch(look, marked), element("text", letters, curve.label)))
        x += 50 + 7 * len(curve.label)
    return joined((element("text", title, chart.title), draw_plot(chart, place), *legend))
