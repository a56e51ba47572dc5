"""Thinned curves look the same: what a column of pixels shows of them is all there."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdsl.views.report.thinning import find_columns, medians, ranges, spans, thin

NUMBERS = st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=2)


@given(NUMBERS, st.integers(1, 5))
def test_each_column_keeps_its_ends_and_its_extremes(numbers: list[float], columns: int) -> None:
    y, x = np.array(numbers), np.arange(len(numbers), dtype=float)
    kept = thin(x, y, columns)
    assert list(kept) == sorted(set(kept.tolist()))
    assert len(kept) <= max(5 * columns, 4 * columns)
    for start, end in spans(x, x[0], x[-1], columns):
        inside = kept[(kept >= start) & (kept < end)]
        before, after = y[start:end][np.isfinite(y[start:end])], y[inside][np.isfinite(y[inside])]
        assert len(before) == 0 or before[0] == after[0]
        assert len(before) == 0 or before[-1] == after[-1]
        assert before.min(initial=np.inf) == after.min(initial=np.inf)
        assert before.max(initial=-np.inf) == after.max(initial=-np.inf)
        assert np.isfinite(y[start:end]).all() == np.isfinite(y[inside]).all()


def test_a_curve_of_few_points_is_left_as_it_is() -> None:
    x = np.arange(40.0)
    assert list(thin(x, np.sin(x), 10)) == list(range(40))
    assert len(thin(np.arange(4100.0), np.sin(np.arange(4100.0)), 10)) <= 40


def test_what_is_pointed_at_tells_how_far_the_curve_reaches_there() -> None:
    x = np.arange(1.0, 10_001)
    y = np.zeros(10_000)
    y[[4321, 4322]] = 7, np.nan
    columns = find_columns(x, 100)
    told = list(ranges(x, y, columns))
    assert [columns[0][0], columns[-1][1], len(columns)] == [1, 10_000, 100]
    assert all(b[0] == a[1] + 1 for a, b in pairwise(columns))
    (place,) = [k for k, (first, last) in enumerate(columns) if first <= 4322 <= last]
    assert told[place] == (0, 7)
    assert told.count((0, 0)) == 99


def test_few_epochs_are_pointed_at_one_by_one_and_gaps_told() -> None:
    x = np.array([1.0, 2, 5])
    assert find_columns(x) == [(1, 1), (2, 2), (5, 5)]
    assert list(ranges(x[:2], np.array([3, np.nan]), find_columns(x))) == [(3, 3), None, None]


@pytest.mark.parametrize("count", [2, 599, 600, 601, 5000])
def test_columns_hold_every_epoch_once(count: int) -> None:
    x = np.sort(np.random.default_rng(0).choice(10 * count, count, replace=False)).astype(float)
    columns = find_columns(x)
    assert len(columns) <= 600
    assert sum(((x >= a) & (x <= b)).sum() for a, b in columns) == count


def test_a_long_curve_has_a_middle() -> None:
    y = np.tile([1.0, 2.0, 9.0], 1000)
    y[:30] = np.nan
    places, values = medians(np.arange(3000.0), y, 100)
    assert np.isnan(values[0])
    assert set(values[1:]) == {2.0}
    assert list(places[:2]) == [14.5, 44.5]
