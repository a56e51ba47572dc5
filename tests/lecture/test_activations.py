"""L5: every activation and its derivative beside their closed forms."""

from __future__ import annotations

from math import erf

import numpy as np
import pytest

from lecture.files import Array, load

POINTS = np.concatenate([np.linspace(-8.05, 8.05, 162), [-40.0, -1e-3, 1e-3, 40.0]])
SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772


def sigmoid(x: Array) -> Array:
    return np.where(x > 0, 1, np.exp(np.minimum(x, 0))) / (1 + np.exp(-abs(x)))


def softplus(x: Array) -> Array:
    return np.logaddexp(0, x)


def gelu(x: Array) -> tuple[Array, Array]:
    """x (1 + tanh u) / 2, u = c (x + a x³), which is x sigmoid(2u), with its derivative."""
    c, a = np.sqrt(2 / np.pi), 0.044715
    s, slope = sigmoid(2 * c * (x + a * x**3)), 2 * c * (1 + 3 * a * x**2)
    return x * s, s + x * s * (1 - s) * slope


def closed_forms(x: Array) -> dict[str, tuple[Array, Array]]:
    """Each activation's value and derivative; no point is a kink."""
    s, t, e, up = sigmoid(x), np.tanh(softplus(x)), np.exp(np.minimum(x, 0)), x > 0
    return {
        "sigmoid": (s, s * (1 - s)),
        "tanh": (np.tanh(x), 1 / np.cosh(x) ** 2),
        "relu": (np.where(up, x, 0), np.where(up, 1, 0)),
        "leaky_relu": (np.where(up, x, x / 100), np.where(up, 1, 0.01)),
        "elu": (np.where(up, x, e - 1), np.where(up, 1, e)),
        "selu": (
            SCALE * np.where(up, x, ALPHA * (e - 1)),
            SCALE * np.where(up, 1, ALPHA * e),
        ),
        "gelu": gelu(x),
        "softplus": (softplus(x), s),
        "softsign": (x / (1 + abs(x)), 1 / (1 + abs(x)) ** 2),
        "silu": (x * s, s + x * s * (1 - s)),
        "mish": (x * t, t + x * (1 - t**2) * s),
        "hard_sigmoid": (np.clip(x / 6 + 0.5, 0, 1), np.where(abs(x) < 3, 1 / 6, 0)),
        "hard_tanh": (np.clip(x, -1, 1), np.where(abs(x) < 1, 1, 0)),
        "relu6": (np.clip(x, 0, 6), np.where((x > 0) & (x < 6), 1, 0)),
        "sin": (np.sin(x), np.cos(x)),
        "step": (np.where(up, 1, 0), np.zeros_like(x)),
    }


FORMS = closed_forms(POINTS)


@pytest.fixture(scope="module")
def found() -> dict[str, Array]:
    return load("l5").run(x=POINTS)


def test_all_are_there(found: dict[str, Array]) -> None:
    assert set(found) == {f"{kind}_{name}" for name in FORMS for kind in "yd"}


@pytest.mark.parametrize("name", FORMS)
def test_value_and_derivative(found: dict[str, Array], name: str) -> None:
    value, slope = FORMS[name]
    np.testing.assert_allclose(found[f"y_{name}"], value, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found[f"d_{name}"], slope, rtol=1e-11, atol=1e-15)


def test_gelu_is_near_its_definition(found: dict[str, Array]) -> None:
    exact = [x * (1 + erf(x / np.sqrt(2))) / 2 for x in POINTS]
    np.testing.assert_allclose(found["y_gelu"], exact, atol=5e-4)


def test_the_derivative_of_relu_at_its_kink_is_zero() -> None:
    assert load("l5").run(x=[0.0])["d_relu"] == 0
