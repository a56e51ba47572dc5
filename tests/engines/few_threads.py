"""A system that gives a process few threads."""

from __future__ import annotations

import threading

import pytest


def give_threads(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on so many threads can be started, and no more."""
    start, left = threading.Thread.start, [count]

    def refuse(thread: threading.Thread) -> None:
        if not left[0]:
            raise RuntimeError("can't start new thread")
        left[0] -= 1
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
