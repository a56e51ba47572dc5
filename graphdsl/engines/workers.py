"""Threads for what can be done in parts: NumPy lets go of Python's lock while it computes.

What the parts write is apart, and each element is computed as by one thread alone: the same parts
give the same bits, however many threads there are for them.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Any

import numpy as np

from graphdsl.engines.blas import on_one_thread
from graphdsl.engines.cores import Apart

Task = Callable[[Any], None]

MOST = 8
"""Threads at most: beyond, they wait for memory."""


def count_cores() -> int:
    """The cores that this process may use, fewer if OMP_NUM_THREADS says so; in a list, a number
    for each level of threads that start threads, it is the first one that counts."""
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    said = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(found or 1, int(said) if said.isdecimal() and int(said) else MOST, MOST)


def check_workers(count: int) -> int:
    """The number of workers that a file says; raises `ValueError` for one that there never is."""
    if not 1 <= count <= MOST:
        raise ValueError("its 'workers' makes no sense")
    return count


def row_blocks(rows: int, block: int, workers: int) -> list[list[tuple[int, int, int]]]:
    """For each worker its blocks: the first row, the row behind the last one, and the first row
    of scratch memory that is the worker's own."""
    cuts = [(start, min(start + block, rows)) for start in range(0, rows, block)]
    share = -(-len(cuts) // workers)
    parts = [cuts[worker * share : (worker + 1) * share] for worker in range(workers)]
    return [
        [(start, stop, worker * block) for start, stop in part]
        for worker, part in enumerate(parts)
        if part
    ]


class Workers:
    """Threads that wait for parts of a task; they are made at the first one, and end with this."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._hands: list[_Hand] = []
        self._apart = Apart(())
        self._process = 0

    def share(self, task: Task, parts: Sequence[Any]) -> None:
        """Run `task` on every part at once, the first one here, and those for which there is no
        thread behind it; return when all are done."""
        if self._process != os.getpid():
            self._begin()  # threads do not follow a process that is forked
        busy = self._hands[: len(parts) - 1]
        given = 1 + len(busy)
        self._apart.keep()
        with ExitStack() as waits:  # all are waited for, whatever is raised and wherever
            for hand, part in zip(busy, parts[1:given], strict=True):
                waits.callback(hand.wait)
                hand.give(task, part)
            for part in (parts[0], *parts[given:]):
                task(part)

    def side_by_side(self, calls: Sequence[tuple[Any, ...]]) -> None:
        """Call functions at once, each given with its arguments behind it; BLAS takes one thread
        for each of them meanwhile."""
        on_one_thread(self.share)(_call, calls)

    def _begin(self) -> None:
        hands: list[_Hand] = []
        weakref.finalize(self, _dismiss, hands, os.getpid())
        with suppress(RuntimeError):  # the system gives no more threads: there are fewer then
            while len(hands) < self.count - 1:
                hands.append(_Hand())
        self._hands, self._apart = hands, Apart(hand.thread for hand in hands)
        self._process = os.getpid()  # last: behind a Ctrl-C on the way all are made anew


def _call(call: tuple[Any, ...]) -> None:
    call[0](*call[1:])


def _dismiss(hands: Sequence[_Hand], process: int) -> None:
    """End the threads, where they are: in a process that was forked there are none."""
    for hand in hands if process == os.getpid() else ():
        hand.give(None, None)


class _Hand:
    """One thread: a task at a time. Locks are quicker than the queue or the event made of them."""

    def __init__(self) -> None:
        self._given, self._done = threading.Lock(), threading.Lock()
        self._given.acquire()
        self._finished = True
        self._task: Task | None = None
        self._part: Any = None
        self._fault: BaseException | None = None
        thread = threading.Thread(target=self._work, name="graphdsl worker", daemon=True)
        thread.start()
        assert thread.native_id is not None
        self.thread = thread.native_id

    def give(self, task: Task | None, part: Any) -> None:
        """Begin a task; None ends the thread."""
        while not self._finished:  # a Ctrl-C has broken off the wait for the last one
            self._done.acquire(timeout=1)
        self._done.acquire(blocking=False)
        self._task, self._part, self._finished = task, part, False
        self._given.release()

    def wait(self) -> None:
        """Return when the task is done, a Ctrl-C meanwhile or not; raise what it raised."""
        interrupt: KeyboardInterrupt | None = None
        while not self._finished:
            try:
                self._done.acquire(timeout=1)
            except KeyboardInterrupt as raised:
                interrupt = raised
        fault, self._fault = self._fault or interrupt, None
        if fault is not None:
            raise fault

    def _work(self) -> None:
        np.seterr(all="ignore")  # IEEE's exceptions are silent, as in the thread that asks
        while True:
            self._given.acquire()
            task, part = self._task, self._part
            if task is None:
                return
            try:
                task(part)
            except BaseException as fault:
                self._fault = fault
            self._task = task = self._part = part = None
            self._finished = True
            self._done.release()
