"""Variances and normalisations: against NumPy, by differences, and where digits are lost easily."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphdsl.graph.kernel import Array
from graphdsl.graph.op import OPS
from ops.harness import apply, differences, vjp

RNG = np.random.default_rng(0)


def draw(*shape: int) -> Array:
    return np.asarray(RNG.uniform(-3, 3, shape))


def unit(x: Array, axis: Any, eps: float = 1e-5) -> Any:
    m, v = x.mean(axis, keepdims=True), x.var(axis, keepdims=True)
    return (x - m) / np.sqrt(v + eps)


def channels(scale: Array, x: Array, axis: int = 1) -> Any:
    return scale.reshape([-1 if a == axis % x.ndim else 1 for a in range(x.ndim)])


def layer_norm(x: Array, g: Array, b: Array, eps: float = 1e-5) -> Any:
    return unit(x, -1, eps) * g + b


def rms_norm(x: Array, g: Array, eps: float = 1e-5) -> Any:
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * g


def batch_norm(x: Array, *scales: Array, axis: int = 1, eps: float = 1e-5) -> Any:
    m, v, g, b = (channels(scale, x, axis) for scale in scales)
    return (x - m) / np.sqrt(v + eps) * g + b


def group_norm(x: Array, g: Array, b: Array, groups: int, eps: float = 1e-5) -> Any:
    found = unit(x.reshape(len(x), groups, -1), -1, eps).reshape(x.shape)
    return found * channels(g, x) + channels(b, x)


Case = tuple[str, tuple[Array, ...], dict[str, Any], Callable[..., Any]]
CASES: list[Case] = [
    ("var", (draw(4, 5),), {}, np.var),
    ("var", (draw(4, 5),), {"axis": 0, "keepdims": True}, np.var),
    ("var", (draw(2, 4, 5),), {"axis": (0, 2), "correction": 1}, np.var),
    ("std", (draw(4, 5),), {"axis": 1, "correction": 1}, np.std),
    ("std", (draw(4, 5),), {"axis": (0, 1)}, np.std),
    ("layer_norm", (draw(3, 4, 5), draw(5), draw(5)), {}, layer_norm),
    ("layer_norm", (draw(5), draw(5), draw(5)), {"eps": 0.1}, layer_norm),
    ("rms_norm", (draw(3, 5), draw(5)), {}, rms_norm),
    ("batch_norm", (draw(6, 3), draw(3), draw(3) ** 2, draw(3), draw(3)), {}, batch_norm),
    ("batch_norm", (draw(2, 3, 4), draw(3), draw(3) ** 2, draw(3), draw(3)), {}, batch_norm),
    (
        "batch_norm",
        (draw(2, 4, 3), draw(3), draw(3) ** 2, draw(3), draw(3)),
        {"axis": -1, "eps": 0.1},
        batch_norm,
    ),
    ("group_norm", (draw(3, 4), draw(4), draw(4)), {"groups": 2}, group_norm),
    ("group_norm", (draw(2, 6, 2, 3), draw(6), draw(6)), {"groups": 3}, group_norm),
]


def expected(case: Case) -> Any:
    _, operands, attrs, function = case
    attrs = dict(attrs)
    if "correction" in attrs:
        attrs["ddof"] = attrs.pop("correction")
    return function(*operands, **attrs)


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]}-{c[1][0].shape}-{c[2]}")
def test_value_and_gradients(case: Case) -> None:
    name, operands, attrs, _ = case
    y = apply(name, *operands, **attrs)
    np.testing.assert_allclose(y, expected(case), rtol=1e-11, atol=1e-12)
    single = apply(name, *(x.astype("f4") for x in operands), **attrs)
    np.testing.assert_allclose(single, expected(case), rtol=1e-4, atol=1e-4)
    g = draw(*y.shape)
    for position in range(len(operands)):
        found = vjp(OPS[name], position, g, *operands, **attrs)
        wanted = differences(OPS[name], position, g, *operands, **attrs)
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)


def test_variance_far_from_zero_keeps_its_digits() -> None:
    x = (1e4 + RNG.standard_normal((1000, 3))).astype("f4")
    np.testing.assert_allclose(apply("var", x, axis=0), x.var(0, dtype="f8"), rtol=1e-4)
    g, b = np.ones(1000, "f4"), np.zeros(1000, "f4")
    y = apply("layer_norm", np.ascontiguousarray(x.T), g, b)
    np.testing.assert_allclose(y, unit(x.T.astype("f8"), -1), atol=2e-3)


def test_deviation_of_equal_numbers_has_the_subgradient_0() -> None:
    x = np.full((2, 4), 0.3)
    assert apply("std", x, axis=1).tolist() == [0, 0]
    assert vjp(OPS["std"], 0, np.ones(2), x, axis=1).tolist() == np.zeros((2, 4)).tolist()


def test_variance_of_too_few_is_no_number() -> None:
    assert np.isnan(apply("var", draw(1, 3), axis=0, correction=1)).all()


@pytest.mark.parametrize("diagonal", [-2, 0, 1])
@pytest.mark.parametrize("name", ["tril", "triu"])
def test_triangles(name: str, diagonal: int) -> None:
    x, function = draw(2, 3, 4), getattr(np, name)
    np.testing.assert_array_equal(apply(name, x, diagonal=diagonal), function(x, diagonal))
    found = vjp(OPS[name], 0, x, x, diagonal=diagonal)
    np.testing.assert_array_equal(found, function(x, diagonal))
    whole = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(apply(name, whole, diagonal=diagonal), function(whole, diagonal))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_padding(axis: int) -> None:
    x = draw(2, 3)
    widths = [(2, 1) if a == axis % 2 else (0, 0) for a in range(2)]
    attrs: dict[str, Any] = {"before": 2, "after": 1, "axis": axis, "value": 7}
    y = apply("pad", x, **attrs)
    np.testing.assert_array_equal(y, np.pad(x, widths, constant_values=7))
    found = vjp(OPS["pad"], 0, draw(*y.shape), x, **attrs)
    assert found.shape == x.shape
    g = draw(*y.shape)
    wanted = differences(OPS["pad"], 0, g, x, **attrs)
    np.testing.assert_allclose(vjp(OPS["pad"], 0, g, x, **attrs), wanted, rtol=1e-6)
    np.testing.assert_array_equal(apply("pad", x, axis=axis), x)
