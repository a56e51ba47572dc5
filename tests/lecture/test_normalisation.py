"""L12 and L15: means and variances, of activations and of gradients."""

from __future__ import annotations

import numpy as np
import pytest

from lecture.files import Array, load, read_crescents

A = np.random.default_rng(0).normal(3, 2, size=(5, 3))


def test_layer_norm_is_the_lectures_and_the_ops() -> None:
    model = load("l12")
    model.params["g"][...], model.params["b"][...] = [1, 2, -1], [0.5, 0, 1]
    found = model.run(a=A)
    rows = []
    for a in A:
        mean = sum(a) / 3
        deviation = (sum((a - mean) ** 2) / 3 + 1e-5) ** 0.5
        rows.append(np.tanh(np.array([1, 2, -1]) * (a - mean) / deviation + [0.5, 0, 1]))
    np.testing.assert_allclose(found["layer"], rows, rtol=1e-12)
    np.testing.assert_allclose(found["layer_differs"], 0, atol=1e-14)


def test_batch_norm_is_the_lectures_and_the_ops() -> None:
    model = load("l12")
    model.params["g"][...], model.params["b"][...] = [1, 2, -1], [0.5, 0, 1]
    found = model.run(a=A)
    columns = []
    for unit, (g, b) in enumerate(zip([1, 2, -1], [0.5, 0, 1], strict=True)):
        a = A[:, unit]
        mean = sum(a) / 5
        deviation = (sum((a - mean) ** 2) / 5 + 1e-5) ** 0.5
        columns.append(np.tanh(g * (a - mean) / deviation + b))
    np.testing.assert_allclose(found["batch"], np.transpose(columns), rtol=1e-12)
    np.testing.assert_allclose(found["batch_differs"], 0, atol=1e-14)


def test_gain_and_shift_begin_as_nothing() -> None:
    model = load("l12")
    assert (model.params["g"] == 1).all()
    assert (model.params["b"] == 0).all()


# --- L15: gradient statistics --------------------------------------------------------------------

BETAS = {"m50": 0.5, "m95": 0.95, "m99": 0.99}


def weighted(seen: list[Array], beta: float) -> tuple[Array, Array]:
    """Mean and variance with weights (1 - β)βᵏ, k steps back; what is left weighs the 0 of the
    beginning."""
    values = np.array([np.zeros_like(seen[0]), *seen])
    steps = len(seen)
    weights = np.array([beta**steps, *((1 - beta) * beta ** (steps - 1 - np.arange(steps)))])
    mean = np.tensordot(weights, values, 1)
    return mean, np.tensordot(weights, (values - mean) ** 2, 1)


def test_the_statistics_of_thirty_gradients() -> None:
    x, y = read_crescents()
    model = load("l15")
    trainer = model.trainer()
    seen = []
    for step in range(30):
        rows = slice(5 * step, 5 * step + 20)
        seen.append(model.value_and_grad(x=x[rows], y=y[rows])[1]["W"])
        trainer.step(x=x[rows], y=y[rows])
    for name, beta in BETAS.items():
        mean, variance = weighted(seen, beta)
        np.testing.assert_allclose(model.states[f"{name}.m"], mean, rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(model.states[f"{name}.v"], variance, rtol=1e-9, atol=1e-15)


def test_what_is_plotted_is_their_size() -> None:
    x, y = read_crescents()
    model = load("l15")
    trainer = model.trainer()
    for _ in range(3):
        trainer.step(x=x, y=y)
    found = model.run(x=x, y=y)
    for number in (50, 95, 99):
        states = model.states
        mean = np.linalg.norm(states[f"m{number}.m"])
        deviation = np.sqrt(states[f"m{number}.v"].sum())
        assert found[f"mean_{number}"] == pytest.approx(mean, rel=1e-12)
        assert found[f"deviation_{number}"] == pytest.approx(deviation, rel=1e-12)
