"""The threads that share in compiled programs: one crew a process, none on one core."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache

import numpy as np

from graphdsl.engines.numba import library
from graphdsl.engines.numba.runner import OFFER, WORDS
from graphdsl.engines.workers import count_cores

Native = Callable[[int, int, int], None]


class Crew:
    """Threads that wait for offers; `words` is what they share with the program's thread."""

    def __init__(self, threads: int) -> None:
        self.size = 0
        self.lock = threading.Lock()
        raw = np.zeros(WORDS + 8, np.int64)
        start = (-raw.ctypes.data % 64) // 8
        self.words = raw[start : start + WORDS]
        self.address = int(self.words.ctypes.data)
        self._process = os.getpid()
        self._bell = threading.Semaphore(0)
        self._serve = native("serve")
        self._counting = threading.Lock()
        self._asleep = 0
        with suppress(RuntimeError):  # the system gives no more threads: there are fewer then
            for number in range(1, threads + 1):
                name = f"graphdsl-{number}"
                threading.Thread(target=self._work, name=name, daemon=True).start()
                self.size = number

    def take(self) -> bool:
        """Whether the crew is free; it is woken, and the caller's until `give`."""
        if not self.lock.acquire(blocking=False):
            return False
        if self._asleep:
            with self._counting:
                asleep, self._asleep = self._asleep, 0
            self._bell.release(asleep)
        return True

    def give(self) -> None:
        """Let others have the crew."""
        self.lock.release()

    @property
    def is_here(self) -> bool:
        """Whether the threads are of this process: a fork leaves them behind."""
        return self._process == os.getpid()

    def _work(self) -> None:
        while True:
            seen = int(self.words[OFFER]) // 256
            with self._counting:
                self._asleep += 1
            self._bell.acquire()
            self._serve(self.address, seen, 0)


def native(name: str) -> Native:
    """A kernel of the runner as a function of Python."""
    return native_at(getattr(library.load_file("runner.py"), name).address)


def native_at(address: int) -> Native:
    """A kernel as a function of Python that lets other threads run meanwhile."""
    return ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)(address)


_crews: list[Crew] = []


def find_crew() -> Crew | None:
    """The crew of this process; None where there is one core."""
    if _crews and not _crews[-1].is_here:
        _crews.clear()
    if not _crews:
        others = count_cores() - 1
        if others < 1:
            return None
        _crews.append(Crew(others))
    return _crews[-1]


@cache
def offer_address() -> int:
    """Where the code of an offer begins."""
    address: int = library.load_file("runner.py").offer.address
    return address
