"""BLAS threads: one for small models, and as they were afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import threadpoolctl
from threadpoolctl import ThreadpoolController

import graphdsl
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


def threads() -> int:
    found = threadpoolctl.threadpool_info()
    return max(
        lib["num_threads"]
        for lib in found
        if lib["user_api"] == "blas" and "numpy" in lib["filepath"]
    )


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


class Library:
    """What OpenBLAS has for the number, and how often that was set."""

    def __init__(self, number: int) -> None:
        self.number, self.puts = number, 0

    def get(self) -> int:
        return self.number

    def put(self, number: int) -> None:
        self.number, self.puts = number, self.puts + 1

    def swap(self, number: int) -> int:
        before = self.number
        self.put(number)
        return before


@pytest.fixture(params=["in one call", "in two calls"])
def shared(request: pytest.FixtureRequest) -> tuple[Library, module._Shared]:
    library = Library(4)
    older = module._Swap(library.get, library.put)
    swap = library.swap if request.param == "in one call" else older
    return library, module._Shared(swap, library.put)


def test_a_function_takes_one_thread_and_gives_back_what_there_was(
    shared: tuple[Library, module._Shared],
) -> None:
    library, inside = shared
    seen = inside.around(lambda a, b: (a, b, library.number))
    assert seen(3, "x") == (3, "x", 1)
    assert library.number == 4
    with inside:
        assert seen(3, "x") == (3, "x", 1)
        assert library.number == 1
    assert library.number == 4


def test_where_there_is_one_already_none_is_put_back(
    shared: tuple[Library, module._Shared],
) -> None:
    """It is one thread for whoever asked for that before, and asks for another number inside."""
    library, inside = shared
    library.number = 1
    inside.around(lambda: library.put(3))()
    assert library.number == 3
    library.number = 1
    with inside:
        library.put(5)
    assert library.number == 5


def test_functions_side_by_side_take_one_thread_until_the_last_is_done(
    shared: tuple[Library, module._Shared],
) -> None:
    library, inside = shared
    begun, ended = threading.Event(), threading.Event()

    def wait() -> int:
        begun.set()
        ended.wait(10)
        return library.number

    numbers: list[int] = []
    other = threading.Thread(target=lambda: numbers.append(inside.around(wait)()))

    def meet() -> None:
        other.start()
        assert begun.wait(10)

    inside.around(meet)()
    assert library.number == 1
    ended.set()
    other.join()
    assert (numbers, library.number) == ([1], 4)


def test_a_function_that_raises_gives_it_back(shared: tuple[Library, module._Shared]) -> None:
    library, inside = shared
    with pytest.raises(ZeroDivisionError):
        inside.around(lambda: 1 / 0)()
    assert library.number == 4


class Interrupted:
    """A lock behind which a Ctrl-C comes, the first time."""

    def __init__(self) -> None:
        self.lock, self.left = threading.Lock(), 1

    def __enter__(self) -> None:
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def test_a_ctrl_c_behind_the_count_gives_it_back(shared: tuple[Library, module._Shared]) -> None:
    library, inside = shared
    inside._lock = Interrupted()  # type: ignore[assignment]
    read = inside.around(library.get)
    with pytest.raises(KeyboardInterrupt):
        read()
    assert library.number == 4
    assert (read(), library.number) == (1, 4)


def test_a_ctrl_c_before_it_is_known_what_there_was_gives_it_back() -> None:
    class Late(Library):
        interrupts = False

        def swap(self, number: int) -> int:
            before = super().swap(number)
            if self.interrupts:
                raise KeyboardInterrupt
            return before

    library = Late(4)
    read = module._Shared(library.swap, library.put).around(library.get)
    library.interrupts = True
    with pytest.raises(KeyboardInterrupt):
        read()
    assert library.number == 4
    library.interrupts = False
    assert (read(), library.number) == (1, 4)


def test_openblas_itself_says_what_there_was() -> None:
    """Its own function for that, where it has one, sets the number that NumPy's products heed."""
    library = module._find_library()
    if not isinstance(library, module._Shared):
        pytest.skip("NumPy multiplies by another library")
    with threadpoolctl.threadpool_limits(2):
        assert library._swap(1) == 2
        assert threads() == 1
        seen: list[int] = []
        other = threading.Thread(target=lambda: seen.append(threads()))
        other.start()
        other.join()
        assert seen == [1]
        assert library._swap(2) == 1
        assert threads() == 2


@dataclass(frozen=True)
class _Loaded:
    """A library as threadpoolctl has it."""

    filepath: str
    internal_api: str
    threading_layer: str = "pthreads"


@pytest.mark.parametrize(
    "own",
    [
        _Loaded("/lib/numpy.libs/libopenblas.so", "openblas", "openmp"),
        _Loaded("/lib/numpy/libmkl_rt.so", "mkl", "intel"),
    ],
)
def test_the_library_of_scipy_is_not_taken_for_that_of_numpy(
    own: _Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one of NumPy has no functions of that kind, or threads of another: all are limited."""
    scipys = _Loaded("/lib/scipy.libs/libopenblas.so", "openblas")
    loaded = SimpleNamespace(lib_controllers=[scipys, own])
    monkeypatch.setattr(module, "_find_all", lambda: loaded)
    assert module.find_openblas() is (own if own.internal_api == "openblas" else None)
    assert module._find_library.__wrapped__() is loaded
