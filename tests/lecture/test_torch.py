"""L9 to L12 beside torch: a hundred steps of the same network from the same weights, in f64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphdsl
from lecture.files import Array, Arrays, copied, load
from lecture.test_descent import batches, with_optimizer

STEPS = 100


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="torch, the reference, is not installed")


def tensors(torch: Any, arrays: Arrays) -> dict[str, Any]:
    """Trained tensors with a model's values."""
    return {name: torch.tensor(array, requires_grad=True) for name, array in arrays.items()}


def train(torch: Any, optimizer: Any, loss: Any, fed: list[Arrays]) -> None:
    """A step on each batch; `loss` gives the value for the batch's tensors."""
    for batch in fed:
        optimizer.zero_grad()
        loss({name: torch.tensor(array) for name, array in batch.items()}).backward()
        optimizer.step()


def assert_same(model: graphdsl.Model, wanted: dict[str, Any]) -> None:
    for name, tensor in wanted.items():
        array: Array = tensor.detach().numpy()
        np.testing.assert_allclose(model.params[name], array, rtol=1e-6, atol=1e-9, err_msg=name)


OPTIMIZERS = {
    "classical": ("l9", "SGD", {"lr": 0.05, "momentum": 0.9}),
    "ahead": ("l9", "SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    "average": ("l9", "SGD", {"lr": 0.05, "momentum": 0.9}),  # 0.5 (1 - 0.9) is 0.05
    "by_root_mean_square": ("l10", "RMSprop", {"lr": 0.01, "alpha": 0.9}),
    "by_moments": ("l10", "Adam", {"lr": 0.01}),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_descent(name: str, torch: Any) -> None:
    file, rule, options = OPTIMIZERS[name]
    model, fed = with_optimizer(file, name), batches(STEPS)
    p = tensors(torch, copied(model))

    def loss(batch: dict[str, Any]) -> Any:
        h = torch.tanh(batch["x"] @ p["h.W"] + p["h.b"])
        return torch.nn.functional.cross_entropy(h @ p["z.W"] + p["z.b"], batch["y"])

    train(torch, getattr(torch.optim, rule)(p.values(), **options), loss, fed)
    trainer = model.trainer()
    for batch in fed:
        trainer.step(batch)
    assert_same(model, p)


def test_regularizers(torch: Any) -> None:
    """The penalty on matrices, decay that leaves biases out; no unit is dropped."""
    model, fed = load("l11", rate=0, penalty=0.01, decay=0.05), batches(STEPS)
    p = tensors(torch, copied(model))

    def loss(batch: dict[str, Any]) -> Any:
        h = torch.relu(batch["x"] @ p["W1"] + p["b1"])
        value = torch.nn.functional.cross_entropy(h @ p["W2"] + p["b2"], batch["y"])
        return value + 0.01 * ((p["W1"] ** 2).sum() + (p["W2"] ** 2).sum())

    groups = [
        {"params": [p["W1"], p["W2"]], "weight_decay": 0.05},
        {"params": [p["b1"], p["b2"]], "weight_decay": 0},
    ]
    train(torch, torch.optim.SGD(groups, lr=0.2), loss, fed)
    trainer = model.trainer()
    for batch in fed:
        trainer.step(batch)
    assert_same(model, p)


NORMALISED = """
dim N
input x: [N, 2]
input y: i64[N]
h = tanh(LayerNorm(Dense(x, 8)))
k = tanh(BatchNorm(Dense(h, 8)))
z = Dense(k, 2)
loss J = mean(cross_entropy(z, y))
train {
  optimizer = adam(lr = 0.01)
}
"""


def test_normalisation(torch: Any) -> None:
    """Trained through both normalisations, running statistics among what is compared."""
    model, fed = graphdsl.loads(NORMALISED, dtype="f64", seed=1), batches(STEPS)
    p = tensors(torch, copied(model))
    mean, spread = torch.zeros(8, dtype=torch.float64), torch.ones(8, dtype=torch.float64)
    functions = torch.nn.functional

    def loss(batch: dict[str, Any]) -> Any:
        a = batch["x"] @ p["h.Dense.W"] + p["h.Dense.b"]
        h = torch.tanh(functions.layer_norm(a, (8,), p["h.LayerNorm.g"], p["h.LayerNorm.b"]))
        a = h @ p["k.Dense.W"] + p["k.Dense.b"]
        weights = {"weight": p["k.BatchNorm.g"], "bias": p["k.BatchNorm.b"]}
        k = torch.tanh(functions.batch_norm(a, mean, spread, **weights, training=True))
        return functions.cross_entropy(k @ p["z.W"] + p["z.b"], batch["y"])

    train(torch, torch.optim.Adam(p.values(), lr=0.01), loss, fed)
    trainer = model.trainer()
    for batch in fed:
        trainer.step(batch)
    assert_same(model, p)
    for name, tensor in (("k.BatchNorm.m", mean), ("k.BatchNorm.v", spread)):
        np.testing.assert_allclose(model.states[name], tensor.numpy(), rtol=1e-6)
