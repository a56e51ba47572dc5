"""Differences along a line, where each stencil serves."""

from __future__ import annotations

import numpy as np

from graphdsl.stencils import compare


def test_a_smooth_line() -> None:
    made = compare(np.array([1.0, 2.0]), lambda s: np.array([np.sin(s), np.exp(2 * s)]))
    assert made.error.max() < 1e-9
    assert not made.kinks.any()


def test_a_wrong_derivative_of_a_smooth_line_is_no_kink() -> None:
    made = compare(np.array([1.001]), lambda s: np.array([np.sin(s) + 5 * s**2]))
    assert made.error[0] > 9e-4
    assert not made.kinks.any()


def test_rounding_is_seen_through() -> None:
    """A small slope on a large value: the central difference alone is off by a thousandth."""
    made = compare(np.array([1e-6]), lambda s: np.array([1e6 + 1e-6 * s]))
    assert made.error[0] < 1e-6 or not made.kinks.any()


def test_a_kink_nearby_and_a_kink_here() -> None:
    near = compare(np.array([0.0]), lambda s: np.array([max(s - 1e-6, 0.0) + 1]))
    assert near.error[0] < 1e-6
    here = compare(np.array([0.0]), lambda s: np.array([max(s, 0.0) + 1]))
    assert here.kinks.all()


def test_a_leap_is_a_kink_of_what_it_is_the_slope_of() -> None:
    """sign(x), the derivative of |x|: it is odd, so that its bend at 0 is none."""
    assert compare(np.array([0.0]), lambda s: np.array([np.sign(s)])).kinks.all()
    steep = compare(np.array([1.0]), lambda s: np.array([1e3 * s]))
    assert steep.error[0] > 0.9
    assert not steep.kinks.any()


def test_errors_are_relative_to_the_largest_element_if_wished() -> None:
    def line(step: float) -> np.ndarray:
        return np.array([3 * step, 1e-9 * step])

    found = np.array([3.0, 2e-9])
    assert compare(found, line).error.max() > 0.4
    assert compare(found, line, jointly=True).error.max() < 1e-8
