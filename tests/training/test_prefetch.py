"""Reading ahead: order, overlap, errors in their turn, and no thread left over."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from graphdsl.training.prefetch import NAME, prefetched


def readers() -> int:
    return sum(thread.name == NAME for thread in threading.enumerate())


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_values_come_in_order(count: int) -> None:
    assert list(prefetched(lambda i=i: i for i in range(count))) == list(range(count))
    assert not readers()


def test_the_next_job_runs_while_a_value_is_in_use() -> None:
    begun = [threading.Event() for _ in range(4)]

    def job(number: int) -> int:
        begun[number].set()
        return number

    for value in prefetched(lambda i=i: job(i) for i in range(4)):
        if value < 3:
            assert begun[value + 1].wait(10)
        if value < 2:
            assert not begun[value + 2].is_set()  # its buffer is in use


def test_jobs_never_run_at_once() -> None:
    at_work = threading.Lock()

    def job() -> None:
        assert at_work.acquire(blocking=False)
        at_work.release()

    assert len(list(prefetched(job for _ in range(50)))) == 50


def test_an_error_is_raised_in_its_turn() -> None:
    def job(number: int) -> int:
        if number == 2:
            raise ValueError("the third")
        return number

    values: list[int] = []
    with pytest.raises(ValueError, match="the third"):
        values.extend(prefetched(lambda i=i: job(i) for i in range(5)))
    assert values == [0, 1]
    assert not readers()


def test_a_consumer_that_stops_leaves_no_thread() -> None:
    def consume(values: Iterator[int]) -> None:
        for _ in values:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        consume(prefetched(lambda i=i: i for i in range(5)))
    # the traceback holds the generator, and still nothing waits
    for thread in threading.enumerate():
        if thread.name == NAME:
            thread.join(10)
            assert not thread.is_alive()
    assert caught.type is KeyboardInterrupt
