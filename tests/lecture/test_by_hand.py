"""The lecture's examples that are worked out by hand: every number of them."""

from __future__ import annotations

import numpy as np
import pytest

import graphdsl
from lecture.files import LECTURE

VALUES = {
    "a": 6.0,
    "b": 0.693147180559945,
    "c": 0.638961276313635,
    "d": 403.428793492735,
    "e": 8.65617024533378,
    "f": 0.106493546052272,
    "y": 412.191457284121,
}
ADJOINTS = {
    "y": 1.0,
    "d": 1.0,
    "e": 1.0,
    "f": 1.0,
    "c": 0.166666666666667,
    "b": -12.360007402473,
    "a": 404.853739609282,
    "x": 1208.38121512661,
    "z": 809.707479218564,
}
DIGITS = 1e-12


@pytest.fixture(scope="module")
def scalar() -> graphdsl.Model:
    return graphdsl.load(LECTURE / "l1.gdl", dtype="f64")


@pytest.mark.parametrize("name", VALUES)
def test_every_intermediate(scalar: graphdsl.Model, name: str) -> None:
    assert scalar.evaluate(name, x=2, z=3) == pytest.approx(VALUES[name], rel=DIGITS)


def test_every_adjoint(scalar: graphdsl.Model) -> None:
    value, found = scalar.value_and_grad(of="y", wrt=tuple(ADJOINTS), x=2, z=3)
    assert value == pytest.approx(VALUES["y"], rel=DIGITS)
    assert found == pytest.approx(ADJOINTS, rel=DIGITS)


def test_the_adjoints_are_the_formulas_of_the_lecture(scalar: graphdsl.Model) -> None:
    x, z = 2.0, 3.0
    a, b = x * z, np.log(x)
    c = np.sin(b)
    g_b = -a / b**2 + np.cos(b) / a
    g_a = -c / a**2 + 1 / b + np.exp(a)
    _, found = scalar.value_and_grad(of="y", wrt=("a", "b", "x", "z"), x=x, z=z)
    wanted = {"a": g_a, "b": g_b, "x": g_a * z + g_b / x, "z": g_a * x}
    assert found == pytest.approx(wanted, rel=DIGITS)


# --- the network of one input, two and three hidden units and one output -------------------------


@pytest.fixture(scope="module")
def network() -> graphdsl.Model:
    return graphdsl.load(LECTURE / "l6.gdl", dtype="f64")


def by_hand(x: float, t: float) -> tuple[float, dict[str, np.ndarray]]:
    """Half the squared error at one x, and its derivatives, in the lecture's column form."""
    weights = [
        np.array([[3.0], [-1]]),
        np.array([[-1.0, 1], [0, 1], [1, 1]]),
        np.array([[-1, 1, 0.5]]),
    ]
    biases = [np.zeros((2, 1)), np.array([[2.0], [-2], [0]]), np.array([[5.0]])]
    outputs, sums = [np.array([[x]])], []
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        sums.append(weight @ outputs[-1] + bias)
        outputs.append(np.maximum(sums[-1], 0) if layer < 2 else sums[-1])
    r = outputs[-1] - t  # ∂loss/∂o(L)
    found: dict[str, np.ndarray] = {}
    for layer in (3, 2, 1):
        slope = (sums[layer - 1] > 0) if layer < 3 else np.ones_like(r)
        delta = r * slope  # ∂loss/∂s
        found[f"b{layer}"] = delta[:, 0]
        found[f"W{layer}"] = delta @ outputs[layer - 1].T
        r = weights[layer - 1].T @ delta
    found["x"] = r
    return float((outputs[-1][0, 0] - t) ** 2 / 2), found


@pytest.mark.parametrize("x", [-2.0, -0.3, 0.5, 1.0, 3.0])
def test_layer_by_layer(network: graphdsl.Model, x: float) -> None:
    loss, wanted = by_hand(x, 1.5)
    value, found = network.value_and_grad(wrt=tuple(wanted), x=[[x]], t=[[1.5]])
    assert value == pytest.approx(loss, rel=DIGITS)
    for name, gradient in wanted.items():
        np.testing.assert_allclose(found[name], gradient, rtol=DIGITS, err_msg=name)


@pytest.mark.parametrize("x", [-1.7, 0.5, 3.0])  # nowhere a kink
def test_finite_differences(network: graphdsl.Model, x: float) -> None:
    feeds = {"x": [[x]], "t": [[1.5]]}
    _, found = network.value_and_grad(feeds)
    step = 1e-6
    for name, param in network.params.items():
        for index in np.ndindex(param.shape):
            kept = param[index]
            ends = []
            for sign in (1, -1):
                param[index] = kept + sign * step
                ends.append(float(network.run(feeds)["J"]))
            param[index] = kept
            numeric = (ends[0] - ends[1]) / (2 * step)
            assert found[name][index] == pytest.approx(numeric, rel=1e-6, abs=1e-6), (name, index)


def test_a_batch_is_the_mean_of_its_examples(network: graphdsl.Model) -> None:
    x, t = np.array([[-2.0], [0.5], [3.0]]), np.array([[1.0], [2.0], [3.0]])
    _, whole = network.value_and_grad(x=x, t=t)
    parts = [network.value_and_grad(x=x[i : i + 1], t=t[i : i + 1])[1] for i in range(3)]
    for name, gradient in whole.items():
        np.testing.assert_allclose(gradient, np.mean([p[name] for p in parts], 0), rtol=DIGITS)
