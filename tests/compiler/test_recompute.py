"""Less memory for more work: plans within a budget compute the same bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphdsl
from compiler.models import programs
from compiler.test_schedule_verified import feeds_of, purposes, ready, sizes_of, verify_schedule
from graphdsl.compiler.schedule import Schedule, plan, plan_within
from graphdsl.compiler.schedule.budget import _renamed
from graphdsl.compiler.schedule.planner import find_needs
from graphdsl.compiler.schedule.recompute import candidates, compute_again
from graphdsl.driver import Compiled, compile_source
from graphdsl.engines.numpy import Executable, emit
from graphdsl.graph.verify import verify_graph
from graphdsl.language.amounts import parse_amount
from graphdsl.language.diagnostics import DataError, ModelError, UsageError
from graphdsl.language.source import Source, read_source
from graphdsl.session import Session

TREE = Path(__file__).parents[2]
DEEP = """
dim N
input x: [N, 32]
o = x
repeat l in 1..40 {
  param W: [32, 32] ~ normal(0, 0.1)
  param V: [32, 32] ~ normal(0, 0.1)
  o = o + Dropout(sigmoid(o @ W), 0.1) @ V
}
loss J = mean(o^2)
train {
  optimizer = adam(lr = 0.01)
  MEMORY
}
"""


def outcome(session: Session, compiled: Compiled, schedule: Schedule, n: int) -> dict[str, bytes]:
    """Every result and every stored array after one call, from the session's first values."""
    memory = session.memory
    for name in {region.array for region in schedule.regions.values()}:
        memory.array(name)
    before = {name: array.copy() for name, array in memory.arrays.items()}
    feeds = feeds_of(compiled.inputs, n)
    run = Executable(emit(schedule), memory).bound()
    with np.errstate(all="ignore"):
        results = run(*(feeds[name] for name, _, _ in schedule.inputs), 3, 1, 20)
    found = {str(i): np.asarray(result).tobytes() for i, result in enumerate(results)}
    found |= {name: array.tobytes() for name, array in memory.arrays.items()}
    for name, array in before.items():
        memory.array(name)[...] = array
    return found


def check_all(session: Session, n: int) -> int:
    """Every set of nodes that may be dropped: the same bits, from a plan that holds; how many
    sets had something to compute again."""
    count = 0
    for purpose in purposes(session.compilation):
        if not purpose.step or purpose.stage != "whole":
            continue
        compiled = ready(session, purpose)
        graph, layout, sizes = compiled.graph, compiled.layout, sizes_of(compiled.graph, n)
        wanted = outcome(session, compiled, plan(graph, sizes, layout), n)
        needs, _ = find_needs(graph, sizes, layout)
        for dropped in dict.fromkeys(candidates(graph, needs)):
            again = compute_again(graph, needs, dropped)
            count += len(again.graph.nodes) > len(graph.nodes)
            verify_graph(again.graph)
            made = plan(again.graph, sizes, layout, 0)
            schedule = _renamed(made, again, len(graph.nodes))
            assert outcome(session, compiled, schedule, n) == wanted
            verify_schedule(session, compiled, schedule, n)
    return count


@pytest.mark.parametrize(
    "name",
    [
        "digits_dropout",
        "digits_batchnorm",
        "gradient_penalty",
        pytest.param("lecture/l14", marks=pytest.mark.nightly),  # fifty blocks, all of them alike
    ],
)
def test_no_bit_changes(name: str) -> None:
    session = Session(compile_source(read_source(TREE / "examples" / f"{name}.gdl")))
    assert check_all(session, 2)


@given(programs(), st.integers(1, 3))
@settings(max_examples=8, deadline=None)
def test_no_bit_of_random_programs_changes(text: str, n: int) -> None:
    check_all(Session(compile_source(Source(text, "<text>")), seed=1), n)


def arena_of(compiled: Compiled, n: int, budget: int | None) -> int:
    sizes = sizes_of(compiled.graph, n)
    return plan_within(compiled.graph, sizes, compiled.layout, budget).arena_bytes


def test_half_the_memory_is_enough_for_a_deep_network() -> None:
    compilation = compile_source(Source(DEEP.replace("MEMORY", ""), "<text>"))
    compiled = compilation.compiled(compilation.step_purpose())
    whole = arena_of(compiled, 512, None)
    assert arena_of(compiled, 512, whole) == whole
    found = arena_of(compiled, 512, whole // 2)
    assert found <= whole // 2
    steps = [
        plan_within(compiled.graph, {"N": 512}, compiled.layout, budget).steps
        for budget in (whole, whole // 2)
    ]
    drawn = [sum("random(" in line for s in each for line in s.lines) for each in steps]
    assert drawn[0] == drawn[1] > 0  # masks are kept, not drawn again
    assert len(steps[1]) > len(steps[0])


def test_what_cannot_fit_is_refused_with_the_numbers() -> None:
    compilation = compile_source(Source(DEEP.replace("MEMORY", ""), "<text>"))
    compiled = compilation.compiled(compilation.step_purpose())
    whole = arena_of(compiled, 512, None)
    with pytest.raises(DataError) as found:
        arena_of(compiled, 512, whole // 100)
    (diagnostic,) = found.value.diagnostics
    assert diagnostic.code == "E0818"
    assert f"takes {whole:,} bytes" in diagnostic.message
    assert f"{whole // 100:,} are allowed" in diagnostic.message
    least = int(diagnostic.help[-1].split(" or more")[0].rpartition(" ")[2])
    assert f"{least:,} with values computed again" in diagnostic.message
    assert arena_of(compiled, 512, least) <= least  # the advice holds


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_every_engine_keeps_to_it(engine: str) -> None:
    """What a compiled program copies for its products counts too."""
    pytest.importorskip("numba")
    plain = graphdsl.loads(DEEP.replace("MEMORY", ""), engine=engine)
    wanted = losses(plain)
    whole = plain.session.memory.arena.nbytes
    for budget in (whole, whole * 9 // 10, 4_500_000):
        model = graphdsl.loads(DEEP.replace("MEMORY", ""), engine=engine)
        found = losses(model, memory=budget)
        assert found == (wanted if engine == "numpy" else pytest.approx(wanted, rel=1e-5))
        assert model.session.memory.arena.nbytes <= budget
    trainer = graphdsl.loads(DEEP.replace("MEMORY", ""), engine=engine).trainer(memory=1_000_000)
    with pytest.raises(DataError, match=f"takes {whole:,} bytes") as refused:
        trainer.step(x=np.zeros((512, 32), np.float32))
    least = int(str(refused.value).split("memory = ")[1].split(" or")[0])
    model = graphdsl.loads(DEEP.replace("MEMORY", ""), engine=engine)
    losses(model, memory=least)
    assert model.session.memory.arena.nbytes <= least < 4_500_000


def losses(model: graphdsl.Model, **more) -> list[float]:
    trainer, x = model.trainer(**more), np.random.default_rng(0).normal(size=(512, 32))
    found = [trainer.step(x=x.astype(np.float32)) for _ in range(5)]
    return [*found, float(model.params["o[1].W"].sum())]


def test_the_setting_in_the_file_and_from_outside() -> None:
    plain = graphdsl.loads(DEEP.replace("MEMORY", ""))
    wanted = losses(plain)
    small = graphdsl.loads(DEEP.replace("MEMORY", 'memory = "5 MB"'))
    assert losses(small) == wanted
    assert small.session.memory.arena.nbytes <= 5_000_000 < plain.session.memory.arena.nbytes
    other = graphdsl.loads(DEEP.replace("MEMORY", ""))
    assert losses(other, memory="5 MiB") == wanted
    assert other.session.memory.arena.nbytes <= 5 * 2**20


def test_gathered_batches_keep_to_it_too() -> None:
    plain, small = (graphdsl.loads(DEEP.replace("MEMORY", "")) for _ in range(2))
    assert losses(plain, accumulate=2) == losses(small, accumulate=2, memory="5 MiB")
    assert small.session.memory.arena.nbytes <= 5 * 2**20 < plain.session.memory.arena.nbytes


@pytest.mark.parametrize(
    ("said", "nbytes"),
    [("1 GB", 10**9), ("1.5GB", 1_500_000_000), ("64 MiB", 64 << 20), ("10 kB", 10_000), (7, 7)],
)
def test_amounts(said: object, nbytes: int) -> None:
    assert parse_amount(said) == nbytes


@pytest.mark.parametrize(
    "said", ["", "GB", "1", "1 gb", "1  GB", "-1 GB", "1e3 MB", "0 GB", 0, -1, 1.5, True, None]
)
def test_what_is_no_amount(said: object) -> None:
    assert parse_amount(said) is None


def test_a_bad_amount_is_an_error_of_the_file() -> None:
    with pytest.raises(ModelError, match=r"then a unit: B, kB, MB"):
        graphdsl.loads(DEEP.replace("MEMORY", 'memory = "1 gigabyte"'))
    with pytest.raises(UsageError, match="an amount of memory"):
        graphdsl.loads(DEEP.replace("MEMORY", "")).trainer(memory="much")
