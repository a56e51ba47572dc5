"""Means and squares of arrays, in f64, of all sizes that a float holds: arrays come in one by one,
and their means, their deviations and their root mean squares go out.

The square of what is beyond 1e154 is no float, nor of what is below 1e-162. Everything is therefore
measured in powers of two near the largest element so far, which changes no bit of what lies
between.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from graphdsl.graph.kernel import Array

BETA = 0.95
"""What a batch weighs in the moving averages beside the one after it."""

LEAST = -1073
"""The exponent of the power of two just above the smallest float that is not 0."""


def root_mean_square(array: Array) -> float:
    """The size of an array's elements; 0 of none."""
    values = array.astype(np.float64)
    if not values.size:
        return 0.0
    unit = _find_unit(values)
    mean = np.mean(np.square(_scale(values, -unit)))
    return float(_scale(np.sqrt(mean), unit))


def _find_unit(values: Array) -> int:
    """The exponent of the power of two just above all elements; 0 of those that are not finite."""
    largest = float(np.abs(values).max(initial=0.0))
    if not largest:
        return LEAST
    return math.frexp(largest)[1] if math.isfinite(largest) else 0


def _scale(values: Array | float, unit: int) -> Array:
    """2^unit times the values; beyond any float it is inf."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        scaled: Array = np.ldexp(values, unit)
    return scaled


@dataclass(slots=True)
class Sums:
    """The moments of all elements of several arrays together."""

    count: int = 0
    zeros: int = 0
    smallest: float = math.inf
    largest: float = 0.0
    _unit: int = LEAST
    _total: float = 0.0
    _squares: float = 0.0

    def add(self, array: Array) -> None:
        """Take in an array."""
        values = array.astype(np.float64).ravel()
        if not values.size:
            return
        sizes = np.abs(values)
        self.count += values.size
        self.zeros += int(values.size - np.count_nonzero(values))
        self.smallest = min(self.smallest, float(sizes.min()))
        self.largest = max(self.largest, float(sizes.max()))
        self._measure_in(_find_unit(sizes))
        values = _scale(values, -self._unit)
        self._total += float(values.sum())
        self._squares += float(values @ values)

    def _measure_in(self, unit: int) -> None:
        """Measure what there is in 2^unit, if that is more than before."""
        if unit > self._unit:
            self._total = float(_scale(self._total, self._unit - unit))
            self._squares = float(_scale(self._squares, 2 * (self._unit - unit)))
            self._unit = unit

    @property
    def mean(self) -> float:
        """The mean of the elements; 0 of none."""
        return self._tell(self._total / max(self.count, 1))

    @property
    def deviation(self) -> float:
        """Their standard deviation."""
        count = max(self.count, 1)
        mean, square = self._total / count, self._squares / count
        return self._tell(math.sqrt(max(square - mean * mean, 0.0)))

    @property
    def rms(self) -> float:
        """The root of the mean of their squares."""
        return self._tell(math.sqrt(self._squares / max(self.count, 1)))

    def _tell(self, measured: float) -> float:
        return float(_scale(measured, self._unit))


@dataclass(slots=True)
class _Moving:
    """The moving mean of an array and its moving variance, in 2^unit and its square."""

    unit: int
    mean: Array
    spread: Array

    def add(self, values: Array, share: float) -> None:
        """Take in an array of which so large a share goes into the averages."""
        if (unit := _find_unit(values)) > self.unit:
            self.mean = _scale(self.mean, self.unit - unit)
            self.spread = _scale(self.spread, 2 * (self.unit - unit))
            self.unit = unit
        scaled = _scale(values, -self.unit)
        step = scaled - self.mean
        self.mean += share * step
        self.spread += share * (step * (scaled - self.mean) - self.spread)


@dataclass(slots=True)
class MovingMoments:
    """Moving averages of the mean and the variance of arrays, element by element, each batch
    weighing β times as much as the one after it (Finch, 2009); both are divided by the sum of the
    weights, so that they are right from the first batch."""

    beta: float = BETA
    count: int = 0
    _moving: dict[str, _Moving] = field(default_factory=dict)

    def add(self, values: Mapping[str, Array]) -> None:
        """Take in a batch's arrays."""
        self.count += 1
        # the weights sum to 1 - β^count: dividing by it each time, the mean is exact throughout
        share = (1 - self.beta) / (1 - self.beta**self.count)
        for name, array in values.items():
            value = array.astype(np.float64)
            if name not in self._moving:
                self._moving[name] = _Moving(LEAST, np.zeros_like(value), np.zeros_like(value))
            self._moving[name].add(value, share)

    def mean(self, name: str) -> Array:
        """The moving average of each element."""
        return _scale(self._moving[name].mean, self._moving[name].unit)

    def variance(self, name: str) -> Array:
        """The moving variance of each element; inf where that is no float."""
        return _scale(self._moving[name].spread, 2 * self._moving[name].unit)

    def deviation(self, name: str) -> float:
        """The root of the mean, over the elements, of their moving variances; 0 of none."""
        moving = self._moving[name]
        mean = float(moving.spread.mean()) if moving.spread.size else 0.0
        return float(_scale(math.sqrt(mean), moving.unit))
