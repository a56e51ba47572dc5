"""Runs in blocks of rows: the same bits as step by step, whatever the blocks and the workers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.models import programs
from compiler.test_schedule_verified import CLOCK, MODELS, feeds_of, purposes, ready, sizes_of
from graphdsl.compiler.schedule import Schedule
from graphdsl.driver import Compiled, Purpose, compile_source
from graphdsl.engines import bands
from graphdsl.engines.bands import in_bands
from graphdsl.engines.numpy import Executable, emit
from graphdsl.engines.runs import Run, Variables, find_runs
from graphdsl.engines.workers import row_blocks
from graphdsl.graph.kernel import Array
from graphdsl.graph.layout import ALIGNMENT
from graphdsl.language.diagnostics import DataError
from graphdsl.language.source import Source, read_source
from graphdsl.session import Session
from graphdsl.views.stages import schedule_text

Parts = list[list[tuple[int, int, int]]]

ADAM = """\
dim N
input x: [N, 3]
param w: [3, 7] ~ normal()
loss J = mean(square(x @ w))
train {
  optimizer = adam()
}
"""


SILU = """\
dim N
input x: [N, 8]
o = x
repeat l in 1..4 {
  param W: [8, 8] ~ normal(0, 0.3)
  param V: [8, 8] ~ normal(0, 0.3)
  o = o + silu(o @ W) @ V
}
loss J = mean(square(o))
train {
  optimizer = adam()
}
"""


@pytest.fixture(autouse=True)
def _everything_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bands, "LARGE", 1)
    monkeypatch.setattr(bands, "BLOCK", 24)
    monkeypatch.setattr(bands, "SHARED", 1)


def found(session: Session, schedule: Schedule, feeds: Mapping[str, Array]) -> dict[str, bytes]:
    """The bytes of every result and every stored array after two calls."""
    memory = session.memory
    before = {name: array.copy() for name, array in memory.arrays.items()}
    program = Executable(emit(schedule), memory)
    run = program.bound()
    memory.arena.fill(0xFF)
    fed = [feeds[name] for name, _, _ in schedule.inputs]
    with np.errstate(all="ignore"):
        run(*fed, *CLOCK)
        values = run(*fed, *CLOCK)
    named = zip(schedule.results, values, strict=True)
    bits = {name: np.asarray(value).tobytes() for (name, _, _), value in named}
    bits |= {name: array.tobytes() for name, array in memory.arrays.items()}
    for name, array in before.items():
        memory.array(name)[...] = array
    return bits


def verify(session: Session, compiled: Compiled, n: int) -> int:
    """The bands of a program, which computes what it computes without them."""
    sizes = sizes_of(compiled.graph, n)
    schedule = compiled.plan(sizes)
    for region in schedule.regions.values():
        session.memory.array(region.array)
    feeds = feeds_of(compiled.inputs, n)
    wanted = found(session, schedule, feeds)
    for workers in (1, 2, 3):
        made = in_bands(schedule, compiled.graph, sizes, workers)
        assert found(session, made, feeds) == wanted
    return sum(line.startswith("def ") for line in made.functions)


@pytest.mark.parametrize("path", MODELS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_every_model_computes_the_same_bits(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(compile_source(read_source(path)))
    # some hundred blocks of the parameters show what ten thousand do
    most = sum(array.size for array in session.memory.params.values())
    monkeypatch.setattr(bands, "BLOCK", max(24, most // 200))
    for purpose in purposes(session.compilation):
        made = verify(session, ready(session, purpose), 7)
        assert made or not purpose.step or "adam" not in path.read_text()


@given(programs(), st.integers(2, 9))
@settings(max_examples=25, deadline=None)
def test_random_programs_compute_the_same_bits(text: str, n: int) -> None:
    session = Session(compile_source(Source(text, "<text>")), seed=1)
    for purpose in purposes(session.compilation):
        verify(session, ready(session, purpose), n)


def banded(text: str, n: int, workers: int) -> tuple[Schedule, Compiled]:
    session = Session(compile_source(Source(text, "<text>")))
    compiled = ready(session, _purpose(session))
    sizes = sizes_of(compiled.graph, n)
    return in_bands(compiled.plan(sizes), compiled.graph, sizes, workers), compiled


def _purpose(session: Session) -> Purpose:
    if session.compilation.lowered().train is not None:
        return session.compilation.step_purpose()
    return Purpose(tuple(r.name for r in session.graph.results))


def test_adam_is_one_function_of_blocks() -> None:
    schedule, _ = banded(ADAM, 4, 1)
    text = emit(schedule).source
    (adam,) = [part for part in text.split("\n\n\n") if "sqrt(" in part and "for s0" in part]
    assert adam.startswith("def band_")
    assert adam.count("\n") > 10
    assert "for i, j, k in part] for part in row_blocks(32, 6, 1)]" in text
    steps = adam.count("  # ")
    assert f"  # band: {steps} steps in blocks of 6 rows" in text
    assert adam in schedule_text(schedule)


def test_one_step_of_several_statements_runs_in_blocks() -> None:
    text = "dim N\ninput x: [N, 6]\nparam w: [6, 6] ~ normal()\noutput y = sigmoid(x @ w) @ w\n"
    session = Session(compile_source(Source(text, "<text>")), seed=1)
    compiled = ready(session, _purpose(session))
    assert verify(session, compiled, 8) == 1
    planned = compiled.plan({"N": 8})
    made = in_bands(planned, compiled.graph, {"N": 8}, 1)
    assert len(made.steps) == len(planned.steps)
    assert made.arena_bytes <= planned.arena_bytes


def test_an_operand_as_long_as_the_batch_by_chance_has_no_rows() -> None:
    text = (
        "dim N\ninput x: [N, 24, 24]\nh = sin(x)\nseen = tril(ones([24, 24])) > 0\n"
        "output y = exp(where(seen, tanh(h), h * h))\n"
    )
    session = Session(compile_source(Source(text, "<text>")), seed=1)
    assert verify(session, ready(session, _purpose(session)), 24) == 2


def test_what_only_a_run_needs_lies_in_a_worker_s_own_rows() -> None:
    text = "dim N\ninput x: [N, 3]\nh = x @ x.T\noutput y = exp(tanh(h) * 2) + tanh(h) + h\n"
    schedule, _ = banded(text, 100, 2)
    source = emit(schedule).source
    assert "[i:j]" in source
    assert "[k:k + j - i]" in source
    assert "share(band_" in source


def test_rows_of_another_number_end_a_run() -> None:
    text = "dim N\ninput x: [N, 4]\ninput z: [4, N]\nh = x @ z\nk = z @ x\n"
    text += "output a = exp(tanh(h))\noutput b = exp(tanh(k))\n"
    session = Session(compile_source(Source(text, "<text>")))
    compiled = ready(session, _purpose(session))
    schedule = compiled.plan({"N": 9})
    runs = find_runs(schedule, compiled.graph, {"N": 9}, Variables(schedule))
    assert [run.rows for run in runs if isinstance(run, Run)] == [9, 4]


def test_a_view_of_what_a_run_writes_ends_it() -> None:
    text = "dim N\ninput x: [N, N]\nh = x @ x\na = exp(h)\noutput y = tanh(a) + a.T\n"
    session = Session(compile_source(Source(text, "<text>")))
    compiled = ready(session, _purpose(session))
    schedule = compiled.plan({"N": 9})
    runs = find_runs(schedule, compiled.graph, {"N": 9}, Variables(schedule))
    assert [len(run.parts) for run in runs if isinstance(run, Run)] == [2, 1]
    verify(session, compiled, 9)


def test_what_is_computed_again_has_scratch_of_its_own() -> None:
    """What its node computes first needs that scratch at another time."""
    session = Session(compile_source(Source(SILU, "<text>")), seed=1)
    compiled = ready(session, _purpose(session))
    sizes = sizes_of(compiled.graph, 40)
    whole, again = compiled.plan(sizes), 0
    for hundredths in range(60, 100, 3):
        limited = within(compiled, whole.arena_bytes * hundredths // 100)
        with suppress(DataError):  # as few bytes as that cannot do
            again += len(limited.plan(sizes).steps) > len(whole.steps)
            assert verify(session, limited, 40)
    assert again > 3


def test_blocks_take_less_memory_than_whole_arrays() -> None:
    schedule, compiled = banded(ADAM.replace("[3, 7]", "[3, 700]"), 1, 1)
    assert schedule.arena_bytes < compiled.plan({"N": 1}).arena_bytes / 2


def within(compiled: Compiled, budget: int) -> Compiled:
    return replace(compiled, recipe=replace(compiled.recipe, memory=budget))


def test_a_budget_has_to_hold_the_blocks_alone() -> None:
    sizes = {"N": 1}
    schedule, compiled = banded(ADAM.replace("[3, 7]", "[3, 700]"), 1, 1)
    enough = schedule.arena_bytes
    assert within(compiled, enough).plan_blocks(sizes, 1) == schedule
    with pytest.raises(DataError, match=f"memory = {enough}"):
        within(compiled, enough - 64).plan_blocks(sizes, 1)
    with pytest.raises(DataError, match="E0818"):
        within(compiled, enough).plan_whole(sizes, 1)


def test_a_budget_that_only_whole_arrays_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Buffers live all through their band: of large blocks, more at once than step by step."""
    monkeypatch.setattr(bands, "BLOCK", 4096)
    session = Session(compile_source(Source(ADAM.replace("[3, 7]", "[3, 700]"), "<text>")))
    compiled = ready(session, replace(_purpose(session), results=(), stage="apply"))
    whole, blocks = compiled.plan({}), in_bands(compiled.plan({}), compiled.graph, {}, 1)
    assert whole.arena_bytes < blocks.arena_bytes
    assert within(compiled, whole.arena_bytes).plan_blocks({}, 1) == whole
    assert within(compiled, blocks.arena_bytes).plan_blocks({}, 1) == blocks


def test_a_run_takes_as_many_rows_as_live_at_once() -> None:
    schedule, compiled = banded(ADAM.replace("[3, 7]", "[3, 700]"), 4, 1)
    whole = [s for s in compiled.plan({"N": 4}).slots.values() if s.type.shape == (2112,)]
    alive = [sum(s.start <= step <= s.end for s in whole) for step in range(100)]
    own = [s for s in schedule.slots.values() if 1 < s.type.size < 2112 and s.type.rank == 1]
    assert len({s.type for s in own}) == 1
    assert len(own) == max(alive) < len(whole)


def test_an_operand_that_every_row_reads_is_not_written_by_the_run() -> None:
    text = "dim N\ninput x: [3, N]\nh = x @ x.T\ns = exp(h[0]) * 2\n"
    text += "output y = tanh(h) + s\n"
    session = Session(compile_source(Source(text, "<text>")))
    verify(session, ready(session, _purpose(session)), 5)


def test_small_arrays_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bands, "LARGE", 2**19)
    schedule, compiled = banded(ADAM, 4, 2)
    assert not schedule.functions
    assert schedule == compiled.plan({"N": 4})


FLAT = """\
param w: [{size}] ~ normal()
loss J = sum(square(w))
train {{
  optimizer = adam()
}}
"""


def blocks_of(size: int, workers: int, block: int, monkeypatch: pytest.MonkeyPatch) -> Parts:
    """The blocks of the update of one parameter, for each worker."""
    monkeypatch.setattr(bands, "BLOCK", block)
    source = emit(banded(FLAT.format(size=size), 1, workers)[0]).source
    (cuts,) = set(re.findall(r"row_blocks\((\d+), (\d+), (\d+)\)", source))
    return row_blocks(*map(int, cuts))


def test_every_thread_has_as_many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine blocks for two threads would be five for the one and four for the other."""
    for workers in (2, 3, 4):
        parts = blocks_of(9 * 1000, workers, 4000, monkeypatch)
        assert len(parts) == workers
        assert len({len(part) for part in parts}) == 1, workers
        rows = [part[-1][1] - part[0][0] for part in parts]
        assert max(rows) <= 1.1 * min(rows), workers


def test_blocks_begin_with_a_cache_line(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = blocks_of(10_007, 2, 8000, monkeypatch)
    starts = [4 * start for part in parts for start, _, _ in part]
    scratch = [4 * row for part in parts for _, _, row in part]
    assert len(starts) == 6
    assert all(byte % ALIGNMENT == 0 for byte in (*starts, *scratch))
