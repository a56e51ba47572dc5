"""Axes: every value has its place, ticks are round numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdsl.views.report.scales import (
    scale_epochs,
    scale_values,
    short_number,
    tick_text,
    whole_ticks,
)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True)))
def test_finite_values_stand_on_the_axis_in_their_order(numbers: list[float]) -> None:
    values = np.array(numbers, dtype=float)
    scale = scale_values(values)
    finite = np.sort(values[np.isfinite(values)])
    places = scale.place(finite)
    assert ((places >= -1e-9) & (places <= 1 + 1e-9)).all()
    assert (np.diff(places) >= 0).all()
    assert len(scale.ticks()) <= 14
    assert all(math.isfinite(tick) for tick in scale.ticks())


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.0, 1.0], ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        ([1e-5, 1.0], ["1e−5", "0.0001", "0.001", "0.01", "0.1", "1"]),
        ([2.0, 2.0], ["1", "1.5", "2", "2.5", "3"]),
        ([-1.0, 1.0], ["−1", "−0.5", "0", "0.5", "1"]),
        ([0.0, 5e6], ["0", "1e6", "2e6", "3e6", "4e6", "5e6"]),
        ([1e3, 1e8], ["1000", "10,000", "100,000", "1e6", "1e7", "1e8"]),
        ([0.0, 50_000.0], ["0", "10,000", "20,000", "30,000", "40,000", "50,000"]),
    ],
)
def test_ticks_are_round(values: list[float], ticks: list[str]) -> None:
    assert [tick_text(tick) for tick in scale_values(np.array(values)).ticks()] == ticks


def test_positive_values_of_many_sizes_get_a_logarithm() -> None:
    assert scale_values(np.array([0.01, 1.0])).log
    assert not scale_values(np.array([0.0, 1.0])).log
    assert not scale_values(np.array([0.1, 1.0])).log


def test_epochs_are_whole() -> None:
    assert whole_ticks(scale_epochs(np.array([1.0, 3.0]))) == [1, 2, 3]
    assert whole_ticks(scale_epochs(np.array([4.0]))) == [4]
    assert scale_epochs(np.array([4.0])).at(4) == 0.5


@pytest.mark.parametrize(
    ("number", "text"),
    [(1.5e-7, "1.5e−7"), (-2.0, "−2"), (1e20, "1e20"), (math.nan, "nan"), (-math.inf, "−inf")],
)
def test_numbers_are_short(number: float, text: str) -> None:
    assert short_number(number) == text
