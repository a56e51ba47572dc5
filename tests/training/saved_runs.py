"""A model whose runs are saved and gone on with, and what two such runs have in common."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import graphdsl
from graphdsl.training import checkpoint, loop
from graphdsl.training.data import load_dataset
from graphdsl.training.history import History
from graphdsl.training.keeper import Every, Keeper
from graphdsl.training.options import fit_settings

MODEL = """dim N
input x: [N, 6]
input y: i64[N]
h = Dropout(relu(BatchNorm(Dense(x, 12))), 0.3)
z = Dense(h, 3)
loss J = mean(cross_entropy(z, y))
metric accuracy = mean(argmax(z) == y)
train {
  optimizer = adam(lr = cosine(1e-2, warmup = 5))
  batch = 8
  epochs = 4
  ACCUMULATE
}
"""
OPTIONS = ["", "accumulate = 3", "accumulate = 2\n  average = 0.9"]


def dataset_of(model: graphdsl.Model, valid: bool = True):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((70, 6))
    y = (x[:, 0] > 0) + (x[:, 1] > 0)
    return load_dataset(model.session, {"split": [0.7, 0.3] if valid else None}, {"x": x, "y": y})


def train(
    text: str, folder: Path | None, every: Every, *, valid: bool = True, start: Path | None = None
) -> tuple[graphdsl.Model, History]:
    """A run of the model from its initial values, or from a checkpoint."""
    model = graphdsl.loads(text, seed=3)
    dataset, settings = dataset_of(model, valid), fit_settings(model.compilation, {}, model.seed)
    history = History()
    trainer = model.trainer()
    keeper = None
    if folder is not None:
        begin = checkpoint.read(start, model.session, "run") if start is not None else None
        keeper = Keeper(folder, "run", every, 1000, begin)
    loop.fit(trainer, dataset, settings, None, history, keeper)
    return model, history


def said(model: graphdsl.Model, history: History) -> object:
    """All that two runs of which one was interrupted have to have in common."""
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in history.epochs]
    bits = {n: a.tobytes() for n, a in {**model.params, **model.states}.items()}
    return bits, rows, history.best, history.ending, history.final
