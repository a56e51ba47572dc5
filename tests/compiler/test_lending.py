"""Stored arrays that a step computes in on the way to their new values, and those it may not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import graphdsl
from compiler.test_schedule import check_program, session_of
from graphdsl.compiler.schedule import Schedule
from graphdsl.compiler.schedule.planner import _Planner

MODEL = """\
dim N
input x: [N, 4]
param w: [4, 4] ~ normal()
loss J = mean(square(x @ w))
optimizer rule(lr = 0.1) {{
{rule}
}}
train {{
  optimizer = rule()
}}
"""
CHAIN = "  state m = 1\n  update m = exp(0.9 * m) + g\n  update p = p - lr * m\n"
READ_AFTER = """\
  state m = 1
  k = 0.9 * m
  update m = k + g
  update p = p - lr * (m + k)
"""
READ_TWICE = """\
  state m = 1
  k = 0.9 * m
  update m = exp(k) + k
  update p = p - lr * m * g
"""
OLD_READ = """\
  state m = 1
  old = m
  k = exp(m)
  update m = k * old + g
  update p = p - lr * m
"""
OLD_READ_AFTER = """\
  state m = 1
  old = m
  update m = exp(0.9 * m) + g
  update p = p - lr * (m + old)
"""
VIEW_IN_THE_WRITTEN = """\
  state m = 1
  k = exp(m) * g
  update m = k - k.T
  update p = p - lr * m
"""
ON_THE_PARAMETER = "  update p = 0.9 * exp(p) - lr * g\n"
VIEW_OF_THE_STORED = """\
  state m = 1
  update m = exp(m - m.T) + g
  update p = p - lr * m
"""


def stepped(text: str) -> Schedule:
    """The plan of a model's step, whose program computes what the graph says."""
    session = session_of(text)
    purpose = session.compilation.step_purpose()
    for _ in range(2):  # the second time from what the first call has left
        check_program(session, purpose, 3)
    compiled = session.compilation.compiled(purpose)
    return compiled.plan({"N": 3})


def group_of(schedule: Schedule) -> str:
    """The variable of the parameters side by side."""
    (name,) = (
        name
        for name, region in schedule.regions.items()
        if region.array == "param_f64" and region.type.rank == 1
    )
    return name


def updated(rule: str) -> Schedule:
    """The plan of a step by an optimizer's rule."""
    return stepped(MODEL.format(rule=rule.rstrip()))


def named(schedule: Schedule, array: str) -> str:
    """The variable of a stored array."""
    (name,) = (n for n, region in schedule.regions.items() if region.array.startswith(array))
    return name


def writing(schedule: Schedule, name: str) -> list[str]:
    """The kernels of the steps that write an array, in order."""
    return [step.lines[0].partition("(")[0] for step in schedule.steps if step.out == name]


def test_a_chain_on_a_state_is_computed_where_it_lies() -> None:
    schedule = updated(CHAIN)
    assert writing(schedule, named(schedule, "slot_m")) == ["multiply", "exp", "add"]


@pytest.mark.parametrize(
    ("rule", "kernels"),
    [
        (READ_AFTER, ["add"]),
        (READ_TWICE, ["multiply", "add"]),
        (OLD_READ, ["add"]),
        (OLD_READ_AFTER, []),
        (VIEW_IN_THE_WRITTEN, ["exp", "subtract"]),
        (VIEW_OF_THE_STORED, ["add"]),
    ],
    ids=["read after", "read twice", "old", "old after", "a view", "a view of the stored"],
)
def test_what_is_needed_is_not_written_over(rule: str, kernels: list[str]) -> None:
    schedule = updated(rule)
    assert writing(schedule, named(schedule, "slot_m")) == kernels


def test_parameters_are_lent_as_a_group() -> None:
    schedule = updated(ON_THE_PARAMETER)
    assert writing(schedule, group_of(schedule)) == ["exp", "multiply", "subtract"]


def test_a_group_is_not_lent_while_a_parameter_is_read() -> None:
    """By its own name, in whatever order the nodes run."""
    text = MODEL.format(rule=ON_THE_PARAMETER).replace("mean(square(x @ w))", "sum(w^2)")
    compilation = session_of(text.replace("input x: [N, 4]\n", "")).compilation
    compiled = compilation.compiled(compilation.step_purpose())
    graph = compiled.graph
    (loss,) = (result.node for result in graph.results)
    (value,) = (write.value for write in graph.writes)
    order = [node.id for node in graph.nodes if node.id not in (loss, value)]
    schedule = _Planner(graph, {}, compiled.layout, [*order, loss, value]).plan()
    assert [step.node for step in schedule.steps[-2:]] == [loss, value]
    assert writing(schedule, group_of(schedule)) == ["subtract"]


def test_a_state_of_the_forward_sweep_keeps_its_value_until_it_is_written() -> None:
    """A fault that only running finds, between the two, then leaves it as it was."""
    text = "input x: [3]\nstate s: [3] = 1\nupdate s = exp(s * 2) + x\ntrain {}\n"
    schedule = stepped(text)
    assert writing(schedule, named(schedule, "state_")) == ["add"]


REFUSING = [
    "inv(g)",
    "cholesky(g)",
    "g[cast(g[0], i64)]",
    "one_hot(cast(g[0], i64), 4)",
    "put_along(g[0], cast(g[1], i64), size = 4)",
    "add_along_axis(g, cast(g, i64), size = 4)",
]


@pytest.mark.parametrize("fault", REFUSING)
def test_a_fault_of_the_rule_leaves_the_state_as_it_was(fault: str) -> None:
    rule = f"  state m = 1\n  k = exp(0.9 * m)\n  update m = k + {fault}\n  update p = p - lr * m\n"
    session = session_of(MODEL.format(rule=rule.rstrip()))
    compiled = session.compilation.compiled(session.compilation.step_purpose())
    schedule = compiled.plan({"N": 3})
    (step,) = [step for step in schedule.steps if step.out == named(schedule, "slot_m")]
    assert step.node == next(w.value for w in compiled.graph.writes)


def test_numbers_filled_in_refuse_nothing() -> None:
    """Of an op that is checked in the text alone, such as the zeros for gathered gradients."""
    compilation = session_of(MODEL.format(rule=CHAIN.rstrip())).compilation
    purpose = replace(compilation.step_purpose(), stage="apply")
    compiled = compilation.compiled(purpose)
    assert any(node.op.name == "full" for node in compiled.graph.nodes)
    schedule = compiled.plan({})
    assert writing(schedule, named(schedule, "slot_m")) == ["multiply", "exp", "add"]


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize(
    "refused",
    [
        "x[i + 1]",
        "one_hot(i + 1, 3)",
        "put_along(x[0, :2], i + 1, size = 3, axis = 1)",
        "add_along_axis(x, broadcast_to(expand(i, axis = 1), [2, 3]) + 1, size = 3)",
        "scatter_add(x, i + 1, size = 2)",
    ],
)
def test_a_step_that_is_refused_writes_nothing(refused: str, engine: str) -> None:
    """Neither what is refused nor the other states of the file, whose values were there before."""
    pytest.importorskip(engine)
    text = (
        "input i: i64[2]\ninput x: [2, 3]\nstate a = 1\nstate b: [2, 3] = 1\n"
        f"update a = a + sum(x)\nupdate b = {refused}\ntrain {{}}\n"
    )
    model = graphdsl.loads(text, engine=engine)
    trainer, states = model.trainer(), model.session.memory.states
    with pytest.raises(graphdsl.DataError, match="E0607"):
        trainer.step(i=[0, 4], x=np.full((2, 3), 2))
    assert (states["a"], trainer.t) == (1, 0)
    assert (states["b"] == 1).all()
    trainer.step(i=[-1, 0], x=np.full((2, 3), 2))
    assert states["a"] == 13
    assert (states["b"] != 1).any()


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize(
    ("a", "b", "fed"),
    [
        ("a + sum(one_hot(i + 1, 9))", "grad(sum(x[i + 1]), x)", 4),
        ("a + sum(grad(sum(take_along(x, i + 1)), x))", "grad(sum(x[:, 0][i + 1]), x)", 2),
        ("a + sum(x[:, :2][:, i + 1])", "grad(sum(take_along(x[:, :2], i + 1)), x)", -2),
        ("grad(sum(solve(x[:, :2], v)), v)[0]", "grad(sum(solve(x[:, 1:], v)), v)[0] * x", 0),
    ],
    ids=["fewer elements", "fewer elements of another op", "none below 0", "a second matrix"],
)
def test_what_the_reverse_sweep_refuses_has_changed_nothing(
    a: str, b: str, fed: int, engine: str
) -> None:
    """Where the forward sweep, whose results nothing reads, has not refused it before."""
    pytest.importorskip(engine)
    text = "input i: i64[2]\ninput x: [2, 3]\nv = ones([2])\nstate a = 1\nstate b: [2, 3] = 1\n"
    model = graphdsl.loads(f"{text}update a = {a}\nupdate b = {b}\ntrain {{}}\n", engine=engine)
    trainer, states = model.trainer(), model.session.memory.states
    with pytest.raises(graphdsl.DataError, match="E06"):
        trainer.step(i=[0, fed - 1], x=[[1, 2, 4], [2, 3, 6]])
    assert (states["a"], trainer.t) == (1, 0)
    assert (states["b"] == 1).all()


@pytest.mark.parametrize(
    ("a", "b", "late"),
    [
        ("a + x[0]", "E[i]", False),
        ("a + x[0]", "E[i + 1]", True),
        ("a + sum(x[i + 1], axis = 0)", "E[i + 1]", True),
        ("a + sum(E[i + 1], axis = 0)", "grad(sum(tanh(E[i + 1])), E)[:2]", False),
        ("a + x[0]", "grad(sum(tanh(E[i + 1])), E)[:2]", True),
    ],
    ids=["fed", "computed", "of another table", "of the forward sweep", "of the reverse sweep"],
)
def test_a_value_waits_for_what_may_be_refused_behind_it(a: str, b: str, late: bool) -> None:
    """Indices that are fed are looked at before anything is computed."""
    text = "input i: i64[2]\ninput x: [2, 3]\ninput E: [4, 3]\n"
    text += "state a: [3] = 1\nstate b: [2, 3] = 1\n"
    compilation = session_of(f"{text}update a = {a}\nupdate b = {b}\ntrain {{}}\n").compilation
    compiled = compilation.compiled(compilation.step_purpose())
    (value,) = (
        w.value for w in compiled.graph.writes if compiled.graph.nodes[w.target].name == "a"
    )
    schedule = compiled.plan({})
    (step,) = (step for step in schedule.steps if step.node == value)
    assert (step.out not in schedule.regions) is late


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_rule_that_is_refused_leaves_its_states(engine: str) -> None:
    pytest.importorskip(engine)
    rule = "  state m = 1\n  update m = m + g\n  update p = p - lr * inv(m)\n"
    model = graphdsl.loads(MODEL.format(rule=rule.rstrip()), engine=engine)
    trainer = model.trainer()
    with pytest.raises(graphdsl.DataError, match="E0619"):
        trainer.step(x=np.ones((3, 4)))
    ((_, m),) = model.session.memory.slots()
    assert (m == 1).all()
