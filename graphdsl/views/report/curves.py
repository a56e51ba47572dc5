"""The report's curves: charts come in; a figure for each goes out, with its legend, a table for
those who rather read, and what the page's script reads out at each epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdsl.views.report.chart import Chart, draw_plot, looks, swatch
from graphdsl.views.report.markup import Attributes, Markup, element, region
from graphdsl.views.report.scales import short_number
from graphdsl.views.report.thinning import find_columns, ranges

TABLE_ROWS = 24
"""Epochs in a chart's table, evenly from the first to the last."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A chart's figure, and its data for the page's script."""

    figure: Markup
    data: dict[str, Any]


def show_charts(charts: Sequence[Chart], start: float | None) -> list[Shown]:
    """The charts; `start` is the epoch that is read out at first, the last where it is None."""
    return [_show(chart, number, start) for number, chart in enumerate(charts)]


def _show(chart: Chart, number: int, start: float | None) -> Shown:
    columns = find_columns(chart.epochs)
    at = len(columns) - 1
    if start is not None:
        at = next((k for k, (_, last) in enumerate(columns) if last >= start), at)
    curves = [list(ranges(one.epochs, one.values, columns)) for one in chart.curves]
    said = [_range_text(values[at]) for values in curves]
    places = chart.scales[0].place(np.array([(low + high) / 2 for low, high in columns]))
    data = {
        "at": at,
        "places": [round(float(place), 4) for place in places],
        "epochs": [_epoch_text(*column) for column in columns],
        "curves": [[_range_text(one) for one in values] for values in curves],
        "labels": [curve.label for curve in chart.curves],
    }
    legend = element("ul", {"class": "legend"}, *_legend(chart, said))
    slider: Attributes = {
        "type": "range",
        "min": 0,
        "max": len(columns) - 1,
        "value": at,
        "step": 1,
        "aria-label": f"{chart.title}: read out at an epoch",
        "aria-valuetext": _epoch_text(*columns[at]),
    }
    cursor = element("svg", {"class": "cursor", "aria-hidden": "true"}, element("line", {}))
    figure = element(
        "figure",
        {"class": "panel", "data-chart": number},
        element(
            "figcaption",
            {},
            element("h3", {}, chart.title),
            element("span", {"class": "at"}, _epoch_text(*columns[at])),
        ),
        element(
            "div", {"class": "frame"}, draw_plot(chart, _WHOLE), cursor, element("input", slider)
        ),
        legend,
        _details(chart),
    )
    return Shown(figure, data)


_WHOLE: Attributes = {"class": "plot", "width": "100%", "height": "100%"}


def _legend(chart: Chart, said: Sequence[str]) -> Iterator[Markup]:
    several = len(chart.curves) > 1
    for curve, look, value in zip(chart.curves, looks(len(chart.curves)), said, strict=True):
        label = element("span", {"class": "label"}, curve.label)
        yield element(
            "li", {}, swatch(look, several), label, element("span", {"class": "value"}, value)
        )


def _details(chart: Chart) -> Markup:
    """Some epochs as a table."""
    epochs = chart.epochs
    places = np.unique(np.linspace(0, len(epochs) - 1, TABLE_ROWS).round().astype(int))
    head = [element("th", {"scope": "col"}, name) for name in _heads(chart)]
    by_epoch = [dict(zip(c.epochs.tolist(), c.values.tolist(), strict=True)) for c in chart.curves]
    rows = []
    for epoch in epochs[places].tolist():
        cells = [element("td", {}, _value_text(values.get(epoch))) for values in by_epoch]
        rows.append(
            element("tr", {}, element("th", {"scope": "row"}, _epoch_number(epoch)), *cells)
        )
    few = len(places) < len(epochs)
    said = f"{chart.title}: {len(places)} of {len(epochs):,} epochs" if few else chart.title
    table = element(
        "table",
        {},
        element("caption", {}, said),
        element("thead", {}, element("tr", {}, *head)),
        element("tbody", {}, *rows),
    )
    scrolled = region("scroll", f"{chart.title}: table", table)
    return element("details", {}, element("summary", {}, "As a table"), scrolled)


def _heads(chart: Chart) -> Iterator[str]:
    yield "epoch"
    for curve in chart.curves:
        yield curve.label


def _range_text(values: tuple[float, float] | None) -> str:
    if values is None:
        return "–"
    low, high = (short_number(one) for one in values)
    return low if low == high else f"{low} … {high}"


def _value_text(value: float | None) -> str:
    return "–" if value is None else short_number(value)


def _epoch_text(first: float, last: float) -> str:
    if first == last:
        return f"epoch {_epoch_number(first)}"
    return f"epochs {_epoch_number(first)} … {_epoch_number(last)}"


def _epoch_number(epoch: float) -> str:
    return f"{int(epoch):,}" if epoch == int(epoch) else short_number(epoch)
