"""What a program's clock says: every node counted, in stretches and in blocks of rows too."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest

import graphdsl
from graphdsl.driver import Purpose
from graphdsl.engines import bands, readings, timed
from graphdsl.engines.band import Band
from graphdsl.engines.readings import Clock, Readings
from graphdsl.engines.timed import Recorder
from graphdsl.session import Session
from graphdsl.views.profile import Profile
from graphdsl.views.profiling import profiling

LONG = """
dim N
input x: [N, 8]
param w: [8, 8] ~ normal()
h = x
repeat l in 1..6 {
  h = tanh(h @ w)
}
loss J = mean(square(h))
train { optimizer = adam() }
"""

BAND = """
dim N
input x: [N, 8]
param w: [8, 8] ~ normal()
h = x @ w
output y = exp(h) + h * h
"""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """A clock on which a second passes between any two readings; asked how often it was read."""
    seconds = [0]

    def read() -> float:
        seconds[0] += 1
        return float(seconds[0])

    monkeypatch.setattr(timed, "time", SimpleNamespace(perf_counter=read))
    return lambda: seconds[0]


def arrays(rows: int = 4) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(0).normal(size=(rows, 8)).astype("f4")}


def verify_sums(profile: Profile) -> None:
    """The rows of each table, and what is outside the nodes, come to the step."""
    for table in (profile.nodes, profile.lines, profile.sweeps):
        total = sum(cost.seconds for cost in table) + profile.elsewhere
        assert total == pytest.approx(profile.seconds)
        assert sum(cost.share for cost in table) < 1 + 1e-9


def made(clock: Clock, calls: int, took: Callable[[int], float]) -> Readings:
    """The readings of so many calls in which node i takes `took(i)` seconds."""
    session = Session(graphdsl.loads(LONG).compilation)
    found = Readings(session.graph, {"N": 4}, clock)
    ends = np.cumsum([took(i) for i in range(len(clock.nodes))]).tolist()
    for call in range(calls):
        found.begin()
        start = 1000.0 * call
        for number, end in enumerate([0.0, *ends]):
            stretch = (number - 1) // readings.STRETCH
            if number % readings.STRETCH == 0 or number == len(ends) or found.looks[stretch]:
                found.took[number] = start + end
        found.add()
    return found


def test_a_long_program_is_timed_stretch_by_stretch(
    clock: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "STRETCH", 5)
    model = graphdsl.loads(LONG)
    trainer = model.trainer()
    read, looks = [], []
    with profiling(model.session, steps=60, warm_up=3) as profiler:
        for _ in range(62):
            before = clock()
            trainer.step(arrays())
            read.append(clock() - before)
            looks.append(list(profiler.recorder.programs[0].looks))
        (program,) = profiler.recorder.programs
        nodes, stretches = len(program.clock.nodes), len(program.looks)
        assert stretches > 4
        assert read[: 3 + readings.WHOLE_CALLS] == [nodes + 1] * (3 + readings.WHOLE_CALLS)
        last = nodes - 5 * (stretches - 1)
        each = [
            stretches + 1 + (5 if turn < stretches - 1 else last) - 1 for turn in range(stretches)
        ]
        later = read[3 + readings.WHOLE_CALLS :]
        turns = [call % stretches for call in range(readings.WHOLE_CALLS, 59)]
        assert later == [each[turn] for turn in turns]
        later_looks = looks[3 + readings.WHOLE_CALLS :]
        assert later_looks == [[number == turn for number in range(stretches)] for turn in turns]
        assert program.count == sum(read[3:])
        profile = profiler.profile()
    assert profile is not None
    assert profile.steps == 59
    verify_sums(profile)
    assert len(profile.nodes) == nodes - 1
    assert all(cost.seconds > 0 for cost in profile.nodes)


def test_stretches_time_a_node_as_whole_calls_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "STRETCH", 4)
    session = Session(graphdsl.loads(LONG).compilation)
    count = len(session.graph.nodes)
    clock = Clock([readings.START, *range(count)])
    found = made(clock, 40, lambda i: 1 + i % 7)
    for id, (node, seconds, _, _) in enumerate(found.costs()):
        assert node.id == id
        assert seconds == pytest.approx(40 * (1 + (id + 1) % 7))
    assert found.elsewhere() == pytest.approx(40)
    assert found.seconds == pytest.approx(40 * sum(1 + i % 7 for i in range(count + 1)))


def test_a_profile_of_few_steps_times_every_node(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = graphdsl.loads(LONG).profile(arrays(), steps=1, warm_up=0)
    monkeypatch.setattr(readings, "STRETCH", 3)
    split = graphdsl.loads(LONG).profile(arrays(), steps=1, warm_up=0)
    assert {cost.what for cost in split.nodes} == {cost.what for cost in whole.nodes}
    assert all(cost.seconds > 0 for cost in split.nodes)


def test_nodes_in_blocks_of_rows_have_the_time_of_their_blocks(
    clock: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bands, "LARGE", 1)
    monkeypatch.setattr(bands, "BLOCK", 64)
    sums: list[str] = []
    make = Band.make

    def noted(band: Band) -> object:
        sums.append(f"{len(band.run.parts)} in {-(-band.run.rows // band.block)}")
        return make(band)

    monkeypatch.setattr(Band, "make", noted)
    before = clock()
    profile = graphdsl.loads(BAND).profile(arrays(16), steps=3, warm_up=2)
    assert sums == ["3 in 8"]
    each = (clock() - before) / 5
    assert profile.seconds == each - 1
    verify_sums(profile)
    found = {cost.what.split()[1]: cost.seconds for cost in profile.nodes if ": " not in cost.what}
    band = 3 * 8 + 2  # a reading behind each, one before them, one behind the band
    assert found["exp"] == found["mul"] == band / 3
    assert profile.clock > 0


def test_a_step_that_is_broken_off_in_a_block_counts_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bands, "LARGE", 1)
    monkeypatch.setattr(bands, "BLOCK", 64)
    band = 3 * 8 + 2  # a reading behind each, one before them, one behind the band
    whole = band + 3  # one at the start, one behind it, one behind the product
    seconds, end = 0, whole + 6  # when two nodes of the second call's first block have run

    def read() -> float:
        nonlocal seconds
        seconds += 1
        if seconds == end:
            raise KeyboardInterrupt
        return float(seconds)

    monkeypatch.setattr(timed, "time", SimpleNamespace(perf_counter=read))
    model = graphdsl.loads(BAND)
    with profiling(model.session, steps=3, warm_up=0, everything=True) as profiler:
        for _ in range(4):
            with suppress(KeyboardInterrupt):
                model.session.results(Purpose(("y",)), arrays(16))
    assert seconds == 3 * whole + 6
    profile = profiler.profile()
    assert profile is not None
    assert profile.steps == 3
    assert sorted(cost.seconds for cost in profile.nodes) == [1, *[band / 3] * 3]


def test_a_profile_runs_the_blocks_of_the_plain_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bands, "LARGE", 1)
    monkeypatch.setattr(bands, "BLOCK", 64)
    model = graphdsl.loads(LONG)
    compiled = model.compilation.compiled(model.compilation.step_purpose())
    plain = compiled.plan_blocks({"N": 4}, 1)
    shown, _ = Recorder(1, 0).probe(compiled.plan({"N": 4}), compiled.graph, {"N": 4})
    assert plain.functions
    names = (timed.NOW, timed.SPENT)
    assert list(plain.functions) == [
        line for line in shown.functions if not any(name in line for name in names)
    ]
    assert shown.slots == plain.slots
    assert shown.arena_bytes == plain.arena_bytes


def test_a_program_that_only_computes_is_timed_where_everything_is() -> None:
    model = graphdsl.loads(LONG)
    with profiling(model.session, steps=2, warm_up=0, everything=True) as profiler:
        for _ in range(3):
            model.session.results(Purpose(("J",)), arrays())
    profile = profiler.profile()
    assert profile is not None
    assert profile.steps == 2
