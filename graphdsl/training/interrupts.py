"""Signals that ask a run to end, heeded where they do no harm.

The first one asks: the step under way ends, then the run, and no step is left half done. The
second insists: `KeyboardInterrupt` is raised wherever the program is, but for what has to be done
as a whole. Later ones change nothing, so that impatience costs nobody what is being saved.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

AGAIN = 1.0
"""Seconds after which a signal insists anew: Python drops an error that is raised in a callback."""


class Interrupts:
    """A context in which Ctrl-C, and whatever other `signals` are named, end a run.

    So many as `patience` says ask before one insists. Ctrl-C, where it is not named, is heard only
    if Python's own handler is in place: any other is somebody's who knows better. Outside the main
    thread, which alone may set handlers, nothing is heard.
    """

    def __init__(self, signals: Sequence[int] = (), patience: int = 1) -> None:
        self.asked = False
        """Whether the run is to end after the step under way."""
        self.insisted = False
        """Whether it is to end at once."""
        self._signals, self._patience = signals, patience
        self._before: dict[int, Any] = {}
        self._whole = self._late = False
        self._heard = 0.0

    def __enter__(self) -> Self:
        try:
            with self.whole():
                self._listen()
        except KeyboardInterrupt:  # `__exit__` is not called then
            self._put_back()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._put_back()

    @contextmanager
    def whole(self) -> Iterator[None]:
        """What is done inside is done as a whole: who insists meanwhile is heeded at its end."""
        before, self._whole = self._whole, True
        try:
            yield
        finally:
            self._whole = before
        if self._late and not before:
            self._late = False
            raise KeyboardInterrupt

    def _listen(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        numbers = {*self._signals}
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            numbers.add(signal.SIGINT)
        for number in numbers:
            self._before[number] = signal.getsignal(number)
            signal.signal(number, self._hear)

    def _put_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        if self._patience:
            self._patience -= 1
            return
        now = time.monotonic()
        if self.insisted and now - self._heard < AGAIN:
            return
        self.insisted, self._heard = True, now
        if not self._whole:
            raise KeyboardInterrupt
        self._late = True
