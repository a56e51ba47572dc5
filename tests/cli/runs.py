"""A model that trains in a moment, and what the tests of its runs share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from graphdsl.training.trainer import Trainer

TREE = Path(__file__).parents[2]
TEXT = """const width = 8
dim N
input x: [N, 6]
input y: i64[N]
h = Dropout(relu(BatchNorm(Dense(x, width))), 0.3)
z = Dense(h, 3)
loss J = mean(cross_entropy(z, y))
metric accuracy = mean(argmax(z) == y)
data {
  source = "d.npz"
  x = x
  y = y
  split = [0.7, 0.3]
}
train {
  optimizer = adam(lr = cosine(1e-2, warmup = 5))
  batch = 10
  epochs = 4
}
"""

SMALL = """
dim N
input x: [N, 2]
input y: [N]
param w: [2] = 0
param b = 0
output line = x @ w + b
loss J = mean((line - y)^2)
metric close = mean(abs(line - y) < 0.5)
data {
  source = "d.npz"
  x = x
  y = y
  split = [0.5, 0.25, 0.25]
}
train {
  optimizer = sgd(lr = 0.1)
  batch = 16
  epochs = 20
}
"""


def write_data(folder: Path) -> None:
    """The rows that `TEXT` trains on."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((100, 6))
    np.savez(folder / "d.npz", x=x, y=(x[:, 0] > 0).astype(int) + (x[:, 1] > 0))


def left(folder: str) -> tuple[bytes, list[dict[str, float]], dict]:
    """What two runs have to have in common of which one was interrupted."""
    lines = Path(folder, "history.jsonl").read_text().splitlines()
    metrics = json.loads(Path(folder, "metrics.json").read_text())
    rows = [json.loads(line) for line in lines]
    table = Path(folder, "history.csv").read_text().splitlines()
    assert len(table) == len(rows) + 1
    for one in (metrics, *rows):
        del one["seconds"]
    return Path(folder, "weights.safetensors").read_bytes(), rows, metrics


def at_step(
    monkeypatch: pytest.MonkeyPatch, step: int, action: Callable[[], object]
) -> pytest.MonkeyPatch:
    """Do something after a step of the trainer, which is then undone."""
    real = Trainer.step_on

    def wrapped(self: Trainer, *args: object, **named: object) -> float:
        loss = real(self, *args, **named)
        if self.t == step:
            action()
        return loss

    monkeypatch.setattr(Trainer, "step_on", wrapped)
    return monkeypatch


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file of a folder."""
    return {one: one.read_bytes() for one in folder.rglob("*") if one.is_file()}
