"""A run on one picture: losses, metrics, the learning rate, gradients and updates by layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphdsl.training.history import History
from graphdsl.training.layer_log import LayerRow
from graphdsl.views.plots import (
    add_legend,
    label_of,
    line_styles,
    tick_whole_numbers,
    use_log,
    verify_plot,
    written_panels,
)
from graphdsl.views.report.panels import group_columns

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LINES = 6
"""Layers whose curves a panel shows; of more, so many evenly from the first to the last."""


@dataclass(frozen=True, slots=True)
class _Panel:
    """A panel's title and what draws it."""

    title: str
    draw: Callable[[Axes], None]


def draw_run(path: Path, history: History, layers: Sequence[LayerRow] = ()) -> None:
    """Draw the curves of a run by epoch; the epoch whose weights are kept is marked. Nothing is
    written of a run without any."""
    verify_plot(path)
    panels = [*_value_panels(history), *_layer_panels(layers)]
    if not panels:
        return
    with written_panels(path, len(panels), 2, (4.6, 3.0)) as axes:
        for one, panel in zip(axes, panels, strict=True):
            panel.draw(one)
            one.set_title(panel.title)
            one.set_xlabel("epoch", loc="right", labelpad=-2)
            one.set_xlim(0, max(len(history.epochs), 1))
            tick_whole_numbers(one)
        if history.best is not None:
            above: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "ha": "right"}
            axes[0].annotate("kept ", (history.best, 0.93), color="#666666", **above)


def _value_panels(history: History) -> list[_Panel]:
    """A panel for the loss and one for each group of metrics."""
    groups = group_columns([history])
    return [
        _Panel(name, _drawing_values(history, name, columns)) for name, columns in groups.items()
    ]


def _drawing_values(history: History, title: str, columns: Sequence[str]) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        epochs = [row["epoch"] for row in history.epochs]
        parts = {column.partition(".")[0] for column in columns}
        for column, style in zip(columns, line_styles(len(columns)), strict=True):
            part, _, name = column.partition(".")
            label = part if name == title else name if len(parts) == 1 else column
            axes.plot(epochs, _values(history, column), label=label_of(label), **style)
        use_log(axes, [value for column in columns for value in _values(history, column)])
        if history.best is not None:
            axes.axvline(history.best, color="#888888", linewidth=0.9, linestyle=(0, (1, 2)))
        add_legend(axes, below=True)

    return draw


def _values(history: History, column: str) -> list[float]:
    return [row.get(column, float("nan")) for row in history.epochs]


def _layer_panels(layers: Sequence[LayerRow]) -> list[_Panel]:
    panels = []
    if any(row.rate is not None for row in layers):
        panels.append(_Panel("learning rate", lambda axes: _draw_rate(axes, layers)))
    gradients = [row.gradients for row in layers]
    updates = [{n: v for n, v in row.updates.items() if v is not None} for row in layers]
    epochs = [row.epoch for row in layers]
    names = _spread(list(dict.fromkeys(name for row in gradients for name in row)))
    for title, measured in (("gradient size", gradients), ("update beside weight", updates)):
        if any(measured):
            panels.append(_Panel(title, _drawing_layers(epochs, measured, names)))
    return panels


def _draw_rate(axes: Axes, layers: Sequence[LayerRow]) -> None:
    (style,) = line_styles(1)
    rates = [row.rate if row.rate is not None else float("nan") for row in layers]
    axes.plot([row.epoch for row in layers], rates, **style)
    axes.set_ylim(bottom=0)


def _drawing_layers(
    epochs: Sequence[int], measured: Sequence[Mapping[str, float]], names: Sequence[str]
) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        for name, style in zip(names, line_styles(len(names)), strict=True):
            # what is exactly 0 has no place on a logarithmic scale
            sizes = [row.get(name) or float("nan") for row in measured]
            axes.plot(epochs, sizes, label=label_of(name), **style)
        axes.set_yscale("log")
        add_legend(axes, below=True)

    return draw


def _spread(names: Sequence[str]) -> list[str]:
    """At most `MOST_LINES` of the names, evenly from the first to the last."""
    if len(names) <= MOST_LINES:
        return list(names)
    last = len(names) - 1
    return [names[round(i * last / (MOST_LINES - 1))] for i in range(MOST_LINES)]
