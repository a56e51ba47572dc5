"""A chart as inline SVG: curves by epoch come in, markup goes out.

Places are percentages, so that one drawing fits every width with letters that stay as they are;
what is drawn without letters is stretched. Curves differ in colour, in dashes and in the shape of
their marks, so that they can be told apart in grey too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np

from graphdsl.graph.kernel import Array
from graphdsl.views.report.markup import Attributes, Markup, element
from graphdsl.views.report.scales import (
    Scale,
    scale_epochs,
    scale_values,
    tick_text,
    whole_ticks,
)
from graphdsl.views.report.thinning import is_thinned, medians, thin

UNITS = 1000
"""The stretched drawing is so wide and so high."""
NEAR_END, SHORT = 0.97, 3
"""Beyond this share of the width a label of more characters would stick out if it stood in the
middle of its tick."""
MARKS = 5
"""Marks on a curve."""
COLORS = ("#1d5fa9", "#b4400f", "#1a7f64", "#7a4fa3", "#8a6a00", "#5b6770")
DASHES = ("", "6 3", "2 2.5", "9 3 2 3")
SHAPES = (
    "M-3.4 0a3.4 3.4 0 1 0 6.8 0a3.4 3.4 0 1 0 -6.8 0z",
    "M-3 -3h6v6h-6z",
    "M0 -4.2L4 3H-4z",
    "M0 -4.4L4.4 0L0 4.4L-4.4 0z",
)
INK, FAINT = "#565b64", "#d8dade"


@dataclass(frozen=True, slots=True)
class Look:
    """How a curve is told from others; `number` is its place among the page's colours."""

    number: int
    color: str
    dashes: str
    shape: str


@dataclass(frozen=True, slots=True)
class Curve:
    """A value by epoch; epochs rise, values may be nan."""

    label: str
    epochs: Array
    values: Array

    def middle(self) -> Curve:
        """The median of each column of a picture; a curve that is not thinned is its own middle."""
        if not is_thinned(self.epochs):
            return self
        places, values = medians(self.epochs, self.values)
        return Curve(self.label, places, values)


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves that share both axes; `marks` are epochs to draw a line at, with what it says."""

    title: str
    curves: Sequence[Curve]
    marks: Sequence[tuple[float, str]] = ()

    @property
    def epochs(self) -> Array:
        """Every epoch of some curve, rising."""
        return np.unique(np.concatenate([curve.epochs for curve in self.curves]))

    @property
    def scales(self) -> tuple[Scale, Scale]:
        """Along the epochs, and along the values."""
        values = np.concatenate([curve.values for curve in self.curves])
        return scale_epochs(self.epochs), scale_values(values)


def looks(count: int) -> list[Look]:
    """A look for each of several curves."""
    rows = zip(range(count), cycle(COLORS), cycle(DASHES), cycle(SHAPES), strict=False)
    return [Look(number % len(COLORS), *rest) for number, *rest in islice(rows, count)]


def draw_plot(chart: Chart, attributes: Attributes | None = None) -> Markup:
    """The plot without its legend; letters stand outside of its frame, to the left and below."""
    across, up = chart.scales
    several = list(zip(chart.curves, looks(len(chart.curves)), strict=True))
    paths = _paths(several, across, up)
    stretched = {
        "viewBox": f"0 0 {UNITS} {UNITS}",
        "preserveAspectRatio": "none",
        "width": "100%",
        "height": "100%",
        "overflow": "visible",
    }
    said = {"role": "img", "aria-label": describe(chart), "overflow": "visible"}
    marked = (_marks(curve, look, (across, up), len(several) > 1) for curve, look in several)
    return element(
        "svg",
        {**said, **(attributes or {})},
        *_grid(across, up),
        *_lines(chart.marks, across),
        element("svg", stretched, *paths),
        *(mark for each in marked for mark in each),
    )


def swatch(look: Look, marked: bool = True) -> Markup:
    """A piece of a curve, for a legend."""
    line = {"x1": "1", "x2": "27", "y1": "6", "y2": "6", **_stroke(look)}
    shape = {"d": look.shape, "transform": "translate(14 6)", **_fill(look)}
    parts = (element("line", line), element("path", shape) if marked else None)
    size = {"class": "swatch", "width": "28", "height": "12", "viewBox": "0 0 28 12"}
    return element("svg", {**size, "aria-hidden": "true"}, *parts)


def describe(chart: Chart) -> str:
    """The chart in a sentence for those who do not see it."""
    said = "; ".join(_told(curve) for curve in chart.curves)
    return f"{chart.title} by epoch: {said}"


def _told(curve: Curve) -> str:
    finite = np.flatnonzero(np.isfinite(curve.values))
    if not len(finite):
        return f"{curve.label} has no finite value"
    first, last = (tick_text(float(curve.values[at])) for at in (finite[0], finite[-1]))
    return f"{curve.label} from {first} to {last}"


def _grid(across: Scale, up: Scale) -> Iterator[Markup]:
    ends = {"x1": "0", "x2": "100%", "stroke": FAINT, "class": "grid"}
    letters = {"font-size": "12", "fill": INK, "class": "tick"}
    for tick in up.ticks():
        y = _percent(1 - up.at(tick))
        yield element("line", {**ends, "y1": y, "y2": y})
        place = {"x": "-8", "y": y, "dy": ".32em", "text-anchor": "end"}
        yield element("text", {**letters, **place}, tick_text(tick))
    for tick in whole_ticks(across):
        x = _percent(across.at(tick))
        sticks_out = across.at(tick) > NEAR_END and len(tick_text(tick)) > SHORT
        anchor = "end" if sticks_out else "middle"
        place = {"x": x, "y": "100%", "dy": "1.5em", "text-anchor": anchor}
        yield element("text", {**letters, **place}, tick_text(tick))


def _lines(marks: Sequence[tuple[float, str]], across: Scale) -> Iterator[Markup]:
    for epoch, said in marks:
        at = across.at(epoch)
        x = _percent(at)
        line = {"x1": x, "x2": x, "y1": "0", "y2": "100%", "stroke": INK, "class": "kept"}
        yield element("line", {**line, "stroke-dasharray": "1 3"})
        place = {"x": x, "y": "0", "dy": "-.4em", "text-anchor": "end" if at > 0.5 else "start"}
        yield element("text", {**place, "font-size": "11", "fill": INK, "class": "tick"}, said)


def _paths(several: Sequence[tuple[Curve, Look]], across: Scale, up: Scale) -> Iterator[Markup]:
    """The curves; a long one as a faint line through all that it does and, above all faint ones, a
    clear one through its middle."""
    # the opacity is that of the whole: where a stroke crosses itself it is no darker
    faint: Attributes = {"stroke-width": "1", "opacity": "0.3", "stroke-dasharray": None}
    for curve, look in several:
        if is_thinned(curve.epochs):
            yield _path(curve, {**_stroke(look), **faint}, across, up)
    for curve, look in several:
        yield _path(curve.middle(), _stroke(look), across, up)


def _path(curve: Curve, stroke: Attributes, across: Scale, up: Scale) -> Markup:
    kept = thin(curve.epochs, curve.values)
    x = across.place(curve.epochs[kept])
    y = 1 - up.place(curve.values[kept])
    words, lifted = [], True
    for at, height in zip(x, y, strict=True):
        if not np.isfinite(height):
            lifted = True
            continue
        sign = "M" if lifted else "L"
        words.append(f"{sign}{at * UNITS:.1f} {height * UNITS:.1f}")
        if lifted:
            words.append("h0")  # so that a point between two gaps is a dot at least
        lifted = False
    shape = {"d": "".join(words), "fill": "none", "vector-effect": "non-scaling-stroke"}
    round = {"stroke-linecap": "round", "stroke-linejoin": "round"}
    return element("path", {**shape, **round, **stroke})


def _marks(
    curve: Curve, look: Look, scales: tuple[Scale, Scale], beside_others: bool
) -> Iterator[Markup]:
    curve, (across, up) = curve.middle(), scales
    places = _lone_points(curve)
    if beside_others:
        places |= _spread_points(curve, look)
    for at in sorted(places):
        x = _percent(across.at(curve.epochs[at]))
        y = _percent(1 - up.at(curve.values[at]))
        shape = element("path", {"d": look.shape, **_fill(look)})
        yield element("svg", {"x": x, "y": y, "overflow": "visible"}, shape)


def _lone_points(curve: Curve) -> set[int]:
    """Points between gaps, or of one epoch alone, which no line leads to."""
    finite = np.pad(np.isfinite(curve.values), 1)
    return set(np.flatnonzero(finite[1:-1] & ~finite[:-2] & ~finite[2:]).tolist())


def _spread_points(curve: Curve, look: Look) -> set[int]:
    """Points here and there, in other places than those of the curve before."""
    finite = np.flatnonzero(np.isfinite(curve.values))
    if not len(finite):
        return set()
    shares = (np.arange(MARKS) + 0.5 + 0.22 * (look.number - 1)) / MARKS
    return {int(finite[int(share * (len(finite) - 1))]) for share in shares % 1.0}


def _stroke(look: Look) -> dict[str, str | None]:
    dashes = look.dashes or None
    return {
        "class": f"curve-{look.number}",
        "stroke": look.color,
        "stroke-width": "2",
        "stroke-dasharray": dashes,
    }


def _fill(look: Look) -> dict[str, str]:
    return {"class": f"mark-{look.number}", "fill": look.color}


def _percent(share: float) -> str:
    return f"{100 * share:.2f}%"
