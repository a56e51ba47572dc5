"""BLAS threads: one for small models, and as they were afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import threadpoolctl
from threadpoolctl import ThreadpoolController

import graphdsl
from engines.blas_threads import threads
from graphdsl.engines import blas as module
from graphdsl.engines.watched import Look
from graphdsl.graph.graph import Graph
from graphdsl.training.threads import LARGE, SMALL, blas_threads, on_one_thread

MODEL = """
dim N
input x: [N, 90]
param W: [90, 100] ~ normal(0, 1)
loss J = mean((x @ W)^2)
train { optimizer = sgd(lr = 1e-3) }
"""
WEIGHTS = 90 * 100


@pytest.fixture(params=["openblas itself", "any other library"])
def _two_threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """By OpenBLAS's own functions, and as where another library multiplies."""
    if request.param == "any other library":
        controller = ThreadpoolController().select(user_api="blas")
        monkeypatch.setattr(module, "_find_library", lambda: controller)
    with threadpoolctl.threadpool_limits(2):
        yield
        assert threads() == 2


class Looks:
    """The threads there were each time a program showed an array."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __call__(self, graph: Graph) -> Look:
        return lambda id, array: self.seen.append(threads())


@pytest.mark.usefixtures("_two_threads")
def test_small_models_get_one_thread() -> None:
    session = graphdsl.loads("param w: [100] = 0\noutput y = sum(w)").session
    with blas_threads(session, LARGE // 100):
        assert threads() == 1
        with blas_threads(session, LARGE // 100):
            assert threads() == 1
        assert threads() == 1
    assert threads() == 2
    with blas_threads(session, LARGE // 100 + 1):
        assert threads() == 2


@pytest.mark.usefixtures("_two_threads")
@pytest.mark.parametrize(
    ("rows", "expected"),
    [(2, 1), (LARGE // WEIGHTS, 1), (LARGE // WEIGHTS + 1, 2)],
)
def test_a_step_on_its_own_takes_the_threads_that_fit_would(rows: int, expected: int) -> None:
    """What other code is given before and after it is as it was."""
    model = graphdsl.loads(MODEL)
    trainer = model.trainer()
    looks = Looks()
    with model.session.watched(looks):
        trainer.step(x=np.zeros((rows, 90)))
    assert set(looks.seen) == {expected}
    assert threads() == 2


@pytest.mark.usefixtures("_two_threads")
def test_all_parameters_count_together() -> None:
    """Neither of the two alone is large enough for several threads."""
    text = "param v: [50] = 0\nparam w: [50] = 0\noutput y = sum(v * w)"
    with blas_threads(graphdsl.loads(text).session, LARGE // 100 + 1):
        assert threads() == 2


@pytest.mark.usefixtures("_two_threads")
def test_the_update_from_gathered_batches_takes_one_too() -> None:
    model = graphdsl.loads(MODEL)
    trainer = model.trainer(accumulate=2)
    looks = Looks()
    with model.session.watched(looks):
        trainer.step(x=np.zeros((3, 90)))
        looks.seen.clear()
        trainer.flush()
    assert set(looks.seen) == {1}


@pytest.mark.usefixtures("_two_threads")
def test_a_step_that_fails_puts_the_threads_back() -> None:
    model = graphdsl.loads(
        "dim N\ninput i: i64[N]\nparam E: [9000, 2] ~ normal(0, 1)\n"
        "loss J = mean(E[i]^2)\ntrain { optimizer = sgd(lr = 1) }"
    )
    with pytest.raises(graphdsl.DataError, match="9000"):
        model.trainer().step(i=[9000])
    assert threads() == 2


def test_what_no_library_would_share_out_is_called_as_it_is() -> None:
    session = graphdsl.loads("param w: [64] = 0\noutput y = sum(w)").session
    assert on_one_thread(tuple, session, SMALL // 64) is tuple
    assert on_one_thread(tuple, session, SMALL // 64 + 1) is not tuple


def test_two_that_train_at_a_time_do_not_disturb_one_another() -> None:
    """The first to begin is the first to end: one thread until the other ends, two afterwards."""
    session = graphdsl.loads("param w: [100] = 0\noutput y = sum(w)").session
    begun, ended = threading.Event(), threading.Event()

    def train() -> None:
        with blas_threads(session, 100):
            begun.set()
            ended.wait(10)

    other = threading.Thread(target=train)
    with threadpoolctl.threadpool_limits(2):
        with blas_threads(session, 100):
            other.start()
            assert begun.wait(10)
        assert threads() == 1
        ended.set()
        other.join()
        assert threads() == 2
