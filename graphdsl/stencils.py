"""Finite differences along a line: a function of the step and its claimed derivative come in, how
far the two are apart, element by element, goes out.

Three stencils are tried, as each fails elsewhere: the central difference at h = ε^(1/3); the
five-point one at ε^(1/5), which rounding disturbs least; the central one at h/64, which may stay on
one side of a kink (Nocedal & Wright, Numerical Optimization, 2nd ed. 2006, section 8.1). Where the
two one-sided slopes differ however short the step, the point stands on a kink: there is no
derivative to compare.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from graphdsl.graph.kernel import Array

EPSILON = float(np.finfo(np.float64).eps)
CLOSE = 1e-6
"""A relative error below this is not looked into."""
SHORTER = 64
"""By what the short step is shorter."""

Line = Callable[[float], Array]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The relative error and the difference of each element; `kinks` are those without a slope."""

    error: Array
    difference: Array
    kinks: Array


def compare(
    found: Array, line: Line, unit: float = 1.0, *, jointly: bool = False, least: float = 0.0
) -> Comparison:
    """Compare `found` with the derivative of `line` at 0; `unit` is the size of what is moved.

    Errors are relative to the larger of the two, or, `jointly`, to the largest element found; or
    to the accuracy that differences can have where that is larger: of values of the line's size,
    or of `least`, from which they were computed.
    """
    h = EPSILON ** (1 / 3) * unit
    size = np.maximum(np.abs(line(0.0)), least)
    scale = np.abs(found).max(initial=0) if jointly else np.abs(found)

    def judge(difference: Array, accuracy: float) -> tuple[Array, Array]:
        floor = np.maximum(1e4 * accuracy * (size.max(initial=0) if jointly else size), EPSILON)
        larger = scale if jointly else np.maximum(scale, np.abs(difference))
        return np.abs(found - difference) / np.maximum(larger, floor), difference

    error, difference = judge(_central(line, h), EPSILON ** (2 / 3) / unit)
    if (error <= CLOSE).all():
        return Comparison(error, difference, np.zeros(error.shape, bool))
    wide = EPSILON ** (1 / 5) * unit
    for other, accuracy in (
        (_five_point(line, wide), EPSILON ** (4 / 5)),
        (_central(line, h / SHORTER), 10 * SHORTER * EPSILON ** (2 / 3)),
    ):
        nearer, value = judge(other, accuracy / unit)
        difference = np.where(nearer < error, value, difference)
        error = np.fmin(error, nearer)
    kinks = (error > CLOSE) & _stands_on_kink(line, h, size)
    return Comparison(error, difference, kinks)


def _central(line: Line, h: float) -> Array:
    return np.asarray((line(h) - line(-h)) / (2 * h))


def _five_point(line: Line, h: float) -> Array:
    return np.asarray((8 * (line(h) - line(-h)) - (line(2 * h) - line(-2 * h))) / (12 * h))


def _stands_on_kink(line: Line, h: float, size: Array) -> Array:
    """Whether the slopes to both sides, or the values, still differ at the short step by more than
    half of what they do at four times that step; on a smooth line it is a quarter or less."""
    step = h / SHORTER
    here, near, far = line(0.0), (line(step), line(-step)), (line(4 * step), line(-4 * step))
    bend = np.abs(near[0] - 2 * here + near[1])
    leap = np.abs(near[0] - near[1])
    bends = bend > np.abs(far[0] - 2 * here + far[1]) / 8
    leaps = leap > np.abs(far[0] - far[1]) / 2
    told = 128 * EPSILON * size  # less may be rounding
    return np.asarray((bends & (bend > told)) | (leaps & (leap > told)))
