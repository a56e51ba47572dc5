"""Threads that help run beside the one they help, wherever that goes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import pytest

from graphdsl.engines import cores
from graphdsl.engines.cores import Apart
from graphdsl.engines.workers import Workers

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="one core, or a system that does not say which",
)


def on_core(core: int, act: Callable[[], object]) -> None:
    """Do something in a thread that may run on one core alone."""

    def run() -> None:
        os.sched_setaffinity(0, {core})
        act()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The cores that a thread may run on, as they were set last."""
    allowed: set[int] = set()

    def allow(thread: int, found: set[int]) -> None:
        allowed.clear()
        allowed.update(found)

    monkeypatch.setattr(cores.os, "sched_setaffinity", allow)
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda thread: {0, 1, 2})
    return allowed


def test_a_thread_is_kept_off_the_core_that_asks(
    monkeypatch: pytest.MonkeyPatch, hand: set[int]
) -> None:
    at = [1]
    monkeypatch.setattr(cores, "_find_core", lambda: lambda: at[0])
    apart = Apart([77])
    apart.keep()
    assert hand == {0, 2}
    hand.clear()
    apart.keep()
    assert hand == set()  # nothing has changed
    at[0] = 2
    apart.keep()
    assert hand == {0, 1}


def test_one_core_serves_all(monkeypatch: pytest.MonkeyPatch, hand: set[int]) -> None:
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda thread: {1})
    monkeypatch.setattr(cores, "_find_core", lambda: lambda: 1)
    Apart([77]).keep()
    assert hand == set()


def test_a_thread_that_has_ended_is_passed_over() -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
    assert thread.native_id is not None
    Apart([thread.native_id]).keep()


def test_workers_leave_the_core_of_the_caller() -> None:
    workers, seen = Workers(2), []
    cores_here = os.sched_getaffinity(0)

    def look(part: int) -> None:
        if part:
            seen.append(os.sched_getaffinity(0))

    core = min(cores_here)
    apart = Workers(2)
    on_core(core, lambda: apart.share(look, [0, 1]))  # a thread that is kept there itself
    workers.share(look, [0, 1])
    (_, second) = seen
    assert len(second) == len(cores_here) - 1
