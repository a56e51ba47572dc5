"""Threads that share a compiled program: they come late rather than never, and all is done once."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from engines.both import Array

pytest.importorskip("numba")

from engines.few_threads import give_threads
from graphdsl.engines.numba import crew, library, runner

KERNELS = '''"""Kernels for a test: each notes in how many parts it was done, and how often."""

from graphdsl.engines.numba.decorators import kernel
from graphdsl.engines.numba.intrinsics import add_atomically, f64_at, i64_at


@kernel
def note(arguments, part, parts):
    at = i64_at(arguments)
    marks = i64_at(at[0])
    place = f64_at(at[1])
    for turn in range(at[2]):
        place[8 * part] = place[8 * part] * 0.5 + turn
    marks[part] += 1
    if part == 0:
        marks[8] = parts
    add_atomically(at[0] + 9 * 8, 1)
'''
"""The marks: of each part how often it was done, in how many parts, how many arrived."""

COUNT, PARTS, ARRIVALS = 12, 8, 9


class Program:
    """A state of `COUNT` kernels, all but every third of them done in parts."""

    def __init__(self, turns: int, threads: int) -> None:
        self.marks = np.zeros((COUNT, 16), np.int64)
        self.sums = np.zeros(8 * 8)
        self.divided = np.arange(COUNT) % 3 != 2
        self.arguments = np.array(
            [[marks.ctypes.data, self.sums.ctypes.data, turns] for marks in self.marks]
        )
        address = library.load(KERNELS).note.address
        self.code = np.array(
            [
                [address, arguments.ctypes.data, divided]
                for arguments, divided in zip(self.arguments, self.divided, strict=True)
            ]
        )
        self.state = np.zeros(runner.INPUTS, np.int64)
        self.state[runner.THREADS] = threads
        self.state[runner.CODE], self.state[runner.COUNT] = self.code.ctypes.data, COUNT

    def run(self, hands: crew.Crew) -> Array:
        """Run with a crew; in how many parts each kernel was done."""
        self.marks[...] = 0
        assert hands.take()
        try:
            crew.native("offer")(self.state.ctypes.data, hands.address, hands.size)
        finally:
            hands.give()
        found = self.marks[:, PARTS].copy()
        for parts, marks in zip(found, self.marks, strict=True):
            np.testing.assert_array_equal(marks[:8], [1] * parts + [0] * (8 - parts))
            assert marks[ARRIVALS] == parts
        assert (found[~self.divided] == 1).all()
        return found


@pytest.fixture
def hands() -> Iterator[crew.Crew]:
    made = crew.Crew(2)
    yield made
    assert not made.lock.locked()


def parts_within(program: Program, hands: crew.Crew, pause: float, wanted: int) -> int:
    """The most parts that a kernel was done in, in runs so many seconds apart."""
    most, end = 0, time.monotonic() + 60
    while most < wanted and time.monotonic() < end:
        time.sleep(pause)
        most = max(most, int(program.run(hands).max()))
    return most


def test_sleepers_come_while_a_program_runs(hands: crew.Crew) -> None:
    """One that has slept takes part in the same run, from the next kernel on."""
    assert parts_within(Program(1_000_000, threads=3), hands, pause=0.05, wanted=3) == 3


def test_those_who_were_late_are_there_for_the_next(hands: crew.Crew) -> None:
    """Runs one behind the other are shared even if each is over before a thread wakes."""
    assert parts_within(Program(2_000, threads=3), hands, pause=0, wanted=3) == 3


def test_no_more_come_than_there_is_room_for(hands: crew.Crew) -> None:
    roomy, narrow = Program(20_000, threads=3), Program(20_000, threads=2)
    assert parts_within(roomy, hands, pause=0, wanted=3) == 3  # all watch now
    assert parts_within(narrow, hands, pause=0, wanted=2) == 2
    assert max(narrow.run(hands).max() for _ in range(50)) <= 2


@pytest.mark.parametrize("given", [0, 1])
def test_threads_that_cannot_be_had_are_done_without(
    given: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_threads(given, monkeypatch)
    hands = crew.Crew(2)
    assert hands.size == given
    assert Program(20_000, threads=3).run(hands).max() <= 1 + given


LATE = """

@kernel
def come_late(crew, mine, _):
    _come_in(crew, mine)
"""


def test_one_who_is_slow_to_come_in_does_its_part_of_the_first_kernel() -> None:
    """Another was let in meanwhile, to the next one."""
    hands = crew.Crew(0)
    done: list[tuple[int, int, int]] = []

    def note(number: int, part: int, parts: int) -> None:
        done.append((number, part, parts))
        if part == 0 and number < 2:
            hands.words[runner.OFFER] += 1  # one more knocks

    kernel = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 3)(note)
    address = ctypes.cast(kernel, ctypes.c_void_p).value
    code = np.array([[address, number, 1] for number in range(3)])
    state = np.zeros(runner.INPUTS, np.int64)
    state[runner.THREADS] = 3
    state[runner.CODE], state[runner.COUNT] = code.ctypes.data, len(code)
    late = library.load(library.read("runner.py") + LATE).come_late.address
    threads = [begin(crew.native("offer"), state.ctypes.data, hands.address, 0)]
    end = time.monotonic() + 10
    while hands.words[runner.ADMITTED] % runner.CLOSED < 2:
        assert time.monotonic() < end
        time.sleep(0.001)
    threads += [begin(crew.native_at(late), hands.address, mine, 0) for mine in range(2)]
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert sorted(done) == [(n, part, n + 1) for n in range(3) for part in range(n + 1)]


def begin(function: crew.Native, *arguments: int) -> threading.Thread:
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


def test_a_crew_is_for_one_program_at_once(hands: crew.Crew) -> None:
    assert hands.take()
    refused = []
    other = threading.Thread(target=lambda: refused.append(hands.take()))
    other.start()
    other.join()
    hands.give()
    assert refused == [False]
