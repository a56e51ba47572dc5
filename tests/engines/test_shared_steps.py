"""Trainings whose steps are shared among workers: bits, faults, threads, and when it pays."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import graphdsl
from engines.test_divided import HEAD, TRAIN, load
from graphdsl.engines import divided
from graphdsl.engines.divided import in_parts
from graphdsl.engines.numpy import emit
from graphdsl.engines.workers import Workers
from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import DataError
from graphdsl.views.stages import schedule_text


@pytest.fixture(autouse=True)
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(divided, "_count_workers", lambda graph, sizes, cores: cores)


BATCH = HEAD + "loss J = mean(cross_entropy(h, k))" + TRAIN


@pytest.fixture
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphdsl.engines.planning.count_cores", lambda: 2)
    monkeypatch.setattr("graphdsl.engines.memory.count_cores", lambda: 2)


def trained(model: graphdsl.Model, feeds: Mapping[str, Array], steps: int = 20) -> bytes:
    trainer = model.trainer()
    for _ in range(steps):
        trainer.step(feeds)
    return b"".join(model.params[name].tobytes() for name in model.params)


def rows(n: int) -> dict[str, Array]:
    generator = np.random.default_rng(n)
    return {"x": generator.normal(size=(n, 4)), "k": generator.integers(0, 5, n)}


@pytest.mark.usefixtures("_two_cores")
def test_as_many_workers_give_the_same_bits() -> None:
    """Two models that train at a time, and one alone."""
    feeds, found = rows(501), [b"", b""]
    models = [graphdsl.loads(BATCH, engine="numpy") for _ in range(2)]

    def train(number: int) -> None:
        found[number] = trained(models[number], feeds)

    threads = [threading.Thread(target=train, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [trained(graphdsl.loads(BATCH, engine="numpy"), feeds)] * 2


@pytest.mark.usefixtures("_two_cores")
def test_one_model_steps_from_two_threads() -> None:
    model, feeds = graphdsl.loads(BATCH, engine="numpy"), rows(50)
    trainer = model.trainer()

    def train() -> None:
        for _ in range(25):
            trainer.step(feeds)

    threads = [threading.Thread(target=train) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = b"".join(model.params[name].tobytes() for name in model.params)
    assert found == trained(graphdsl.loads(BATCH, engine="numpy"), feeds, 50)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, _two_cores: None) -> list[int]:
    """The workers of each step that was shared."""
    seen: list[int] = []
    share = Workers.side_by_side

    def counted(self: Workers, parts: Any) -> None:
        seen.append(len(parts))
        share(self, parts)

    monkeypatch.setattr(Workers, "side_by_side", counted)
    return seen


def test_steps_and_trainings_are_shared(calls: list[int]) -> None:
    model = graphdsl.loads(BATCH, engine="numpy")
    model.trainer().step(rows(6))
    assert calls == [2]
    model.fit(rows(64), epochs=1, batch=32)
    assert calls == [2] * 3


def test_a_batch_smaller_than_the_workers_is_not_shared(calls: list[int]) -> None:
    graphdsl.loads(BATCH, engine="numpy").trainer().step(rows(1))
    assert calls == []


def test_gathered_batches_are_shared(calls: list[int]) -> None:
    text = BATCH.replace("{ optimizer", "{ accumulate = 2, optimizer").replace(", opt", "\nopt")
    model, feeds = graphdsl.loads(text, engine="numpy"), rows(30)
    trained(model, feeds, 4)
    assert calls == [2] * 4


@pytest.mark.parametrize("bad", [0, 9])
def test_a_fault_in_a_worker_comes_out_and_changes_nothing(calls: list[int], bad: int) -> None:
    model, feeds = graphdsl.loads(BATCH, engine="numpy"), rows(10)
    trainer = model.trainer()
    trainer.step(feeds)
    before = {name: model.params[name].copy() for name in model.params}
    feeds["k"][bad] = 7
    with pytest.raises(DataError, match="index 7"):
        trainer.step(feeds)
    assert trainer.t == 1
    assert all(np.array_equal(before[name], model.params[name]) for name in before)
    feeds["k"][bad] = 1
    trainer.step(feeds)
    assert len(calls) == 3


def test_a_worker_s_program_can_be_read() -> None:
    _, compiled = load(BATCH)
    schedule = in_parts(compiled.graph, {"N": 8}, compiled.layout, 2)
    assert schedule is not None
    program = emit(schedule)
    assert "side_by_side(((worker_0, x0[0:4], x1[0:4], t, epoch" in program.source
    assert program.text.count("def run(") == 2  # both workers have as many rows
    shown = schedule_text(schedule)
    assert "worker 0: " in shown
    assert "part1_f64[" in shown


def test_blas_has_its_threads_again_behind_a_fault(calls: list[int]) -> None:
    model, feeds = graphdsl.loads(BATCH, engine="numpy"), rows(10)
    seen: list[int] = []
    inside = model.session.memory.workers.share

    def look(task: Any, parts: Any) -> None:
        seen.append(threads_of_blas())
        inside(task, parts)

    model.session.memory.workers.share = look  # type: ignore[method-assign]
    feeds["k"][0] = 7
    with threadpool_limits(2, "blas"):
        with pytest.raises(DataError, match="index 7"):
            model.trainer().step(feeds)
        assert threads_of_blas() == 2
    assert seen == [1]


def threads_of_blas() -> int:
    """Those of NumPy's library."""
    found = [lib for lib in threadpool_info() if lib["user_api"] == "blas"]
    return int(next(lib["num_threads"] for lib in found if "numpy" in lib["filepath"]))


def test_small_steps_stay_with_one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    _, compiled = load(BATCH)
    assert in_parts(compiled.graph, {"N": 64}, compiled.layout, 2) is None
    assert in_parts(compiled.graph, {"N": 100_000}, compiled.layout, 2) is not None
    assert in_parts(compiled.graph, {"N": 100_000}, compiled.layout, 1) is None
