"""The library by which NumPy multiplies, and how many threads it takes: one inside a context, and
as many as before behind it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from ctypes import PyDLL
from functools import cache
from typing import Any, TypeVar

import numpy  # noqa: F401 - what is not loaded yet is not found
from threadpoolctl import ThreadpoolController

_Made = TypeVar("_Made")


class _Shared:
    """One thread while anybody is inside, and what there was before once nobody is.

    The number is the process's: two threads that train at a time must neither put it back while
    the other is inside, nor take the other's 1 for what there was. It may be entered again inside.
    """

    __slots__ = ("_before", "_inside", "_lock", "_put", "_swap")

    def __init__(
        self, swap: Callable[[int], int], put: Callable[[int], object], before: int
    ) -> None:
        """`swap` sets the number and gives the one before, `put` sets it; `before` is what it is
        now, to be put back where a Ctrl-C loses the result of the first `swap`."""
        self._swap, self._put = swap, put
        self._lock = threading.Lock()
        self._inside, self._before = 0, before

    def __enter__(self) -> None:
        counted = False
        try:
            with self._lock:
                self._inside, counted = self._inside + 1, True
                if self._inside == 1:
                    self._before = self._swap(1)
        except BaseException:  # a Ctrl-C: behind one on the way in nobody else comes out
            if counted:
                self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside and self._before != 1:
                self._put(self._before)

    @property
    def outside(self) -> int | None:
        """The number behind those who are inside; None where nobody is."""
        with self._lock:
            return self._before if self._inside else None

    def around(self, call: Callable[..., _Made]) -> Callable[..., _Made]:
        """A function that is inside while it runs: `with` written out, which takes half the time
        of looking up and calling the two methods.

        Whenever a Ctrl-C comes, the number is put back; if it comes between `swap` and its result,
        that of the last time.
        """
        lock, swap, put = self._lock, self._swap, self._put

        def call_inside(*args: Any) -> _Made:
            counted = False
            try:
                with lock:
                    self._inside, counted = self._inside + 1, True
                    if self._inside == 1:
                        self._before = swap(1)
                return call(*args)
            finally:
                if counted:
                    with lock:
                        self._inside -= 1
                        if not self._inside and self._before != 1:
                            put(self._before)

        return call_inside


def one_thread() -> AbstractContextManager[object]:
    """Inside, BLAS takes one thread."""
    library = _find_library()
    return library if isinstance(library, _Shared) else library.limit(limits=1)


def on_one_thread(call: Callable[..., _Made]) -> Callable[..., _Made]:
    """A function, of arguments by position, during which BLAS takes one thread; this adds about a
    third of a microsecond."""
    library = _find_library()
    return library.around(call) if isinstance(library, _Shared) else _within_limits(call)


def count_threads() -> int:
    """How many threads BLAS takes outside of these contexts."""
    library = _find_library()
    kept = library.outside if isinstance(library, _Shared) else None
    found = _find_numpys()
    return kept or (found.num_threads if found is not None else 1)


def _within_limits(call: Callable[..., _Made]) -> Callable[..., _Made]:
    def call_within_limits(*args: Any) -> _Made:
        with one_thread():
            return call(*args)

    return call_within_limits


@cache
def _find_library() -> _Shared | ThreadpoolController:
    """NumPy's OpenBLAS, one object for all models; what else there is, as threadpoolctl has it.

    OpenBLAS is called directly: to enter threadpoolctl's limits takes 6 microseconds, and with
    each of them one Python thread alone is heeded. What is called returns at once, so that
    Python's lock is kept meanwhile.
    """
    found = find_openblas()
    if found is not None and found.threading_layer == "pthreads":
        library = PyDLL(found.filepath)
        names = [f"{start}openblas_%s_num_threads{end}" for start in _STARTS for end in _ENDS]
        for name in (name for name in names if hasattr(library, name % "get")):
            get, put = getattr(library, name % "get"), getattr(library, name % "set")
            return _Shared(_find_swap(library) or _Swap(get, put), put, get())
    return _find_all()


def _find_numpys() -> Any:
    """The library by which NumPy multiplies, as threadpoolctl has it; None if it knows none."""
    libraries = _find_all().lib_controllers
    # scipy's wheel brings a second one, which is loaded later
    return min(libraries, key=lambda one: "numpy" not in one.filepath, default=None)


def find_openblas() -> Any:
    """NumPy's OpenBLAS, as threadpoolctl has it; None where NumPy multiplies by another library."""
    found = _find_numpys()
    return found if found is not None and found.internal_api == "openblas" else None


def _find_all() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


def _find_swap(library: Any) -> Callable[[int], int] | None:
    """OpenBLAS's own function that sets the number and gives the one before, from 0.3.27 on. For
    all that it is called local, with pthreads it sets what the process has."""
    names = [f"{start}openblas_set_num_threads_local{end}" for start in _STARTS for end in _ENDS]
    return next((getattr(library, name) for name in names if hasattr(library, name)), None)


class _Swap:
    """The same in two calls, for an older OpenBLAS."""

    __slots__ = ("_get", "_put")

    def __init__(self, get: Callable[[], int], put: Callable[[int], object]) -> None:
        self._get, self._put = get, put

    def __call__(self, number: int) -> int:
        before = self._get()
        self._put(number)
        return before


_STARTS, _ENDS = ("scipy_", ""), ("64_", "_64", "")
"""What a build puts around the names of OpenBLAS's functions."""
