"""BLAS takes one thread inside, and what it had before behind it, whatever comes between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import threadpoolctl

from engines.blas_threads import threads
from graphdsl.engines import blas as module


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
    return library, module._Shared(swap, library.put, library.number)


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


def test_the_number_outside_is_known_inside(shared: tuple[Library, module._Shared]) -> None:
    _, inside = shared
    assert inside.outside is None
    with inside, inside:
        assert inside.outside == 4
    assert inside.outside is None


def test_the_threads_that_are_counted_are_those_outside() -> None:
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        assert module.count_threads() == 2
        with module.one_thread():
            assert module.count_threads() == 2
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        assert module.count_threads() == 1


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


def _read_within(inside: module._Shared, read: Callable[[], int]) -> Callable[[], int]:
    """The same as `around`, by the two methods of a context."""

    def read_within() -> int:
        with inside:
            return read()

    return read_within


WAYS = pytest.mark.parametrize("way", [module._Shared.around, _read_within])


@WAYS
def test_a_ctrl_c_behind_the_count_gives_it_back(
    shared: tuple[Library, module._Shared], way: Callable[..., Callable[[], int]]
) -> None:
    library, inside = shared
    inside._lock = Interrupted()  # type: ignore[assignment]
    read = way(inside, library.get)
    with pytest.raises(KeyboardInterrupt):
        read()
    assert library.number == 4
    assert (read(), library.number) == (1, 4)


@WAYS
def test_a_ctrl_c_before_it_is_known_what_there_was_gives_it_back(
    way: Callable[..., Callable[[], int]],
) -> None:
    class Late(Library):
        interrupts = False

        def swap(self, number: int) -> int:
            before = super().swap(number)
            if self.interrupts:
                raise KeyboardInterrupt
            return before

    library = Late(4)
    read = way(module._Shared(library.swap, library.put, library.number), library.get)
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
