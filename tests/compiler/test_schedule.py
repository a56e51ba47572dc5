"""Plans: what a program reads is what was meant, whatever shares its memory."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.models import programs
from compiler.reference import states_of, swept_values
from compiler.replay import PlanFault, replay
from graphdsl.compiler.schedule import Schedule
from graphdsl.driver import Compilation, Purpose, compile_source
from graphdsl.engines.memory import Memory
from graphdsl.engines.numpy import Executable, emit
from graphdsl.graph.kernel import Array
from graphdsl.graph.types import DType
from graphdsl.language.source import Source, read_source
from graphdsl.session import Session

TREE = Path(__file__).parents[2]
EXAMPLES = sorted((TREE / "examples").rglob("*.gdl"))
MODELS = {path.stem: path.read_text(encoding="utf-8") for path in EXAMPLES} | {
    "prelude": """
        dim N
        input x: [N, 6]
        input y: [N]
        h = Dense(Dense(x, 8, act = relu), 4, act = tanh)
        z = Dense(h, 1)[:, 0]
        loss J = mean(binary_cross_entropy(z, y)) + 1e-3 * l2("*.W")
        output p = sigmoid(z)
        train {
          optimizer = sgd(lr = cosine(0.1, warmup = 2), momentum = 0.9, nesterov = true)
        }
    """,
    "swap": """
        input x: [3]
        state a: [3] = 1
        state b: [3] = 2
        update a = b
        update b = a
        output y = a * x
        train {}
    """,
    "transposed": """
        input x: [3, 3]
        state q: [3, 3] ~ normal(0, 1)
        a = exp(x)
        output y = a - a.T
        update q = q - q.T
        train {}
    """,
    "late_reader": """
        input x: [3]
        state m: [3] = 1
        update m = m + x
        update_of_m = m * 2
        output y = update_of_m
        train {}
    """,
    "penalty": """
        dim N
        input x: [N, 3]
        param W: [3, 2] ~ normal(0, 1)
        J0 = mean(tanh(x @ W)^2)
        g = grad(J0, W)
        loss J = J0 + sum(g^2)
        output G = g
        train {
          optimizer = adam(lr = 0.1)
        }
    """,
}


def session_of(text: str, name: str = "<text>") -> Session:
    return Session(compile_source(Source(text, name), float=DType.f64), seed=1)


def feeds_of(session: Session, n: int) -> dict[str, Array]:
    """Random arrays for every input, N rows each."""
    random = np.random.default_rng(n)
    found = {}
    for name, type in session.inputs.items():
        shape = [size if isinstance(size, int) else n for size in type.shape]
        if type.dtype.is_float:
            found[name] = random.normal(size=shape).astype(type.dtype.numpy)
        else:
            found[name] = random.integers(0, 2, shape).astype(type.dtype.numpy)
    return found


def purposes(compilation: Compilation) -> list[Purpose]:
    """Evaluation, gradients and the training step, as far as the model has them."""
    lowered = compilation.lowered()
    names = tuple(r.name for r in lowered.graph.results)
    found = [Purpose(names)]
    if lowered.graph.loss is not None:
        trained = tuple(v.name for v in lowered.graph.params if not v.frozen)
        found.append(Purpose((lowered.graph.loss.name,), trained))
    if lowered.train is not None:
        found.append(compilation.step_purpose())
    return found


def stored_of(session: Session) -> dict[str, Array]:
    memory = session.memory
    kept = {**memory.arrays, **memory.params, **memory.states, **states_of(memory)}
    return {name: np.copy(array) for name, array in kept.items()}


def check_program(session: Session, purpose: Purpose, n: int) -> Executable:
    """Replay a program and run it on garbage; its results, gradients and writes are those of
    the graph as it was before it was rewritten, computed node by node."""
    feeds = feeds_of(session, n)
    arrays, sizes = session.feed(feeds)
    program = session.executable(purpose, sizes)
    schedule = program.program.schedule
    assert schedule.arena_bytes <= schedule.naive_bytes + 64 * len(schedule.slots)
    replay(program)
    before, clock = stored_of(session), (3, 1, 20)
    graph, values = swept_values(
        session.compilation, purpose, sizes, feeds, before, clock, session.memory.seed
    )
    session.memory.arena.fill(0xFF)
    results = [np.copy(r) for r in session.call(program, arrays, *clock)]
    for (name, _, _), found in zip(schedule.results, results, strict=True):
        wanted = values[next(r.node for r in graph.results if r.name == name)]
        np.testing.assert_allclose(found, wanted, 1e-9, 1e-11, err_msg=name)
    gradients = session.memory.gradients()
    for parameter, gradient in graph.gradients:
        name = graph.nodes[parameter].name or ""
        if name in gradients:
            np.testing.assert_allclose(gradients[name], values[gradient], 1e-9, 1e-11)
    check_writes(session, graph.nodes, graph.writes, values)
    return program


def check_writes(session: Session, nodes, writes, values) -> None:
    stored = stored_of(session)
    for write in writes:
        target = nodes[write.target]
        attrs, wanted = target.attributes(), np.asarray(values[write.value])
        if target.op.name in ("slot", "group"):
            kind = "slot" if target.op.name == "slot" else "param"
            flat = stored[f"{kind}_{attrs.get('name', attrs.get('dtype'))}"]
            found = flat[attrs["start"] : attrs["start"] + wanted.size]
            wanted = wanted.reshape(-1)
        else:
            found = stored[target.name or ""]
        # Adam makes steps of gradients that are rounding alone
        np.testing.assert_allclose(found, wanted, 1e-9, 1e-7, err_msg=target.name or "")


@pytest.mark.parametrize("name", MODELS)
def test_programs_compute_what_the_graph_says(name: str) -> None:
    session = session_of(MODELS[name], name)
    for purpose in purposes(session.compilation):
        program = check_program(session, purpose, 2)
        if program.program.source.count("\n") < 400:
            check_program(session, purpose, 2)  # from what the first call has left
            check_program(session, purpose, 5)


@given(programs(), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_random_programs_compute_what_the_graph_says(text: str, n: int) -> None:
    session = session_of(text)
    for purpose in purposes(session.compilation):
        check_program(session, purpose, n)


@pytest.mark.nightly
@given(programs(), st.integers(1, 4))
@settings(max_examples=2000, deadline=None)
def test_many_random_programs(text: str, n: int) -> None:
    session = session_of(text)
    for purpose in purposes(session.compilation):
        check_program(session, purpose, n)


# --- the replay itself: a plan with a fault is found --------------------------------------------


def digits() -> tuple[Session, Schedule]:
    session = session_of(MODELS["digits"])
    compiled = session.compilation.compiled(session.compilation.step_purpose())
    session.memory.add_slots(compiled.slots)
    return session, compiled.plan({"N": 4})


def load(session: Session, schedule: Schedule) -> Executable:
    memory: Memory = session.memory
    return Executable(emit(schedule), memory)


def test_the_replay_reads_something() -> None:
    session, schedule = digits()
    assert replay(load(session, schedule)) > 50


def test_overlapping_buffers_are_found() -> None:
    session, schedule = digits()
    pairs = 0
    names = [name for name, slot in schedule.slots.items() if slot.type.nbytes > 64]
    for one, other in pairwise(names):
        slots = dict(schedule.slots)
        slots[other] = replace(slots[other], offset=slots[one].offset)
        try:
            wide = schedule.arena_bytes * 2
            replay(load(session, replace(schedule, slots=slots, arena_bytes=wide)))
        except PlanFault:
            pairs += 1
    assert pairs > len(names) // 3  # neighbours mostly live at once


def test_a_lost_statement_is_found() -> None:
    session, schedule = digits()
    for position, step in enumerate(schedule.steps):
        if any(".dot(" in line for line in step.lines):
            steps = (*schedule.steps[:position], *schedule.steps[position + 1 :])
            with pytest.raises(PlanFault, match="before it is written"):
                replay(load(session, replace(schedule, steps=steps)))
            return
    raise AssertionError("no product")


def test_statements_in_another_order_are_found() -> None:
    session, schedule = digits()
    with pytest.raises(PlanFault):
        replay(load(session, replace(schedule, steps=schedule.steps[::-1])))


# --- what a plan is -----------------------------------------------------------------------------


def test_memory_is_shared() -> None:
    session = session_of(
        "input x: [1000]\na = exp(x)\nb = sin(a)\nc = cos(b)\noutput y = tanh(c)\n"
    )
    schedule = session.compilation.compiled(Purpose(("y",))).plan({})
    assert schedule.arena_bytes == 8000  # one buffer serves the whole chain
    assert schedule.naive_bytes == 4 * 8000


def test_a_value_with_two_readers_is_not_written_over() -> None:
    text = "input x: [3]\na = exp(x)\nb = a * 2\nc = a * 3\noutput y = b + c\noutput z = b\n"
    found = session_of(text).results(Purpose(("y", "z")), {"x": [0.0, 0.0, 0.0]})
    np.testing.assert_array_equal(found["y"], [5, 5, 5])
    np.testing.assert_array_equal(found["z"], [2, 2, 2])


def test_a_view_of_itself_is_not_written_over() -> None:
    text = "input x: [2, 2]\na = exp(x)\noutput y = a - a.T\n"
    found = session_of(text).results(Purpose(("y",)), {"x": [[0.0, 1.0], [2.0, 3.0]]})["y"]
    wanted = np.exp(1) - np.exp(2)
    np.testing.assert_allclose(found, [[0, wanted], [-wanted, 0]])


@pytest.mark.parametrize(
    "path", [p for p in EXAMPLES if p.stem in ("digits", "l6")], ids=lambda path: path.stem
)
def test_the_same_text_gives_the_same_bytes(path: Path) -> None:
    def sources() -> list[str]:
        session = Session(compile_source(read_source(path)))
        _, sizes = session.feed(feeds_of(session, 4))
        kinds = purposes(session.compilation)
        return [session.executable(kind, sizes).program.source for kind in kinds]

    assert sources() == sources()


def test_no_name_of_the_user_is_in_the_code() -> None:
    names = ["numpy", "b7", "x0", "lambda", "θ", "c0", "t", "__import__", "exit"]
    lines = ["dim N", *(f"input {name}: [N, 2]" for name in names)]
    lines.append(f"output y = {' + '.join(names)}")
    session = session_of("\n".join(lines))
    feeds = feeds_of(session, 3)
    _, sizes = session.feed(feeds)
    source = session.executable(Purpose(("y",)), sizes).program.source
    code = "\n".join(line.partition("  # ")[0] for line in source.splitlines())
    code = code[code.index("def bind") :]
    used = set(re.findall(r"\w+", code))
    assert not used & {"numpy", "lambda", "θ", "__import__", "exit"}
    assert source.isascii()
    found = session.results(Purpose(("y",)), feeds)["y"]
    np.testing.assert_allclose(found, sum(feeds.values()), 1e-12)
