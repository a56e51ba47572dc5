"""The digits of the examples: training beside a hand-written one, with Adam."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl.training.batches import Batches
from graphdsl.training.data import load_dataset
from graphdsl.training.threads import blas_threads

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_loss_after_100_adam_steps_equals_a_straight_computation() -> None:
    """Of `digits.gdl` without its dropout, whose masks are drawn."""
    text = (EXAMPLES / "digits.gdl").read_text("utf-8")
    plain = text.replace("Dropout(x, 0.1)", "x").replace("Dropout(h)", "h")
    assert "Dropout" not in plain
    model = graphdsl.loads(plain, dtype="f64", seed=3, hidden=128)
    data = load_dataset(model.session, data=EXAMPLES / "digits.npz")
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
    losses, l2 = [], 3e-4
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
        lr = 1e-2 * min(t / 100, 1) * (1 + np.cos(np.pi * done)) / 2
        for name, g in grads.items():
            m[name] = 0.9 * m[name] + 0.1 * g
            v[name] = 0.999 * v[name] + 0.001 * g**2
            step = m[name] / (1 - 0.9**t) / (np.sqrt(v[name] / (1 - 0.999**t)) + 1e-8)
            p[name] = p[name] - lr * step
    return losses
