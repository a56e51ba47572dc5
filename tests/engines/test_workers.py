"""Threads that take parts of a task: all is done, faults come out, forks and Ctrl-C end well."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest

from engines.few_threads import give_threads
from graphdsl.engines import workers as module
from graphdsl.engines.workers import Workers, count_cores, row_blocks


@pytest.mark.parametrize("rows", [1, 2, 7, 64, 65])
@pytest.mark.parametrize("block", [1, 3, 8, 100])
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_blocks_cover_every_row_once(rows: int, block: int, workers: int) -> None:
    parts = row_blocks(rows, block, workers)
    assert len(parts) <= workers
    assert [row for part in parts for i, j, _ in part for row in range(i, j)] == [*range(rows)]
    for worker, part in enumerate(parts):
        assert part
        assert {scratch for _, _, scratch in part} == {worker * block}


def test_every_part_is_done() -> None:
    workers, done = Workers(3), np.zeros(3)
    for _ in range(50):
        workers.share(lambda part: done.__setitem__(part, done[part] + 1), [0, 1, 2])
    assert done.tolist() == [50, 50, 50]


def test_parts_are_done_at_once() -> None:
    workers, meeting = Workers(2), threading.Barrier(2)
    workers.share(lambda part: meeting.wait(10), [0, 1])


@pytest.mark.parametrize("bad", [0, 1])
def test_a_fault_comes_out_when_all_have_ended(bad: int) -> None:
    workers, done = Workers(2), []

    def task(part: int) -> None:
        if part == bad:
            raise ValueError("this one")
        time.sleep(0.02)
        done.append(part)

    with pytest.raises(ValueError, match="this one"):
        workers.share(task, [0, 1])
    assert done == [1 - bad]
    workers.share(done.append, [3, 4])
    assert sorted(done[1:]) == [3, 4]


def test_faults_of_several_threads_end_with_their_task() -> None:
    """The first comes out when all have ended; none is left for the next task."""
    workers, ended = Workers(3), threading.Event()

    def task(part: int) -> None:
        if part == 2:
            time.sleep(0.2)
            ended.set()
        if part:
            raise ValueError(part)

    with pytest.raises(ValueError, match="1"):
        workers.share(task, [0, 1, 2])
    assert ended.is_set()
    workers.share(lambda _: None, [0, 0, 0])


def test_ieee_s_exceptions_are_silent_in_every_thread() -> None:
    workers, zeros = Workers(2), np.zeros(4)
    with np.errstate(all="ignore"):
        workers.share(lambda part: np.divide(zeros, zeros), [0, 1])


FORKED = """
import os
from graphdsl.engines.workers import Workers

workers, done = Workers(2), []
workers.share(done.append, [0, 1])
child = os.fork()
workers.share(done.append, [2, 3])
if child:
    assert os.waitpid(child, 0)[1] == 0
assert sorted(done) == [0, 1, 2, 3]
"""


FORKED_BUSY = """
import os, threading, time
from graphdsl.engines.workers import Workers

workers = Workers(2)
sharing = threading.Thread(target=workers.share, args=(lambda part: time.sleep(0.5), [0, 1]))
sharing.start()
time.sleep(0.1)
child = os.fork()
if child:
    sharing.join()
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("text", [FORKED, FORKED_BUSY], ids=["between tasks", "in a task"])
def test_a_forked_process_has_threads_of_its_own(text: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", text]
    subprocess.run(command, check=True, timeout=20)


def test_threads_end_with_what_made_them() -> None:
    before = set(threading.enumerate())
    workers = Workers(4)
    workers.share(lambda part: None, [0, 1, 2, 3])
    made = set(threading.enumerate()) - before
    assert len(made) == 3
    del workers
    gc.collect()
    for thread in made:
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize("given", [0, 1])
def test_threads_that_cannot_be_had_are_done_without(
    given: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_threads(given, monkeypatch)
    workers, done = Workers(4), []
    for _ in range(2):
        workers.share(done.append, [0, 1, 2, 3])
    assert sorted(done) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_a_ctrl_c_while_threads_are_made_costs_none_later(monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(threading.enumerate())
    workers, made = Workers(3), []

    def begin() -> object:
        if len(made) == 1:
            raise KeyboardInterrupt
        made.append(Hand())
        return made[-1]

    with monkeypatch.context() as patch:
        Hand = module._Hand
        patch.setattr(module, "_Hand", begin)
        with pytest.raises(KeyboardInterrupt):
            workers.share(lambda part: None, [0, 1, 2])
    workers.share(lambda part: None, [0, 1, 2])
    assert workers._apart._threads == tuple(hand.thread for hand in workers._hands)
    assert len(workers._hands) == 2
    del workers
    gc.collect()
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()


def test_more_parts_than_threads_are_done_too() -> None:
    workers, done = Workers(2), []
    workers.share(done.append, [0, 1, 2, 3])
    assert sorted(done) == [0, 1, 2, 3]


def test_ctrl_c_waits_for_the_parts_under_way() -> None:
    workers, done = Workers(2), []

    def task(part: int) -> None:
        if part:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)
            done.append(part)

    with pytest.raises(KeyboardInterrupt):
        workers.share(task, [0, 1])
    assert done == [1]
    workers.share(done.append, [2, 3])
    assert sorted(done) == [1, 2, 3]


@pytest.mark.parametrize("late", [False, True])
def test_ctrl_c_waits_for_the_parts_given_before(
    late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes while parts are handed out: before the second one, or just behind it."""
    workers, done = Workers(3), []
    workers.share(lambda part: None, [0, 1, 2])
    last = workers._hands[1]
    give = last.give

    def interrupted(task: Any, part: Any) -> None:
        if late:
            give(task, part)
        raise KeyboardInterrupt

    def task(part: int) -> None:
        time.sleep(0.1)
        done.append(part)

    monkeypatch.setattr(last, "give", interrupted)
    with pytest.raises(KeyboardInterrupt):
        workers.share(task, [0, 1, 2])
    assert sorted(done) == ([1, 2] if late else [1])
    monkeypatch.undo()
    workers.share(done.append, [3, 4, 5])
    assert sorted(done)[-3:] == [3, 4, 5]


def test_a_part_that_nobody_waited_for_ends_before_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A Ctrl-C may come in the moment before the wait begins."""
    workers, done = Workers(2), []
    workers.share(lambda part: None, [0, 1])
    (hand,) = workers._hands

    def task(part: int) -> None:
        time.sleep(0.1 * part)
        done.append(part)

    monkeypatch.setattr(hand, "wait", lambda: None)
    workers.share(task, [0, 1])
    assert done == [0]
    monkeypatch.undo()
    workers.share(task, [2, 3])
    assert sorted(done) == [0, 1, 2, 3]


def test_some_core_is_found() -> None:
    assert 1 <= count_cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("said", "cores"), [("1", 1), (" 3 ", 3), ("2,4", 2), ("9", 8), ("", 8), ("0", 8), ("x", 8)]
)
def test_fewer_cores_may_be_asked_for(
    said: str, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)), raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert count_cores() == cores
