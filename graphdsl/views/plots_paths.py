"""The ways that optimizers go over a loss of two numbers, on its contours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np

from graphdsl.graph.kernel import Array
from graphdsl.views.plots import (
    LOOK,
    add_legend,
    line_styles,
    make_panels,
    verify_plot,
    write_figure,
)

LEVELS = 24
"""Contours of the loss, at even steps of its logarithm where it spans several powers of ten."""


@dataclass(frozen=True, slots=True)
class Way:
    """Where an optimizer was after each step: rows of two numbers, the first before any step."""

    label: str
    points: Array


@dataclass(frozen=True, slots=True)
class Ground:
    """The loss over a grid: the values along both axes, and a row for each of the second's."""

    x: Array
    y: Array
    loss: Array


def span_ground(
    ways: Sequence[Way], margin: float = 0.12, points: int = 121
) -> tuple[Array, Array]:
    """The axes of a grid that all ways fit in, with a margin around them."""
    visited = np.concatenate([way.points for way in ways])
    visited = visited[np.isfinite(visited).all(axis=1)]
    low, high = visited.min(axis=0), visited.max(axis=0)
    room = margin * np.maximum(high - low, 0.25 * (high - low).max() + 1e-9)
    (x0, y0), (x1, y1) = low - room, high + room
    return np.linspace(x0, x1, points), np.linspace(y0, y1, points)


def draw_ways(path: Path, names: tuple[str, str], ground: Ground, ways: Sequence[Way]) -> None:
    """Draw the ways on the loss's contours, each with its start and its end."""
    verify_plot(path)
    import matplotlib

    with matplotlib.rc_context(LOOK):
        figure, (axes,) = make_panels(1, 1, (6.4, 5.0))
        axes.grid(False)
        heights = _heights(ground)
        if heights is not None:
            axes.contour(ground.x, ground.y, heights, LEVELS, colors="#c9ced3", linewidths=0.7)
        looks = zip(ways, line_styles(len(ways)), cycle("os^D"), strict=False)
        for way, style, marker in looks:
            x, y = way.points.T
            axes.plot(x, y, marker=marker, markersize=2.6, label=way.label, **style)
            axes.plot(x[-1:], y[-1:], marker, color=style["color"], markersize=8, mec="white")
        start = ways[0].points[0]
        axes.plot(*start, "o", color="white", mec="black", markersize=8, zorder=5)
        axes.annotate("start", start, (6, 6), textcoords="offset points")
        axes.set_xlim(ground.x[0], ground.x[-1])
        axes.set_ylim(ground.y[0], ground.y[-1])
        axes.set_xlabel(names[0])
        axes.set_ylabel(names[1])
        add_legend(axes)
        write_figure(path, figure)


def _heights(ground: Ground) -> Array | None:
    """The loss above its least value, its logarithm where it is large; None where it is flat."""
    finite = np.isfinite(ground.loss)
    if not finite.any():
        return None
    least, largest = ground.loss[finite].min(), ground.loss[finite].max()
    if not least < largest < math.inf:
        return None
    heights = np.where(finite, ground.loss, largest) - least
    unit = float(np.median(heights)) * 1e-2
    scaled: Array = np.log1p(heights / unit) if unit > 0 else heights
    return scaled
