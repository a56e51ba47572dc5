"""The examples on their real data: what they reach, and Adam beside a hand-written one."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

import numpy as np
import pytest

import graphdsl
from graphdsl.training.batches import Batches
from graphdsl.training.data import load_dataset
from graphdsl.training.threads import blas_threads

EXAMPLES = Path(__file__).parents[2] / "examples"


def finals(name: str, metric: str, seeds: int) -> list[float]:
    """The test part's metric at the best weights on the valid part, for each training seed."""
    models = [graphdsl.load(EXAMPLES / name, seed=seed) for seed in range(seeds)]
    return [model.fit().final["test"][metric] for model in models]


def test_digits_over_five_seeds() -> None:
    began = time.perf_counter()
    found = finals("digits.gdl", "accuracy", 5)
    # each may take 15 s; five of them take less than one even on a machine with other work
    assert time.perf_counter() - began < 75
    assert median(found) >= 0.97
    assert min(found) >= 0.96


def test_breast_cancer() -> None:
    assert min(finals("breast_cancer.gdl", "accuracy", 3)) >= 0.96


def test_diabetes_is_as_good_as_ridge_regression_solved_exactly() -> None:
    model = graphdsl.load(EXAMPLES / "diabetes.gdl")
    data = load_dataset(model.session)
    x, y = (data.train.arrays[name].astype(float) for name in "xy")
    # mean((x W + b - y)²) + 0.1 W² has its minimum here, x being standardized and b the mean
    exact = np.linalg.solve(x.T @ x / len(x) + 0.1 * np.eye(10), x.T @ (y - y.mean()) / len(x))
    off = data.test.arrays["x"] @ exact + y.mean() - data.test.arrays["y"]
    assert max(finals("diabetes.gdl", "error", 3)) < 1.05 * np.abs(off).mean()


def test_the_loss_after_100_adam_steps_equals_a_straight_computation() -> None:
    model = graphdsl.load(EXAMPLES / "digits.gdl", dtype="f64", seed=3)
    data = load_dataset(model.session)
    params = {name: array.copy() for name, array in model.params.items()}
    trainer = model.trainer()
    trainer.total_steps = 1000
    batches = Batches(data.train, 64, seed=3)
    fed = [dict(f) for e in range(6) for f, _ in _copied(batches, e)][:100]
    with blas_threads(model.session, 64):
        losses = [trainer.step(batch) for batch in fed]
    expected = handwritten(params, fed, 1000)
    assert losses[-1] == pytest.approx(expected[-1], rel=1e-5)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    for name, array in params.items():
        np.testing.assert_allclose(model.params[name], array, rtol=1e-5, atol=1e-9)


def _copied(batches: Batches, epoch: int):
    for feeds, count in batches.epoch(epoch):
        yield {name: array.copy() for name, array in feeds.items()}, count


def handwritten(p: dict[str, np.ndarray], fed: list[dict[str, np.ndarray]], steps: int):
    """Forward, reverse and Adam of `digits.gdl` as a textbook has them; losses before each step."""
    m = {name: np.zeros_like(a) for name, a in p.items()}
    v = {name: np.zeros_like(a) for name, a in p.items()}
    losses, l2 = [], 1e-3
    for t, batch in enumerate(fed, 1):
        x, y = batch["x"], batch["y"]
        rows = np.arange(len(y))
        s = x @ p["W1"] + p["b1"]
        h = np.maximum(s, 0)
        z = h @ p["W2"] + p["b2"]
        q = np.exp(z - z.max(axis=1, keepdims=True))
        q /= q.sum(axis=1, keepdims=True)
        penalty = l2 * ((p["W1"] ** 2).sum() + (p["W2"] ** 2).sum())
        losses.append(-np.log(q[rows, y]).mean() + penalty)
        dz = q.copy()
        dz[rows, y] -= 1
        dz /= len(y)
        ds = (dz @ p["W2"].T) * (s > 0)
        grads = {
            "W1": x.T @ ds + 2 * l2 * p["W1"],
            "b1": ds.sum(axis=0),
            "W2": h.T @ dz + 2 * l2 * p["W2"],
            "b2": dz.sum(axis=0),
        }
        done = min(max((t - 100) / (steps - 100), 0), 1)
        lr = 3e-3 * min(t / 100, 1) * (1 + np.cos(np.pi * done)) / 2
        for name, g in grads.items():
            m[name] = 0.9 * m[name] + 0.1 * g
            v[name] = 0.999 * v[name] + 0.001 * g**2
            step = m[name] / (1 - 0.9**t) / (np.sqrt(v[name] / (1 - 0.999**t)) + 1e-8)
            p[name] = p[name] - lr * step
    return losses
