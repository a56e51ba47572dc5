"""Whole models beside other frameworks, where those are installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphdsl

TEXT = """
dim N
input x: [N, 5]
input y: i64[N]
h = Dense(x, 7, act = tanh)
k = Dense(relu(h @ h.T @ h), 6, act = softplus)
z = Dense(concat(k, softmax(h), axis = 1), 3)
loss J = mean(cross_entropy(z, y)) + 0.01 * l2("*") + 0.1 * mean(logsumexp(z, axis = 1)^2)
train {
  optimizer = adam(lr = 0.01)
}
"""


@pytest.fixture
def model() -> graphdsl.Model:
    return graphdsl.loads(TEXT, dtype="f64", seed=2)


def batch() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.normal(size=(6, 5)), random.integers(0, 3, 6)


def loss_of(np_: Any, p: Any, x: Any, y: Any, lse: Any, softplus: Any) -> Any:
    h = np_.tanh(x @ p["h.W"] + p["h.b"])
    u = h @ h.T @ h
    k = softplus(u * (u > 0) @ p["k.W"] + p["k.b"])
    e = np_.exp(h - lse(h)[:, None])
    z = np_.concatenate((k, e), 1) @ p["z.W"] + p["z.b"]
    rows = lse(z) - z[np_.arange(6), y]
    l2 = sum((p[f"{name}.W"] ** 2).sum() for name in "hkz")
    return rows.mean() + 0.01 * l2 + 0.1 * (lse(z) ** 2).mean()


def test_by_finite_differences(model: graphdsl.Model) -> None:
    x, y = batch()

    def lse(z: np.ndarray) -> np.ndarray:
        return np.log(np.exp(z).sum(1))

    def value() -> float:
        return float(loss_of(np, model.params, x, y, lse, lambda z: np.log1p(np.exp(z))))

    loss, found = model.value_and_grad(x=x, y=y)
    assert loss == pytest.approx(value(), rel=1e-12)
    for name, param in model.params.items():
        for index in list(np.ndindex(param.shape))[::3]:
            kept, ends = param[index], []
            for sign in (1, -1):
                param[index] = kept + sign * 1e-6
                ends.append(value())
            param[index] = kept
            assert found[name][index] == pytest.approx(
                (ends[0] - ends[1]) / 2e-6, rel=1e-5, abs=1e-8
            )


def test_beside_torch(model: graphdsl.Model) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    x, y = batch()
    p = {n: torch.tensor(a.copy(), requires_grad=True) for n, a in model.params.items()}
    optimizer, trainer = torch.optim.Adam(p.values(), lr=0.01), model.trainer()
    for _ in range(10):
        optimizer.zero_grad()
        lse = lambda z: torch.logsumexp(z, 1)  # noqa: E731
        softplus = torch.nn.functional.softplus
        loss = loss_of(torch, p, torch.tensor(x), torch.tensor(y), lse, softplus)
        loss.backward()
        value, found = model.value_and_grad(x=x, y=y)
        assert value == pytest.approx(float(loss.detach()), rel=1e-9)
        for name, tensor in p.items():
            np.testing.assert_allclose(found[name], tensor.grad.numpy(), 1e-6, 1e-10)
        optimizer.step()
        trainer.step(x=x, y=y)
    for name, tensor in p.items():
        np.testing.assert_allclose(model.params[name], tensor.detach().numpy(), 1e-6)


def test_beside_jax(model: graphdsl.Model) -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    jax.config.update("jax_enable_x64", True)
    x, y = batch()

    def loss(p: Any) -> Any:
        return loss_of(jax.numpy, p, x, y, lambda z: jax.nn.logsumexp(z, 1), jax.nn.softplus)

    value, wanted = jax.value_and_grad(loss)(dict(model.params))
    found_value, found = model.value_and_grad(x=x, y=y)
    assert found_value == pytest.approx(float(value), rel=1e-12)
    for name, gradient in wanted.items():
        np.testing.assert_allclose(found[name], gradient, 1e-9, 1e-12, err_msg=name)
