"""How many threads BLAS takes: one inside a context, and as many as before behind it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController


class _Shared:
    """One thread while anybody is inside, and what there was before once nobody is.

    The number is the process's: two threads that train at a time must neither put it back while
    the other is inside, nor take the other's 1 for what there was. It may be entered again inside.
    """

    __slots__ = ("_before", "_get", "_inside", "_lock", "_set")

    def __init__(self, get: Callable[[], int], set: Callable[[int], object]) -> None:
        self._get, self._set = get, set
        self._lock = threading.Lock()
        self._inside, self._before = 0, 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = self._get()
                self._set(1)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._set(self._before)


def one_thread() -> AbstractContextManager[object]:
    """Inside, BLAS takes one thread."""
    library = _find_library()
    return library if isinstance(library, _Shared) else library.limit(limits=1)


@cache
def _find_library() -> _Shared | ThreadpoolController:
    """NumPy's OpenBLAS, one object for all models; what else there is, as threadpoolctl has it.

    OpenBLAS is called directly: to enter threadpoolctl's limits takes 6 microseconds, and with
    each of them one Python thread alone is heeded.
    """
    controller = ThreadpoolController().select(user_api="blas")
    found = [
        one
        for one in controller.lib_controllers
        if one.internal_api == "openblas" and one.threading_layer == "pthreads"
    ]
    # scipy's wheel brings a second one
    found.sort(key=lambda one: "numpy" not in one.filepath)
    names = [f"{start}openblas_%s_num_threads{end}" for start in _STARTS for end in _ENDS]
    for library in (one.dynlib for one in found[:1]):
        for name in (name for name in names if hasattr(library, name % "get")):
            return _Shared(getattr(library, name % "get"), getattr(library, name % "set"))
    return controller


_STARTS, _ENDS = ("scipy_", ""), ("64_", "_64", "")
"""What a build puts around the names of OpenBLAS's functions."""
