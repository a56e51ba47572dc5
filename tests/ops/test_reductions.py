"""Reductions at their edges: of integers, of nothing, of infinities, of equal elements, far out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphdsl.graph.op import OPS
from ops.harness import apply, vjp
from ops.tensor_cases import RNG, draw


def test_sums_of_integers_and_truth_values() -> None:
    i, b = np.arange(6, dtype=np.int32).reshape(2, 3), np.array([True, False, True])
    assert apply("sum", i, axis=0).tolist() == [3, 5, 7]
    assert apply("sum", i).dtype == np.int64
    assert apply("sum", b).item() == 2
    assert apply("mean", b).dtype == np.float32
    assert apply("mean", np.ones(49, bool)).item() == 1
    assert apply("max", i, axis=1).tolist() == [2, 5]
    assert apply("max", b).item() is True
    assert apply("min", b).item() is False
    assert apply("vdot", i, i).item() == 55


def test_sum_of_many_in_single_precision() -> None:
    x = RNG.random(300_000, dtype=np.float32)
    assert apply("sum", x).item() == pytest.approx(x.sum(dtype=np.float64), rel=1e-5)


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min"])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_reductions_with_infinities_and_nan(name: str, axis: int | None) -> None:
    x = np.array([[1, np.inf], [np.nan, 2], [3, 4]])
    expected = getattr(np, name)(x, axis=axis)
    np.testing.assert_array_equal(apply(name, x, axis=axis), expected)


def test_reductions_of_nothing() -> None:
    x = np.zeros((0, 3))
    assert apply("sum", x, axis=0).tolist() == [0, 0, 0]
    assert np.isnan(apply("mean", x))
    assert apply("max", x, axis=0).tolist() == [-np.inf] * 3
    assert apply("min", x, axis=0).tolist() == [np.inf] * 3
    assert apply("max", x.astype(np.int32)).item() == -(2**31)
    assert apply("max", x, axis=1).shape == (0,)
    assert apply("argmax", x, axis=1).shape == (0,)
    assert apply("logsumexp", x, axis=0).tolist() == [-np.inf] * 3


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_positions_of_extrema(name: str, axis: int, keepdims: bool) -> None:
    x = draw(3, 4, 5)
    x[1, 2] = 3.5
    expected = getattr(np, name)(x, axis=axis, keepdims=keepdims)
    found = apply(name, x, axis=axis, keepdims=keepdims)
    np.testing.assert_array_equal(found, expected, strict=True)


def test_positions_default_to_the_last_axis() -> None:
    x = draw(3, 4)
    np.testing.assert_array_equal(apply("argmax", x), x.argmax(-1))


@pytest.mark.parametrize("name", ["any", "all"])
@pytest.mark.parametrize("axis", [None, 0, (0, 1)])
def test_quantifiers(name: str, axis: Any) -> None:
    for x in (RNG.random((3, 4)) > 0.4, RNG.integers(0, 2, (3, 4))):
        expected = getattr(np, name)(x, axis=axis)
        np.testing.assert_array_equal(apply(name, x, axis=axis), expected)


def test_gradient_of_equal_maxima_is_shared() -> None:
    x = np.array([[1.0, 3, 3], [2, 2, 2]])
    g = np.ones(2)
    found = vjp(OPS["max"], 0, g, x, axis=1, keepdims=False)
    np.testing.assert_allclose(found, [[0, 0.5, 0.5], [1 / 3] * 3])


def test_logsumexp_far_out() -> None:
    x = np.array([[1000.0, 1000], [-np.inf, -np.inf], [np.inf, 0], [-np.inf, 2]])
    expected = [1000 + np.log(2), -np.inf, np.inf, 2]
    np.testing.assert_allclose(apply("logsumexp", x, axis=1), expected)


def test_softmax_family_far_out() -> None:
    z = np.array([[1000.0, 0], [-1000, 0], [-np.inf, 0]])
    np.testing.assert_array_equal(apply("softmax", z), [[1, 0], [0, 1], [0, 1]])
    np.testing.assert_array_equal(apply("log_softmax", z), [[0, -1000], [-1000, 0], [-np.inf, 0]])
    np.testing.assert_array_equal(apply("cross_entropy", z, np.zeros(3, int)), [0, 1000, np.inf])
