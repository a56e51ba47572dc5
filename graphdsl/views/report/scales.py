"""Axes: the values of a chart come in, a scale with its ticks goes out."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from graphdsl.graph.kernel import Array
from graphdsl.views.drawing.notes import number_text

SPAN = 20.0
"""Positive values that span more than this factor get a logarithmic scale."""
ROOM = 0.04
"""The part of a linear axis that is left free beyond the values."""
TINY = 1e-300
MOST, LEAST = sys.float_info.max, math.ulp(0.0)
NICE = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis from `low` to `high`."""

    low: float
    high: float
    log: bool = False

    def place(self, values: Array) -> Array:
        """Where values stand: 0 at the low end, 1 at the high one; nan where there is no place."""
        if not self.log:
            # halves, since the whole distance of two large numbers may be beyond any float
            span = self.high / 2 - self.low / 2
            return np.asarray((values / 2 - self.low / 2) / span)
        with np.errstate(divide="ignore", invalid="ignore"):
            placed = np.log10(values) - math.log10(self.low)
        return np.asarray(placed / (math.log10(self.high) - math.log10(self.low)))

    def at(self, value: float) -> float:
        """Where one value stands."""
        return float(self.place(np.asarray(value)))

    def ticks(self, most: int = 6) -> list[float]:
        """Round numbers on the axis, at most about so many."""
        return list(self._decades(most) if self.log else _multiples(self.low, self.high, most))

    def _decades(self, most: int) -> Iterator[float]:
        low, high = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
        if high - low < 1:
            yield from _multiples(self.low, self.high, most)
            return
        step = max(1, math.ceil((high - low + 1) / most))
        yield from (10.0**power for power in range(low, high + 1, step))


def scale_values(values: Array) -> Scale:
    """The scale of a vertical axis; of values that are not finite none is shown."""
    numbers = values[np.isfinite(values)]
    if not numbers.size:
        return Scale(0.0, 1.0)
    low, high = float(numbers.min()), float(numbers.max())
    if low > 0 and high > SPAN * low:
        room = 10 ** ((math.log10(high) - math.log10(low)) * ROOM)
        return Scale(max(low / room, LEAST), min(high * room, MOST), log=True)
    room = 2 * ROOM * (high / 2 - low / 2)
    if room < TINY:  # one value, or what no axis can tell from it
        room = abs(low) / 2 if abs(low) > TINY else 0.5
        return Scale(max(low - room, -MOST), min(high + room, MOST))
    bottom = 0.0 if 0 <= low < 8 * room else low - room
    return Scale(max(bottom, -MOST), min(high + room, MOST))


def scale_epochs(epochs: Array) -> Scale:
    """The scale of a horizontal axis; one epoch alone stands in the middle."""
    low, high = float(epochs.min()), float(epochs.max())
    return Scale(low - 0.5, high + 0.5) if low == high else Scale(low, high)


def whole_ticks(scale: Scale) -> list[float]:
    """Whole numbers on an axis, fewer where their labels are long."""
    most = 7 if scale.high < 10_000 else 4
    return [tick for tick in _multiples(scale.low, scale.high, most) if tick == int(tick)]


def tick_text(value: float) -> str:
    """A tick's label: `0.25`, `−3`, `1e−5`, `20,000`, `1e6`."""
    if value == int(value) and 1e3 < abs(value) < 1e6:  # a longer one would stick out
        return f"{int(value):,}".replace("-", "−")
    return short_number(value, 4)


def short_number(value: float, digits: int = 5) -> str:
    """A number in few digits, its exponent without zeros in front."""
    return re.sub(r"e(−?)\+?0*(\d)", r"e\1\2", number_text(float(value), digits))


def _multiples(low: float, high: float, most: int) -> Iterator[float]:
    """The multiples of a round number between two others."""
    span = high / most - low / most
    if not (span > 0 and math.isfinite(span)) or span < 1e-300:
        yield low
        return
    power = 10.0 ** math.floor(math.log10(span))
    step = next(nice * power for nice in NICE if nice * power >= span * (1 - 1e-9))
    for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1):
        yield float(f"{number * step:.12g}")  # without the dust of a product
