"""The largest of windows, and their cotangents: ties, gaps, padding, and windows that overlap."""

from __future__ import annotations

import numpy as np
import pytest

import graphdsl

IMAGE = [[1, 3, 3, 0, 5], [3, 2, 0, 0, 4], [7, 7, 1, 6, 9]]


def gradient(call: str, x: list[list[float]], weights: list[list[float]]) -> np.ndarray:
    """That of the largest times weights."""
    height, width = np.shape(x)
    text = f"input x: [1, 1, {height}, {width}]\ninput r: [1, 1, {len(weights)}, {len(weights[0])}]"
    model = graphdsl.loads(f"{text}\nloss J = sum({call} * r)\n")
    feeds = {"x": np.array([[x]], np.float32), "r": np.array([[weights]], np.float32)}
    found = model.value_and_grad(**feeds, wrt=("x",))[1]["x"]
    assert isinstance(found, np.ndarray)
    return found[0, 0]


def test_equal_ones_share_and_what_no_window_holds_gets_nothing() -> None:
    found = gradient("max_pool2d(x, 2)", IMAGE, [[6, 8]])
    np.testing.assert_array_equal(found, [[0, 3, 8, 0, 0], [3, 0, 0, 0, 0], [0] * 5])


def test_windows_that_overlap_add_up() -> None:
    found = gradient("max_pool2d(x, [1, 2], stride = 1)", [[1, 2, 2, 0]], [[1, 10, 100]])
    np.testing.assert_array_equal(found, [[0, 1 + 5, 5 + 100, 0]])


def test_padding_is_never_the_largest() -> None:
    found = gradient("max_pool2d(x, 3, padding = 1)", [[-5, -2], [-3, -4]], [[2]])
    np.testing.assert_array_equal(found, [[0, 2], [0, 0]])


def test_windows_apart_leave_gaps() -> None:
    found = gradient("max_pool2d(x, [3, 1], stride = [1, 2])", IMAGE, [[1, 2, 4]])
    np.testing.assert_array_equal(found, [[0, 0, 2, 0, 0], [0] * 5, [1, 0, 0, 0, 4]])


def test_nan_is_the_largest() -> None:
    model = graphdsl.loads("input x: [1, 1, 4]\noutput y = max_pool1d(x, 2)\n")
    found = model.run(x=np.array([[[1, np.nan, 2, 3]]], np.float32))["y"]
    np.testing.assert_array_equal(found, [[[np.nan, 3]]])


@pytest.mark.parametrize("call", ["max_pool2d(x, 2)", "max_pool2d(x, 3, stride = 1, padding = 1)"])
def test_the_derivative_of_a_derivative(call: str) -> None:
    """That of y² is 2 y where y was found: once more, 2."""
    text = f"input x: [1, 1, 4, 4]\nx1 = x\noutput y = hvp(sum({call}^2), x, ones([1, 1, 4, 4]))\n"
    model = graphdsl.loads(text)
    x = np.random.default_rng(0).permutation(16).reshape(1, 1, 4, 4)
    counts = graphdsl.loads(f"input x: [1, 1, 4, 4]\noutput y = grad(sum({call}), x)\n").run(
        x=x.astype(np.float32)
    )["y"]
    np.testing.assert_array_equal(model.run(x=x.astype(np.float32))["y"], 2 * counts)
