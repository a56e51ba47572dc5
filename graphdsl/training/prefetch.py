"""Reading ahead: one job runs in a thread while what the one before it gave is in use.

A thread lives for one job, and every job ends by itself: whatever happens to the consumer, no
thread waits for anything. Jobs run one after the other, and their order is never changed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")
NAME = "graphdsl-reader"


def prefetched(jobs: Iterable[Callable[[], T]]) -> Generator[T, None, None]:
    """What each job gives, the next one under way; its error is raised in its turn.

    When a job starts, the consumer has done with all but the last value, so that two buffers,
    taken in turns, are enough. Closing it waits for the job that is under way.
    """
    running: _Job[T] | None = None
    try:
        for job in jobs:
            before, ready = running, None
            if before is not None:
                ready = before.result()
            running = _Job(job)
            if before is not None:
                yield ready  # type: ignore[misc]
        if running is not None:
            yield running.result()
    finally:
        if running is not None:
            running.thread.join()


class _Job(Generic[T]):
    """A function at work in a thread of its own."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._value: list[T] = []
        self._error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, name=NAME, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self._value.append(self._function())
        except BaseException as error:
            self._error = error

    def result(self) -> T:
        """What the function gave, or the error it raised."""
        self.thread.join()
        if self._error is not None:
            raise self._error
        return self._value[0]
