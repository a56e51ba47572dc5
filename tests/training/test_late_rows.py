"""Rows that are gathered as a step begins: by whom, the same bits, nothing left behind."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl import DataError
from graphdsl.compiler.schedule import Schedule
from graphdsl.engines.late_rows import Arrivals, LateRows, read_by_workers
from graphdsl.graph.kernel import Array, ArrayType
from graphdsl.graph.types import DType
from graphdsl.training.batches import Batches
from graphdsl.training.data import load_dataset
from graphdsl.training.dataset import Dataset
from graphdsl.training.trainer import Trainer

ROWS, BATCH = 150, 32
TEXT = """
dim N
input x: f64[N, 4]
input k: i64[N]
input s: f64[5]
param w: f64[4, 5] ~ normal(0, 0.5)
h = tanh(x @ w) * s
loss J = mean(cross_entropy(h, k))
train {
  optimizer = adam(lr = 0.01)
}
"""
GENERATOR = np.random.default_rng(0)
DATA = {
    "x": GENERATOR.normal(size=(ROWS, 4)),
    "k": GENERATOR.integers(0, 5, ROWS),
    "s": GENERATOR.normal(size=5),
}


@pytest.fixture(params=["one batch at a time", "several"], autouse=True)
def _gathered(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many bytes are gathered at once where a step is not shared."""
    nbytes = 2**19 if request.param == "several" else 0
    monkeypatch.setattr("graphdsl.training.batches.GATHERED", nbytes)


@pytest.fixture
def _shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps are shared among two workers."""
    for room in ("engines.planning", "engines.memory", "session"):
        monkeypatch.setattr(f"graphdsl.{room}.count_cores", lambda: 2)
    monkeypatch.setattr("graphdsl.engines.divided._count_workers", lambda *_: 2)


@pytest.fixture
def gathered(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int]]:
    """Of each call, the rows that are gathered, and in which thread."""
    seen: list[tuple[int, int, int]] = []
    gather = LateRows.gather

    def noted(self: LateRows, first: int, last: int) -> None:
        seen.append((first, last, threading.get_ident()))
        gather(self, first, last)

    monkeypatch.setattr(LateRows, "gather", noted)
    return seen


def load(text: str = TEXT) -> graphdsl.Model:
    return graphdsl.loads(text, engine="numpy", dtype="f64")


def bits(model: graphdsl.Model) -> bytes:
    return b"".join(model.params[name].tobytes() for name in model.params)


def by_hand(dataset: Dataset, epochs: int, text: str = TEXT) -> bytes:
    """The parameters after steps on batches that are whole before each step."""
    model = load(text)
    trainer, batches = model.trainer(), Batches(dataset.train, BATCH, seed=7)
    for epoch in range(epochs):
        trainer.epoch = epoch
        for feeds, _ in batches.epoch(epoch):
            trainer.step({name: array.copy() for name, array in feeds.items()})
        trainer.flush()
    return bits(model)


def fitted(dataset: Dataset, epochs: int, text: str = TEXT) -> bytes:
    model = load(text)
    model.fit(dataset, batch=BATCH, epochs=epochs, seed=7)
    assert model.session.memory.arrivals.rows is None
    return bits(model)


def mapped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """The same rows as they are read from files, ten at a time, forty to a window."""
    monkeypatch.setattr("graphdsl.training.array_data.LARGE", 1)
    monkeypatch.setattr("graphdsl.training.deferred.BLOCK", 320)
    monkeypatch.setattr("graphdsl.training.windows.WINDOW_BLOCKS", 4)
    arrays = dict(DATA)
    for name in ("x", "k"):
        np.save(folder / f"{name}.npy", DATA[name])
        arrays[name] = np.load(folder / f"{name}.npy", mmap_mode="r")
    dataset = load_dataset(load().session, {}, arrays)
    assert dataset.train.deferred
    return dataset


def held() -> Dataset:
    return load_dataset(load().session, {}, DATA)


@pytest.mark.usefixtures("_shared")
def test_each_worker_gathers_its_own_rows(gathered: list[tuple[int, int, int]]) -> None:
    fitted(held(), epochs=3)
    threads: dict[tuple[int, int], set[int]] = {}
    for first, last, thread in gathered:
        threads.setdefault((first, last), set()).add(thread)
    here = {threading.get_ident()}
    assert threads[0, 16] == threads[0, 11] == here
    assert len(threads[16, 32] | threads[11, 22]) == 1
    assert not threads[16, 32] & here
    # all but the first step of each of the two programs, which is compiled for it
    assert sum(first == 16 for first, _, _ in gathered) >= 4 * 2
    assert sum(first == 11 for first, _, _ in gathered) == 2


@pytest.mark.usefixtures("_shared")
def test_shared_steps_on_late_rows_give_the_same_bits() -> None:
    assert fitted(held(), epochs=3) == by_hand(held(), epochs=3)


def test_steps_of_one_worker_give_the_same_bits() -> None:
    assert fitted(held(), epochs=3) == by_hand(held(), epochs=3)


@pytest.mark.usefixtures("_shared")
def test_gathered_gradients_are_the_same() -> None:
    text = TEXT.replace("train {", "train {\n  accumulate = 2")
    assert fitted(held(), 3, text) == by_hand(held(), 3, text) != by_hand(held(), 3)


@pytest.mark.usefixtures("_shared")
def test_rows_of_windows_are_gathered_before_they_are_read_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = mapped(tmp_path, monkeypatch)
    assert fitted(dataset, epochs=4) == by_hand(dataset, epochs=4)


@pytest.mark.usefixtures("_shared")
def test_a_run_broken_off_in_an_epoch_goes_on_with_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, models = fitted(held(), epochs=3), [load(), load()]
    step_on = Trainer.step_on

    def interrupted(self: Trainer, *given: Any) -> float:
        if self.t == 7:
            signal.raise_signal(signal.SIGINT)
        return step_on(self, *given)

    for model in models:
        with monkeypatch.context() as patch:
            if model is models[0]:
                patch.setattr(Trainer, "step_on", interrupted)
            model.fit(held(), batch=BATCH, epochs=3, seed=7, checkpoints=tmp_path)
    assert models[0].session.trainer.t == 8  # of the 15 of three epochs
    assert bits(models[0]) != bits(models[1]) == whole


@pytest.mark.usefixtures("_shared")
@pytest.mark.parametrize(
    ("error", "raised"), [(KeyboardInterrupt, KeyboardInterrupt), (MemoryError, DataError)]
)
def test_nothing_is_left_behind_a_fault(
    monkeypatch: pytest.MonkeyPatch, error: type[BaseException], raised: type[BaseException]
) -> None:
    model = load()
    trainer, fed = model.trainer(), {name: array[:BATCH].copy() for name, array in DATA.items()}
    trainer.step(fed)
    assert trainer.gathers()

    def fail(*_: object) -> None:
        raise error

    late = LateRows([(DATA["x"], fed["x"])], np.arange(BATCH))
    with monkeypatch.context() as patch:
        patch.setattr(LateRows, "gather", fail)
        with pytest.raises(raised):
            trainer.step_on(fed, late)
    assert raised is KeyboardInterrupt or trainer.t == 1
    assert model.session.memory.arrivals.rows is None
    fed["x"][:] = 0
    trainer.step_on(fed, late)
    np.testing.assert_array_equal(fed["x"], DATA["x"][:BATCH])


@pytest.mark.parametrize("batch", [BATCH, 75])
@pytest.mark.usefixtures("_shared")
def test_programs_of_two_sizes_are_prepared_once(
    monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    prepared: list[object] = []
    prepare = Trainer._prepare

    def noted(self: Trainer, fed: dict[str, Array]) -> object:
        prepared.append(len(fed["x"]))
        return prepare(self, fed)

    monkeypatch.setattr(Trainer, "_prepare", noted)
    load().fit(held(), batch=batch, epochs=4)
    assert prepared == [size for size in (batch, ROWS % batch) if size]


# --- the parts -----------------------------------------------------------------------------------


def test_a_worker_s_program_begins_with_its_rows() -> None:
    held, buffer = np.arange(10.0), np.zeros(4)
    arrivals = Arrivals()

    def run(*given: int) -> tuple[object, ...]:
        return (buffer.tolist(), *given)

    begin = arrivals.before(run, 1, 3)
    assert begin(5, 6) == ([0, 0, 0, 0], 5, 6)
    arrivals.rows = LateRows([(held, buffer)], np.array([9, 7, 5, 3]))
    assert begin() == ([0, 7, 5, 0],)
    arrivals.rows.gather_all()
    assert buffer.tolist() == [9, 7, 5, 3]


def _schedule(rows: int, *workers: int) -> Schedule:
    inputs = (
        ("x", ArrayType((rows, 2), DType.f32), "x0"),
        ("s", ArrayType((3,), DType.f32), "x1"),
    )
    parts = tuple(_schedule(count) for count in workers)
    return Schedule(inputs, {}, {}, {}, (), (), {}, {}, (), (), 0, 0, workers=parts)


def test_which_inputs_workers_read_for_themselves() -> None:
    assert read_by_workers(_schedule(4, 2, 2), ["x"])
    assert not read_by_workers(_schedule(4), ["x"])  # nobody shares it
    assert not read_by_workers(_schedule(4, 4, 4), ["x"])  # each reads all of it
    assert not read_by_workers(_schedule(4, 2, 2), ["x", "s"])
    assert not read_by_workers(_schedule(4, 2, 2), ["x", "of another program"])
