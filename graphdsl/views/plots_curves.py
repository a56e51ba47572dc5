"""Outputs as curves of an input, each beside its derivative; a panel for each output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from graphdsl.graph.kernel import Array
from graphdsl.views.plots import line_styles, written_panels


@dataclass(frozen=True, slots=True)
class Curve:
    """An output at each value of an input, and its derivative there, if it has one."""

    name: str
    values: Array
    slopes: Array | None = None


def draw_curves(
    path: Path, input: str, points: Array, curves: Sequence[Curve], columns: int = 4
) -> None:
    """Draw the curves in panels of one size; a value that is not finite is left out."""
    with written_panels(path, len(curves), columns, (2.6, 2.1)) as panels:
        value, slope = line_styles(2)
        for axes, curve in zip(panels, curves, strict=True):
            axes.axhline(0, color="#999999", linewidth=0.7)
            axes.axvline(0, color="#999999", linewidth=0.7)
            axes.plot(points, curve.values, label="value", **value)
            if curve.slopes is not None:
                axes.plot(points, curve.slopes, label="derivative", **slope)
            axes.set_title(curve.name)
            axes.set_xlim(float(points.min()), float(points.max()))
        for axes in panels[-min(columns, len(panels)) :]:
            axes.set_xlabel(input)
        both = (axes.get_legend_handles_labels()[0] for axes in panels)
        handles = next((lines for lines in both if len(lines) > 1), None)
        if handles is not None:
            panels[0].figure.legend(handles=handles, loc="outside upper right", ncols=2)
