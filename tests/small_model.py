"""A small model that has some of everything, what it is fed, and its forward pass in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

import graphdsl

TEXT = """
dim N
input x: [N, 3]
input y: i64[N]
param W: [3, 4] ~ normal(0, 1)
param b: [4] = 0
param k: i64[2] = 3 with frozen = true
state m: [4] = 0
s = sum(k)
z = x @ W + b
loss J = mean(cross_entropy(z, y))
metric accuracy = mean(argmax(z) == y)
output p = softmax(z)
output rows = sum(x, axis = 1)
update m = 0.9 * m + 0.1 * mean(z, axis = 0)
train {
  optimizer = sgd(lr = 0.1)
}
"""


def load_small() -> graphdsl.Model:
    """The model in f64."""
    return graphdsl.loads(TEXT, dtype="f64", seed=3)


def batch(n: int = 5, seed: int = 0) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    return {"x": random.normal(size=(n, 3)), "y": random.integers(0, 4, n)}


def forward(model: graphdsl.Model, x: np.ndarray) -> np.ndarray:
    z = x @ model.params["W"] + model.params["b"]
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)
