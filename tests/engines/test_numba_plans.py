"""What is compiled: when an engine is chosen, and the kernels that a program becomes."""

from __future__ import annotations

import re
from typing import Any

import pytest

import graphdsl
from engines.both import NET, WIDE, wide_batch

pytest.importorskip("numba")


# --- the choice of an engine ---------------------------------------------------------------------


def test_engines_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(graphdsl.UsageError, match="E0830"):
        graphdsl.loads("input x\noutput y = x", engine="numpie")
    monkeypatch.setattr("graphdsl.engines.choice.find_spec", lambda name: None)
    with pytest.raises(graphdsl.UsageError, match="pip install 'graphdsl-lang"):
        graphdsl.loads("input x\noutput y = x", engine="numba")
    assert graphdsl.loads("input x\noutput y = x", engine="auto").run(x=2)["y"] == 2


def is_compiled(model: graphdsl.Model) -> bool:
    trainer = model.trainer()
    trainer.step(wide_batch())
    program = model.session.executable(trainer.purpose, {"N": 200})
    return "enter" in program.program.source


def test_auto_compiles_long_trainings_alone() -> None:
    model = graphdsl.loads(WIDE)
    assert not is_compiled(model)
    model.session.expect_steps(1000)
    assert not is_compiled(model)
    model.session.expect_steps(10_000_000)
    assert is_compiled(model)
    plain = graphdsl.loads(WIDE, engine="numpy")
    plain.session.expect_steps(10_000_000)
    assert not is_compiled(plain)


def step_graph(text: str) -> Any:
    compilation = graphdsl.loads(text).compilation
    return compilation.compiled(compilation.step_purpose()).graph


def test_the_more_a_step_computes_the_sooner_it_pays() -> None:
    """From about as many steps on as two measured networks took to save their compilation."""
    from graphdsl.engines.choice import pays

    small = WIDE.replace("300", "64").replace("400", "128")
    large = WIDE.replace("300", "784").replace("400", "680")
    for text, few, many in ((small, 40_000, 200_000), (large, 2_000, 8_000)):
        assert not pays(step_graph(text), few)
        assert pays(step_graph(text), many)


def test_nobody_compiles_for_the_size_of_a_batch() -> None:
    """The same training has the same engine, whatever its last batch."""
    from graphdsl.engines import choice

    sizes = {choice._known_size(node) for node in step_graph(WIDE).nodes}
    assert {0, 1, 400, 120_000} <= sizes


# --- what is compiled ----------------------------------------------------------------------------


def plan_of(text: str, **sizes: int) -> Any:
    from graphdsl.engines.numba.functions import KNOWN
    from graphdsl.engines.numba.program import make_plan

    compilation = graphdsl.loads(text).compilation
    compiled = compilation.compiled(compilation.step_purpose())
    schedule = compiled.plan(sizes)
    return schedule, make_plan(schedule, list(schedule.steps), compiled.graph, set(KNOWN))


def test_a_step_is_one_segment_of_few_kernels() -> None:
    schedule, plan = plan_of(WIDE, N=64)
    left = [line for step in plan.schedule.steps for line in step.lines]
    assert [line.partition("(")[0] for line in left] == ["check_index", "compiled_0"]
    (segment,) = plan.segments
    assert len(segment.calls) < len(schedule.steps) / 1.5
    assert plan.schedule.arena_bytes < schedule.arena_bytes + 2 * 2**20


EMBEDDED = """
dim N
input i: {index}[N]
input y: i64[N]
param E: [100, 16] ~ normal(0, 1)
param W: [16, 8] ~ normal(0, 1)
loss J = mean(cross_entropy(E[i] @ W, y)) + mean(W[:, mod(i, 8)])
train {{ optimizer = sgd(lr = 0.1) }}
"""


@pytest.mark.parametrize("index", ["i32", "i64"])
def test_slices_are_taken_and_added_up_by_kernels(index: str) -> None:
    """Those of an embedding, and their gradients: nothing stays NumPy but checks."""
    schedule, plan = plan_of(EMBEDDED.format(index=index), N=64)
    assert any("add.at" in line for step in schedule.steps for line in step.lines)
    left = {line.partition("(")[0] for step in plan.schedule.steps for line in step.lines}
    assert {name for name in left if "compiled_" not in name} == {
        "check_index",
        "check_signed_index",
    }
    assert plan.schedule.arena_bytes < schedule.arena_bytes + 2 * 2**20


def test_places_are_read_once_a_slice() -> None:
    """Compilers can't tell that nothing which is written there changes them."""
    text = "dim N\ninput i: i64[N]\nparam E: [100, 16] = 1\nloss J = sum(exp(E[i]))\n"
    _, plan = plan_of(text + "train { optimizer = sgd(lr = 0.1) }", N=64)
    (adding,) = (k for k in plan.text.split("@kernel") if re.search(r"(a\d\[.*\]) = .*\1", k))
    lines = [line.strip() for line in adding.splitlines()]
    (outer,) = (number for number, line in enumerate(lines) if line.startswith("for i0"))
    assert re.fullmatch(r"t\d = a\d\[i0\]", lines[outer + 1])
    assert lines[outer + 2].startswith("for i1")


def test_what_is_used_once_is_not_stored() -> None:
    """All of Adam is one loop, whose values between stay in registers."""
    text = "input x: [1000]\nparam w: [1000] = 1\nloss J = sum(x * w)\n"
    schedule, plan = plan_of(text + "train { optimizer = adam(lr = 0.1) }")
    assert sum(slot.type.size >= 1000 for slot in schedule.slots.values()) > 1
    assert not any(slot.type.size >= 1000 for slot in plan.schedule.slots.values())


def test_equal_computations_share_a_kernel() -> None:
    deep = """
    dim N
    input x: [N, 8]
    o = x
    repeat l in 1..12 {
      param W: [8, 8] ~ normal(0, 0.1)
      o = o + sigmoid(o @ W)
    }
    loss J = mean(sum(o^2, axis = 1))
    train { optimizer = sgd(lr = 0.1) }
    """
    _, plan = plan_of(deep, N=16)
    (segment,) = plan.segments
    assert len({call.kernel for call in segment.calls}) < len(segment.calls) / 3


def test_calls_share_equal_arguments() -> None:
    """There are thousands: apart they would take more memory than all else of a plan."""
    _, plan = plan_of(NET, N=32)
    given = [one for s in plan.segments for call in s.calls for one in call.arguments]
    assert len({id(one) for one in given}) == len(set(given)) < len(given) / 2


def test_no_slot_is_shared_by_values_that_live_together() -> None:
    """Fusing moves reads and writes: places follow them."""
    _, plan = plan_of(NET, N=32)
    slots = list(plan.schedule.slots.values())
    for number, slot in enumerate(slots):
        for other in slots[:number]:
            together = slot.start <= other.end and other.start <= slot.end
            apart = (
                slot.offset + slot.type.nbytes <= other.offset
                or other.offset + other.type.nbytes <= slot.offset
            )
            assert apart or not together


def test_brief_kernels_are_in_parts_between_others() -> None:
    """Threads meet there in any case; alone, or many in a row, one thread does them sooner."""
    from graphdsl.engines.numba.calls import BRIEF, FEW, MEETING, Call, share

    def divided(*costs: float) -> list[bool]:
        calls = [Call("k0", (), (), cost > 0, abs(cost)) for cost in costs]
        return [call.divided for call in share(calls)]

    brief, long, tiny = BRIEF, MEETING, BRIEF / 2
    assert divided(brief, long, brief, long, brief) == [False, True, True, True, False]
    assert divided(long, *[brief] * FEW, long) == [True] * (FEW + 2)
    assert divided(long, *[brief] * (FEW + 1), long) == [True, *[False] * (FEW + 1), True]
    assert divided(long, brief, tiny, long) == [True, False, False, True]
    assert divided(long, -long, long) == [True, False, True]  # what cannot be
