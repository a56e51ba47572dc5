"""Arrays as a page shows them: exact numbers, short texts, whole tensors, summaries."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from graphdsl.views.page.numbers import exact_text, number_or_tensor, short_text


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.array([3.0, -1.0]), "[3, −1]"),
        (np.array([[3.0], [-1.0]]), "[3; −1]"),
        (np.arange(100.0), "0 … 99"),
        (np.zeros((4, 4)), "all 0"),
        (np.array([1.0, np.nan] * 9), "9 not finite"),
        (np.array([True, False] * 9), "9 of 18 true"),
        (np.zeros((0, 3)), "empty"),
        (np.array([[[1.0, 2.0]]]), "1 … 2"),
    ],
)
def test_tensors_beside_boxes_are_short(array: np.ndarray, text: str) -> None:
    assert short_text(array) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (np.float64(412.191457284121), "412.191457284121"),
        (np.float32(0.1), "0.1"),
        (np.float64(-2.0), "−2"),
        (np.float64(1e300), "1e+300"),
        (np.float64("nan"), "nan"),
        (np.float64("-inf"), "−∞"),
        (np.int64(-7), "−7"),
        (np.bool_(True), "true"),
    ],
)
def test_numbers_are_exact(number: Any, text: str) -> None:
    assert exact_text(number) == text
    if np.isfinite(number) and not isinstance(number, np.bool_):
        assert type(number)(text.replace("−", "-")) == number


def test_small_tensors_are_whole_large_ones_a_summary() -> None:
    small = number_or_tensor(np.array([[1.0, 2.5], [3.0, 4.0]]))
    assert small["rows"] == {"cells": [["1", "2.5"], ["3", "4"]]}
    deep = number_or_tensor(np.arange(8.0).reshape(2, 2, 2))
    assert deep["rows"]["labels"] == ["[0, 0]", "[0, 1]", "[1, 0]", "[1, 1]"]
    large = number_or_tensor(np.arange(1000.0))
    assert "rows" not in large
    assert sum(large["bins"]) == 1000
    assert large["facts"]["norm"] == "18243.7"
    assert large["facts"]["zero"] == "1 of 1,000"


@pytest.mark.parametrize(
    "array",
    [
        np.full(500, np.nan),
        np.full(500, np.inf),
        np.full(500, 1e308),
        np.array([-1e308, 1e308] * 99),
        np.zeros((3, 0, 2)),
        np.arange(500),
        np.ones(500, bool),
        np.float64("nan") * np.ones(()),
    ],
    ids=["nan", "inf", "huge", "wide", "empty", "i64", "bool", "scalar nan"],
)
def test_any_array_can_be_told(array: np.ndarray) -> None:
    json.dumps(number_or_tensor(np.asarray(array)), allow_nan=False)
