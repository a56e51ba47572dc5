"""The size of gradients by layer, several models on one picture."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphdsl.training.statistics import LayerStatistics
from graphdsl.views.plots import add_legend, label_of, marked_lines, written_panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST_LAYERS = 5
"""Parameters of one name, `o[1].W`, `o[2].W`, …, from which on they are a curve by layer."""
_LONGEST = 24


@dataclass(frozen=True, slots=True)
class _Series:
    """A curve or a set of points: where each gradient stands, and its size."""

    label: str
    places: list[int]
    sizes: list[float]


def draw_gradients(path: Path, models: Mapping[str, Sequence[LayerStatistics]]) -> None:
    """Draw each model's gradients: by layer where parameters are repeated, and by name otherwise.

    A gradient that is exactly 0 has no place on a logarithmic scale: it stands below it, hollow.
    """
    with written_panels(path, size=(7.2, 4.2)) as (axes,):
        axes.set_yscale("log")
        repeated = {label: _repeated(rows) for label, rows in models.items()}
        by_layer = all(repeated.values())
        series = _by_layer(repeated) if by_layer else _by_name(models)
        if by_layer:
            axes.set_xlabel("layer")
        else:
            _name_places(axes, models)
        axes.set_ylabel("size of the gradient (rms)")
        axes.set_title("Gradients by layer")
        _draw_series(axes, series, joined=by_layer)
        add_legend(axes)


def _draw_series(axes: Axes, series: Sequence[_Series], joined: bool) -> None:
    positive = [size for one in series for size in one.sizes if _has_place(size)]
    low = 10.0 ** math.floor(math.log10(min(positive, default=0.1)))
    floor = low * 10.0 ** -(0.06 * math.log10(max(positive, default=1.0) / low) + 0.2)
    for one, (style, marker) in zip(series, marked_lines(len(series)), strict=True):
        sizes = [size if _has_place(size) else math.nan for size in one.sizes]
        line = style if joined else {**style, "linestyle": "none"}
        axes.plot(one.places, sizes, marker=marker, label=label_of(one.label), **line)
        gone = [place for place, size in zip(one.places, one.sizes, strict=True) if size == 0]
        hollow = {"color": style["color"], "fillstyle": "none", "clip_on": False}
        axes.plot(gone, [floor] * len(gone), marker, **hollow)
    if all(size for one in series for size in one.sizes):
        axes.set_ylim(bottom=low)
    else:
        _name_floor(axes, low, floor)


def _has_place(size: float) -> bool:
    """Whether a logarithmic scale has a place for a size."""
    return 0 < size < math.inf


def _name_floor(axes: Axes, low: float, floor: float) -> None:
    """Say what the points at `floor`, below the scale that begins at `low`, stand for."""
    axes.axhline(low, color="#999999", linewidth=0.8, linestyle=(0, (1, 2)))
    where: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "center"}
    beside: dict[str, Any] = {"textcoords": "offset points", "color": "#444444"}
    axes.annotate("exactly 0", (0, floor), (-6, 0), **where, **beside)
    _keep_ticks(axes, low)


def _keep_ticks(axes: Axes, low: float) -> None:
    """No tick below `low`: what stands there stands for 0, not for what the scale would say."""
    bottom, top = axes.get_ylim()
    for minor in (False, True):
        kept = [tick for tick in axes.get_yticks(minor=minor) if low <= tick <= top]
        axes.set_yticks(kept, minor=minor)
    axes.set_ylim(bottom, top)


def _by_layer(repeated: Mapping[str, Mapping[str, Curve]]) -> list[_Series]:
    return [
        _Series(f"{label}: {stem}", *curve)
        for label, curves in repeated.items()
        for stem, curve in curves.items()
    ]


def _by_name(models: Mapping[str, Sequence[LayerStatistics]]) -> list[_Series]:
    names = _names(models)
    return [
        _Series(label, [names.index(row.name) for row in rows], [row.rms for row in rows])
        for label, rows in models.items()
    ]


def _names(models: Mapping[str, Sequence[LayerStatistics]]) -> list[str]:
    return list(dict.fromkeys(row.name for rows in models.values() for row in rows))


def _name_places(axes: Axes, models: Mapping[str, Sequence[LayerStatistics]]) -> None:
    names = [_short(name) for name in _names(models)]
    axes.set_xticks(range(len(names)), names)
    axes.tick_params(axis="x", rotation=90 if len(names) > 8 else 0)


Curve = tuple[list[int], list[float]]


def _repeated(rows: Sequence[LayerStatistics]) -> dict[str, Curve]:
    """Sizes by layer for each name that many layers have, with `[l]` in the number's place."""
    curves: dict[str, Curve] = {}
    for row in rows:
        numbers = re.findall(r"\[(\d+)\]", row.name)
        if len(numbers) == 1 and len(row.shape) >= 2:
            layers, sizes = curves.setdefault(row.name.replace(f"[{numbers[0]}]", "[l]"), ([], []))
            layers.append(int(numbers[0]))
            sizes.append(row.rms)
    return {stem: curve for stem, curve in curves.items() if len(curve[0]) >= LEAST_LAYERS}


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"…{name[1 - _LONGEST :]}"
