"""`fit(checkpoints=…)`: a program that is started again goes on."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl import DataError, UsageError
from graphdsl.training.keeper import find_checkpoints
from graphdsl.training.progress import Silent
from graphdsl.training.run_folder import held

MODEL = """dim N
input x: [N, 4]
param W: [4, 2] ~ normal(0, 1)
loss J = mean((Dropout(x @ W, 0.5) - x[:, :2])^2)
train {
  optimizer = adam(lr = 1e-2)
  batch = 8
  epochs = 5
}
"""
X = np.random.default_rng(0).standard_normal((40, 4))


def loaded(text: str = MODEL) -> graphdsl.Model:
    return graphdsl.loads(text, seed=2)


def weights(model: graphdsl.Model) -> bytes:
    return model.params["W"].tobytes()


class Stop(Silent):
    """Ends training from a listener, as Ctrl-C does."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch(self, row: dict[str, float]) -> None:
        if row["epoch"] == self.epoch:
            signal.raise_signal(signal.SIGINT)


def test_a_program_started_again_goes_on(tmp_path: Path) -> None:
    whole = loaded()
    expected = whole.fit({"x": X})
    assert loaded().fit({"x": X}, checkpoints=tmp_path / "c", listener=Stop(2)).interrupted
    assert find_checkpoints(tmp_path / "c")[-1].stem == "step-000010"
    again = loaded()
    history = again.fit({"x": X}, checkpoints=str(tmp_path / "c"))
    assert weights(again) == weights(whole)
    assert history.column("train.J") == expected.column("train.J")
    assert history.ending == "epochs"
    lines = (tmp_path / "c" / "history.jsonl").read_text().splitlines()
    assert len(lines) == 5


def test_more_epochs_are_the_same_run(tmp_path: Path) -> None:
    whole, first, second = loaded(), loaded(), loaded()
    whole.fit({"x": X})
    first.fit({"x": X}, epochs=2, checkpoints=tmp_path)
    assert len(second.fit({"x": X}, checkpoints=tmp_path).epochs) == 5
    assert weights(second) == weights(whole)


def test_batches_of_a_program_go_on_too(tmp_path: Path) -> None:
    batches = [{"x": X[at : at + 8]} for at in range(0, 40, 8)]
    whole, again = loaded(), loaded()
    whole.fit(batches)
    loaded().fit(batches, checkpoints=tmp_path, listener=Stop(3))
    again.fit(batches, checkpoints=tmp_path)
    assert weights(again) == weights(whole)


def _other_weights(model: graphdsl.Model) -> None:
    model.params["W"][...] = 1


@pytest.mark.parametrize(
    ("text", "change", "data", "settings", "said"),
    [
        (MODEL.replace("0.5", "0.4"), None, X, {}, "another model"),
        (MODEL, _other_weights, X, {}, "another run of this model"),
        (MODEL, None, X + 1, {}, "another run of this model"),
        (MODEL, None, X, {"batch": 9}, "another run of this model"),
    ],
)
def test_another_run_is_refused(
    tmp_path: Path,
    text: str,
    change: Callable[[graphdsl.Model], None] | None,
    data: np.ndarray,
    settings: dict[str, object],
    said: str,
) -> None:
    loaded().fit({"x": X}, checkpoints=tmp_path)
    model = loaded(text)
    if change is not None:
        change(model)
    before = weights(model)
    with pytest.raises(DataError, match=f"E0626.*{said}"):
        model.fit({"x": data}, checkpoints=tmp_path, **settings)
    assert weights(model) == before


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(UsageError, match="E0837"):
        loaded().fit({"x": X}, checkpoints=tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("in the way")
    with pytest.raises(DataError, match="E0812"):
        loaded().fit({"x": X}, checkpoints=tmp_path / "f")
