"""What a run takes of the memory is looked at before its first step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl import DataError
from graphdsl.driver import Compiled
from graphdsl.model import Model
from graphdsl.session import Session
from graphdsl.training import foresight
from graphdsl.training.trainer import Trainer
from small_machine import have_memory

TEXT = """dim N
input x: [N, 64]
param W: [64, 64] ~ normal(0, 0.1)
a = tanh(x @ W)
loss J = mean((tanh(a @ W) - a)^2)
train {
  optimizer = adam(lr = 0.01)
  epochs = 2
  batch = 16
  eval_batch = "all"
}
data {
  source = "no.npz"
  x = x
  split = [0.1, 0.6, 0.3]
}
"""
PARAM = 4 * 64 * 64
ROWS = {"x": np.random.default_rng(0).standard_normal((400, 64)).astype(np.float32)}


def load() -> Model:
    return graphdsl.loads(TEXT, engine="numpy")


def refused(model: Model, folder: Path | None = None) -> str:
    with pytest.raises(DataError, match="E0802") as found:
        model.fit(ROWS, checkpoints=folder)
    return found.value.diagnostics[0].message


def test_copies_without_room_are_refused_before_they_are_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The weights twice, and the optimizer's states."""
    model = load()
    have_memory(monkeypatch, 2**40, 4 * PARAM - 1)
    monkeypatch.setattr("graphdsl.training.loop.RunState", lambda *_: pytest.fail("it was made"))
    told = f"the copies that a run can go back to take {4 * PARAM:,} bytes beside {3 * PARAM:,} "
    assert refused(model).startswith(told)


@pytest.mark.parametrize("kept", [False, True])
def test_what_is_measured_is_refused_before_the_first_step(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kept: bool
) -> None:
    monkeypatch.setattr(foresight, "LARGE", 0)
    whole = load()
    whole.fit(ROWS)
    most = whole.session.memory.arena.nbytes  # 240 rows at once; steps have 16
    model = load()
    before = model.params["W"].copy()
    # that of a step is let go of; its gradients are there, and yet to be written to
    have_memory(monkeypatch, 2**40, most + PARAM - 1)
    message = refused(model, tmp_path / "run" if kept else None)
    assert message.startswith(f"what is computed at once takes {most:,} bytes beside ")
    assert isinstance(model.session.trainer, Trainer)
    assert model.session.trainer.t == 0
    np.testing.assert_array_equal(model.params["W"], before)
    have_memory(monkeypatch, 2**40, most + PARAM)
    model.fit(ROWS)
    np.testing.assert_array_equal(model.params["W"], whole.params["W"])


def count_loads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, int]]:
    """Whether each program that is loaded is of a step, and for how many rows."""
    loaded: list[tuple[bool, int]] = []
    load_program = Session._load

    def counting(
        session: Session, compiled: Compiled, sizes: dict[str, int], compiles: bool = False
    ) -> object:
        loaded.append((bool(compiled.graph.writes), sizes["N"]))
        return load_program(session, compiled, sizes, compiles)

    monkeypatch.setattr(Session, "_load", counting)
    return loaded


@pytest.mark.parametrize(
    ("large", "order"),
    [
        (0, [(True, 16), (False, 240), (False, 120), (True, 8)]),
        (2**40, [(True, 16), (True, 8), (False, 240), (False, 120)]),
    ],
)
def test_no_program_is_loaded_twice(
    monkeypatch: pytest.MonkeyPatch, large: int, order: list[tuple[bool, int]]
) -> None:
    """What is small is loaded where it is needed: behind an epoch, whose last batch is shorter."""
    monkeypatch.setattr(foresight, "LARGE", large)
    loaded = count_loads(monkeypatch)
    load().fit(ROWS)
    assert loaded == order


def test_data_that_does_not_fit_is_told_by_who_feeds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foresight, "LARGE", 0)
    loaded = count_loads(monkeypatch)
    batches = [{"x": ROWS["x"][:5]}, {"x": ROWS["x"][:7]}]
    load().fit(batches, epochs=1)
    assert loaded == [(True, 5), (True, 7)]
