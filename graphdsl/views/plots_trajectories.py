"""The trajectories of optimizers over a loss of two numbers, on its contours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import Diagnostic, UsageError
from graphdsl.views.plots import add_legend, label_of, marked_lines, written_panels

LEVELS = 24
"""Contours of the loss, at even steps of its logarithm where it spans several powers of ten."""


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Where an optimizer was after each step: rows of two numbers, the first before any step."""

    label: str
    points: Array


@dataclass(frozen=True, slots=True)
class LossSurface:
    """The loss over a grid: the values along both axes, and a row for each of the second's."""

    x: Array
    y: Array
    loss: Array


def span_axes(
    trajectories: Sequence[Trajectory], margin: float = 0.12, points: int = 121
) -> tuple[Array, Array]:
    """The axes of a grid, f64, that all trajectories fit in, with a margin around them; raises
    `UsageError` where none has a finite point."""
    visited = np.concatenate([trajectory.points for trajectory in trajectories]).astype(np.float64)
    visited = visited[np.isfinite(visited).all(axis=1)]
    if not visited.size:
        help = "begin elsewhere: give the parameter other initial values"
        raise UsageError(Diagnostic("E0872", "no point of a path is finite", (), (help,)))
    low, high = visited.min(axis=0), visited.max(axis=0)
    widest, size = (high - low).max(), np.abs(visited).max() or 1.0
    if widest < 1e-9 * size:  # around one that stands still, too, there is something to see
        widest = size
    room = margin * np.maximum(high - low, 0.25 * widest)
    (x0, y0), (x1, y1) = low - room, high + room
    return np.linspace(x0, x1, points), np.linspace(y0, y1, points)


def draw_trajectories(
    path: Path, names: tuple[str, str], surface: LossSurface, trajectories: Sequence[Trajectory]
) -> None:
    """Draw the trajectories on the loss's contours, each with its start and its end."""
    with written_panels(path, size=(6.4, 5.0)) as (axes,):
        axes.grid(False)
        heights = _heights(surface)
        if heights is not None:
            axes.contour(surface.x, surface.y, heights, LEVELS, colors="#c9ced3", linewidths=0.7)
        marked = zip(trajectories, marked_lines(len(trajectories)), strict=True)
        for trajectory, (style, marker) in marked:
            x, y = trajectory.points.T
            label = label_of(trajectory.label)
            axes.plot(x, y, marker=marker, markersize=2.6, label=label, **style)
            axes.plot(x[-1:], y[-1:], marker, color=style["color"], markersize=8, mec="white")
        start = trajectories[0].points[0]
        axes.plot(*start, "o", color="white", mec="black", markersize=8, zorder=5)
        axes.annotate("start", start, (6, 6), textcoords="offset points")
        axes.set_xlim(surface.x[0], surface.x[-1])
        axes.set_ylim(surface.y[0], surface.y[-1])
        axes.set_xlabel(names[0])
        axes.set_ylabel(names[1])
        add_legend(axes)


def _heights(surface: LossSurface) -> Array | None:
    """The loss above its least value, its logarithm where it is large; None where it is flat."""
    finite = np.isfinite(surface.loss)
    if not finite.any():
        return None
    least, largest = surface.loss[finite].min(), surface.loss[finite].max()
    if not least < largest < math.inf:
        return None
    heights = np.where(finite, surface.loss, largest) - least
    unit = float(np.median(heights)) * 1e-2
    scaled: Array = np.log1p(heights / unit) if unit > 0 else heights
    return scaled
