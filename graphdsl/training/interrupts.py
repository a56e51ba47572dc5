"""Signals that let the step under way end: half a step would leave half the parameters behind."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM)
"""The signals that people and systems end a program by."""


@contextmanager
def interruptible(interrupt: Callable[[], None], signals: Sequence[int] = ()) -> Iterator[None]:
    """The first Ctrl-C, or the first of `signals`, calls `interrupt`; the next is as before.

    Ctrl-C only where Python's own handler is in place; `signals` are whoever's who names them. In
    another thread than the main one, which alone may set handlers, nothing happens.
    """
    before = {number: signal.getsignal(number) for number in signals}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        before[signal.SIGINT] = signal.default_int_handler
    if threading.current_thread() is not threading.main_thread():
        before = {}

    def put_back() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def handle(number: int, frame: FrameType | None) -> None:
        put_back()
        interrupt()

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        put_back()


@contextmanager
def postponed(signals: Sequence[int] = ENDING) -> Iterator[None]:
    """Signals that come meanwhile are heard when it is over: a save under way is finished.

    In another thread than the main one, which alone hears signals, nothing happens.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    before = {number: signal.getsignal(number) for number in signals}
    for number in before:
        signal.signal(number, lambda number, frame: heard.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            # None is a handler that Python did not set and cannot put back
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
    for number in dict.fromkeys(heard):
        signal.raise_signal(number)
