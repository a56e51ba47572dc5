"""`gradcheck`: right gradients agree with differences, and a wrong rule does not."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

import graphdsl
from graphdsl.engines.memory import Memory
from graphdsl.gradcheck import gradcheck
from graphdsl.graph.op import OPS
from small_machine import have_memory

TEXT = """
dim N
input x: [N, 3]
input y: i64[N]
param W: [3, 4] ~ normal()
param k: [2] = 0 with frozen = true
z = tanh(x @ W)
loss J = mean(cross_entropy(z, y)) + sum(k)
"""
FED = {"x": np.random.default_rng(0).standard_normal((5, 3)), "y": [0, 1, 2, 3, 0]}


def test_right_gradients_agree_to_first_and_second_order() -> None:
    rows = graphdsl.loads(TEXT).gradcheck(FED)
    assert [(row.name, row.order) for row in rows] == [("W", 1), ("x", 1), ("W", 2), ("x", 2)]
    assert all(row.relative < 1e-6 for row in rows)
    assert rows[0].checked == 12


def test_a_wrong_rule_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = replace(OPS["tanh"], vjp=(lambda g, y, x: g * (1 - y),))
    monkeypatch.setitem(OPS, "tanh", wrong)
    rows = graphdsl.loads(TEXT).gradcheck(FED)
    assert max(row.relative for row in rows) > 1e-2


def test_large_tensors_are_sampled_and_the_model_stays_as_it_is() -> None:
    model = graphdsl.loads("param W: [100, 100] ~ normal()\nloss J = sum(sin(W)) / 100")
    before = model.params["W"].copy()
    first, _ = model.gradcheck(samples=10)
    assert first.checked == 10
    np.testing.assert_array_equal(model.params["W"], before)


def test_scalars_and_other_targets() -> None:
    model = graphdsl.loads("input x\ninput z\noutput y = exp(x * z) + x / ln(x)")
    rows = model.gradcheck(of="y", x=2, z=3)
    assert {row.name for row in rows} == {"x", "z"}
    assert all(row.relative < 1e-6 for row in rows)


def test_what_has_no_gradient_is_refused() -> None:
    with pytest.raises(graphdsl.UsageError, match="only floats"):
        graphdsl.loads(TEXT).gradcheck(FED, wrt=["y"])
    with pytest.raises(graphdsl.UsageError, match="no loss"):
        graphdsl.loads("input x\noutput y = x").gradcheck(x=1)


@pytest.mark.parametrize("name", ["h", "s", "z"])
def test_what_nothing_moves_is_refused(name: str) -> None:
    """A computed node, a state, an input that is not fed."""
    text = "input x\ninput z\nstate s = 1\nupdate s = s * 0.5\nh = x^2 * s\nloss J = h + z"
    model = graphdsl.loads(text)
    fed = {"x": 2.0} if name == "z" else {"x": 2.0, "z": 1.0}
    with pytest.raises(graphdsl.UsageError, match="neither a parameter nor an input that is fed"):
        model.gradcheck(fed, wrt=[name])


def test_a_kink_that_a_step_crosses_is_no_error() -> None:
    """relu's kinks lie within the step of some of these, and at none of them."""
    x = np.geomspace(1e-6, 1, 60) * np.resize([1, -1], 60)
    (first, second) = graphdsl.loads("input x: [60]\nloss J = sum(relu(x) * x)").gradcheck(x=x)
    assert (first.checked, first.kinks, second.kinks) == (60, 0, 0)
    assert max(first.relative, second.relative) < 1e-5


def test_points_on_a_kink_are_left_out_and_counted() -> None:
    model = graphdsl.loads("input x: [4]\nloss J = sum(relu(x)^2 + abs(x))")
    first, second = model.gradcheck(x=[0, 1, -1, 0])
    assert (first.checked, first.kinks) == (4, 2)
    assert first.relative < 1e-6
    assert second.kinks == 2


def test_a_wrong_rule_is_found_beside_kinks(monkeypatch: pytest.MonkeyPatch) -> None:
    (right,) = OPS["relu"].vjp
    wrong = replace(OPS["relu"], vjp=(lambda g, y, x: right(g, y, x) * 1.01,))
    monkeypatch.setitem(OPS, "relu", wrong)
    rows = graphdsl.loads("input x: [4]\nloss J = sum(relu(x))").gradcheck(x=[0, 1, -1, 1e-7])
    assert rows[0].kinks == 1
    assert rows[0].relative == pytest.approx(0.01, rel=0.02)


LARGE = """dim N
input x: [N, 8]
param W: [8, 40000] ~ normal(0, 1)
param b: [10] = 0
loss J = mean((x @ W)^2) + sum(b^2)
"""
F64 = 8


@pytest.mark.parametrize(("wrt", "second"), [(None, True), (["W"], True), (["W"], False)])
def test_it_takes_no_more_than_is_asked_for(monkeypatch, wrt, second: bool) -> None:
    model = graphdsl.loads(LARGE, engine="numpy")
    asked: list[int] = []

    def note(memory: Memory, what: str, nbytes: int, *help: str) -> None:
        asked.append(nbytes)

    monkeypatch.setattr(Memory, "check_room", note)
    x = np.ones((2, 8), np.float32)
    gradcheck(model.session, {"x": x}, wrt=wrt, second=second)
    first = asked[0]
    tracemalloc.start()
    try:
        gradcheck(model.session, {"x": x}, wrt=wrt, second=second)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # programs ask for what they compute themselves: here two rows of 40,000
    programs, compiling = 6 * 2 * 40_000 * F64, 2**20
    assert peak < first + programs + compiling
    assert first < 2 * peak


def test_without_room_nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    model = graphdsl.loads(LARGE, engine="numpy")
    monkeypatch.setattr("graphdsl.gradcheck.in_f64", lambda _: pytest.fail("it was made"))
    have_memory(monkeypatch, 2**40, 20 * 2**20)
    with pytest.raises(graphdsl.DataError, match="to check the gradients in f64 takes") as found:
        model.gradcheck(x=np.ones((2, 8), np.float32))
    (told,) = found.value.diagnostics
    assert (told.code, told.help) == ("E0802", ("look at fewer tensors: wrt=['b'] from Python",))
    sizes = [8 * 40_000, 10, 2 * 8]
    elements = 2 * (8 * 40_000 + 10) + sum(sizes) + 9 * sizes[0]
    assert f" takes {elements * F64:,} bytes beside " in told.message
