"""Steps shared among workers: the same numbers but for the order of sums, for any split."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

import graphdsl
from compiler.models import programs
from compiler.test_schedule_verified import CLOCK, MODELS, feeds_of, purposes, ready, sizes_of
from graphdsl.compiler.schedule import Schedule
from graphdsl.driver import Compiled, compile_source
from graphdsl.engines import divided
from graphdsl.engines.divided import in_parts
from graphdsl.engines.numpy import Executable, emit
from graphdsl.engines.workers import Workers
from graphdsl.graph.kernel import Array
from graphdsl.graph.types import DType
from graphdsl.language.diagnostics import DataError
from graphdsl.language.source import Source, read_source
from graphdsl.session import Session
from graphdsl.views.stages import schedule_text

HEAD = """\
dim N
input x: [N, 4]
input k: i64[N]
param w: [4, 5] ~ normal(0, 0.5)
param u: [3, 5] ~ normal(0, 0.5)
h = tanh(x @ w)
"""
TRAIN = "\ntrain { optimizer = adam(lr = 0.01) }\n"


@pytest.fixture(autouse=True)
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(divided, "_count_workers", lambda graph, sizes, cores: cores)


def load(text: str) -> tuple[Session, Compiled]:
    session = Session(compile_source(Source(text, "<text>"), float=DType.f64))
    return session, ready(session, session.compilation.step_purpose())


def step(session: Session, schedule: Schedule, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """Results and stored arrays after two steps from where the memory is, which stays as it is."""
    memory = session.memory
    before = {name: array.copy() for name, array in memory.arrays.items()}
    run = Executable(emit(schedule), memory).bound()
    memory.arena.fill(0xFF)
    fed = [feeds[name] for name, _, _ in schedule.inputs]
    with np.errstate(all="ignore"):
        run(*fed, *CLOCK)
        values = run(*fed, *CLOCK)
    found = dict(zip((name for name, _, _ in schedule.results), map(np.array, values), strict=True))
    found |= {n: a.copy() for n, a in memory.arrays.items() if not n.startswith("grad_")}
    for name, array in before.items():
        memory.arrays[name][...] = array
    return found


def verify(session: Session, compiled: Compiled, n: int, tolerance: float = 1e-11) -> int:
    """How many workers shared a step, at most; it computes what one thread does."""
    sizes, most = sizes_of(compiled.graph, n), 0
    feeds = feeds_of(session.needed_inputs(compiled.graph), n)
    wanted = step(session, compiled.plan(sizes), feeds)
    for workers in (2, 3):
        made = in_parts(compiled.graph, sizes, compiled.layout, workers)
        if made is None:
            continue
        most = len(made.workers)
        for name, value in step(session, made, feeds).items():
            scale = max(1, np.abs(wanted[name]).max(initial=0))
            np.testing.assert_allclose(
                value, wanted[name], rtol=0, atol=tolerance * scale, err_msg=name
            )
    return most


SHARED = {
    "elementwise": "J = mean(square(h) * x[:, :1])",
    "a mean of squares": "J = mean(mse(h, x @ w))",
    "decay": "J = mean(square(h)) + 0.1 * sum(w^2)",
    "gather": "J = mean(square(u[k] * h))",
    "cross entropy": "J = mean(cross_entropy(h, k))",
    "softmax": "J = mean(softmax(h) * h)",
    "largest": "J = mean(max(h, axis = 1) * argmax(h))",
    "reshape": "J = mean(square(reshape(h, [N * 5]) - 1))",
    "reshape and back": "J = mean(reshape(exp(reshape(h, [5 * N, 1])), [N, 5]) * x[:, 1:2])",
    "transpose": "J = sum(w @ h.T @ h)",
    "products of rows": "J = mean(square(reshape(h, [N, 5, 1]) @ reshape(h, [N, 1, 5])))",
    "rows in the last axis": "J = mean(square(u @ h.T) @ ones([N]))",
    "slices": "J = mean(square(h[:, 1:3] + h[:, -2:]))",
    "concat": "J = mean(square(concat(h, x, axis = 1)))",
    "stack": "J = mean(square(stack(h, h * 2, axis = 1)))",
    "broadcast": "J = mean(square(broadcast_to(h[:, :1], [N, 5]) - h))",
    "one hot": "J = mean(one_hot(k, 3) @ u * h)",
    "tied": "J = mean(square(tanh(h @ w.T) @ w) + h)",
    "layer norm": "J = mean(square(layer_norm(h, u[0], u[1])))",
    "a state": "state m: [5] = 0\nupdate m = 0.9 * m + mean(h, axis = 0)\nJ = mean(square(h))",
    "convolution": "J = mean(square(conv1d(reshape(x, [N, 1, 4]), reshape(u, [5, 1, 3]))))",
    "pooling": "J = mean(square(max_pool1d(reshape(x @ w, [N, 5, 1]), size = 1)))",
}


@pytest.mark.parametrize("text", [pytest.param(v, id=k) for k, v in SHARED.items()])
@pytest.mark.parametrize("n", [3, 8, 13])
def test_rows_are_shared(text: str, n: int) -> None:
    *before, loss = text.split("\n")
    session, compiled = load(HEAD + "\n".join([*before, f"loss {loss}"]) + TRAIN)
    assert verify(session, compiled, n) == 3


ALONE = {
    "sums along the rows": "J = mean(cumsum(h, axis = 0))",
    "all rows with all": "J = mean(h @ h.T)",
    "backwards": "J = mean(h[::-1] * h)",
    "all but the first": "J = mean(h[1:] * h[1:])",
    "sorted": "J = mean(sort(h, axis = 0) * h)",
    "the largest row": "J = mean(max(h, axis = 0))",
    "a mean that rows read": "J = mean(square(h - mean(h, axis = 0)))",
    "numbered rows": "J = mean(h[:, 0] * cast(arange(N), float))",
    "drawn rows": "J = mean(h * normal([N, 5]))",
    "other rows beside": "J = mean(reshape(h, [N * 5]) * reshape(h.T, [N * 5]))",
    "a product over rows": "J = prod(1 + 0.01 * mean(h, axis = 1))",
}


@pytest.mark.parametrize("text", [pytest.param(v, id=k) for k, v in ALONE.items()])
def test_rows_that_need_one_another_are_not_shared(text: str) -> None:
    _, compiled = load(f"{HEAD}loss {text}{TRAIN}")
    assert in_parts(compiled.graph, sizes_of(compiled.graph, 8), compiled.layout, 2) is None


@pytest.mark.parametrize("path", MODELS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_every_model_computes_the_same(path: Path) -> None:
    session = Session(compile_source(read_source(path)))
    for purpose in purposes(session.compilation):
        # Adam divides by the size of gradients that may be nearly zero
        verify(session, ready(session, purpose), 7, 1e-3)


@given(programs(), st.integers(2, 9))
@settings(max_examples=25, deadline=None)
def test_random_programs_compute_the_same(text: str, n: int) -> None:
    session = Session(compile_source(Source(text, "<text>")), seed=1)
    for purpose in purposes(session.compilation):
        verify(session, ready(session, purpose), n, 1e-3)


BATCH = HEAD + "loss J = mean(cross_entropy(h, k))" + TRAIN


@pytest.fixture
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphdsl.driver.count_cores", lambda: 2)
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
