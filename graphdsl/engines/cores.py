"""Threads on cores of their own: those that help are kept off the core of the one they help.

Linux often begins a thread that is woken on the core of the thread that wakes it. There it waits
until that one sleeps, or for milliseconds until it is moved: two threads then take as long as one.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache


@cache
def _find_core() -> Callable[[], int]:
    """The function that says on which core a thread runs; -1 where the system has none."""
    with suppress(OSError, AttributeError, TypeError):
        if hasattr(os, "sched_setaffinity"):
            found: Callable[[], int] = ctypes.CDLL(None).sched_getcpu
            return found
    return lambda: -1


class Apart:
    """Keeps threads off a core; asked again and again, it does something if the core is another.

    `threads` are their ids as the system has them.
    """

    def __init__(self, threads: Iterable[int]) -> None:
        self._threads = tuple(threads)
        self._find = _find_core()
        self._core = -1

    def keep(self) -> None:
        """Keep the threads off the core of the thread that calls."""
        core = self._find()
        if core == self._core:
            return
        self._core = core
        others = os.sched_getaffinity(0) - {core}
        if not others:
            return
        for thread in self._threads:
            with suppress(OSError):  # it has ended, or the process has lost those cores
                os.sched_setaffinity(thread, others)
