"""Stability rules: in single precision the formula as it is written is wrong, value or derivative,
and what is computed is right to 1e-6; every rule has its case."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphdsl
from compiler.reference import interpret
from compiler.unstable import CASES, Array, Case
from graphdsl.compiler.rewrite import stabilise
from graphdsl.compiler.rewrite.stability import RULES
from graphdsl.driver import compile_source
from graphdsl.graph.dump import dump
from graphdsl.language.source import Source, read_source

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").rglob("*.gdl"))
TINY = 1e-37
"""What single precision cannot hold."""

by_text = pytest.mark.parametrize("case", CASES, ids=lambda case: case.text)


def model(formula: str, dtype: str = "f32") -> graphdsl.Model:
    text = f"input x: [3]\noutput y = {formula}\ns = sum(y * [1, 2, 3])\noutput d = grad(s, x)\n"
    return graphdsl.loads(text, dtype=dtype)


def as_written(formula: str, x: Array) -> tuple[Array, Array]:
    """Value and derivative of the graph that the text says, by no rule."""
    compilation = model(formula).compilation
    graph = compilation.graph()
    found = interpret(graph, compilation.layout, {}, {"x": x}, {})
    return found[graph.names["y"]], found[graph.names["d"]]


def is_right(found: Array, wanted: Array) -> bool:
    return bool(np.allclose(found, wanted, rtol=1e-6, atol=TINY))


@by_text
def test_the_formula_fails_and_what_is_computed_does_not(case: Case) -> None:
    x = np.array(case.x, np.float32)
    exact = x.astype(np.float64)
    wanted, slope = case.value(exact), case.slope(exact)
    y, d = as_written(case.text, x)
    assert not (is_right(y, wanted) and is_right(d, slope))
    found = model(case.text).run(x=x)
    np.testing.assert_allclose(found["y"], wanted, rtol=1e-6, atol=TINY)
    np.testing.assert_allclose(found["d"], slope, rtol=1e-6, atol=TINY)


@by_text
def test_where_the_formula_is_sound_its_value_is_kept(case: Case) -> None:
    x = np.array([0.3, 0.7, 0.2])
    compilation = model(case.text, "f64").compilation
    graph = compilation.graph()
    found = interpret(graph, compilation.layout, {}, {"x": x}, {})
    mine = model(case.text, "f64").run(x=x)
    np.testing.assert_allclose(mine["y"], found[graph.names["y"]], rtol=1e-12)
    np.testing.assert_allclose(mine["d"], found[graph.names["d"]], rtol=1e-12)


@by_text
def test_the_rules_tell_that_they_fired(case: Case) -> None:
    fired = model(case.text).compilation.fired()
    assert tuple(one.rule.partition(" = ")[0] for one in fired) == case.rules
    assert all(one.origin is not None and one.origin.span.line == 2 for one in fired)


def test_every_rule_has_its_case() -> None:
    assert {rule for case in CASES for rule in case.rules} == {rule.formula for rule in RULES}


@by_text
def test_the_pass_is_idempotent(case: Case) -> None:
    once, _ = stabilise(model(case.text).compilation.lowered().graph)
    again, fired = stabilise(once)
    assert fired == ()
    assert dump(again) == dump(once)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_stabilised_once_and_for_all(path: Path) -> None:
    once, _ = stabilise(compile_source(read_source(path)).lowered(training=True).graph)
    again, fired = stabilise(once)
    assert fired == ()
    assert dump(again) == dump(once)


@pytest.mark.parametrize(
    ("formula", "became"),
    [
        ("ln(softmax(x))", "log_softmax(x)"),
        ("ln(sigmoid(2 * x))", "-softplus(-(2 * x))"),
        ("1 / (1 + exp(-(x + 1)))", "sigmoid(x + 1)"),
        ("sqrt(sum(x^2, keepdims = true))", "norm(x, keepdims = true)"),
        ("where(x > 0, ln(x), 0)", "where(x > 0, ln(where(x > 0, x, 1)), 0)"),
    ],
)
def test_what_a_formula_became_is_told_in_its_own_names(formula: str, became: str) -> None:
    (fired,) = model(formula).compilation.fired()
    assert fired.became == became


@pytest.mark.parametrize(
    "formula",
    [
        *("ln(2 + x)", "exp(x) - 2", "2 - sigmoid(x)", "ln(sum(x))", "1 / (2 + exp(x))"),
        *("exp(x) / sum(exp(2 * x))", "mean(x^2) - mean(x)", "mean(x^2) - mean(2 * x)^2"),
        *("sqrt(sum(x))", "where(x > 0, x / 2, x^3)", "exp(x) / (1 + exp(2 * x))"),
    ],
)
def test_what_only_looks_alike_is_left(formula: str) -> None:
    assert model(formula).compilation.fired() == ()


@pytest.mark.parametrize(
    ("axes", "fires"),
    [
        ("axis = 1, keepdims = true", True),
        ("axis = 0", True),
        ("axis = [0, 1], keepdims = true", True),
        ("axis = 1", False),
    ],
)
def test_a_softmax_by_hand_over_any_axes(axes: str, fires: bool) -> None:
    """Without keepdims, sums over the last axis stand beside other elements."""
    text = f"input x: [4, 4]\noutput y = exp(x) / sum(exp(x), {axes})"
    made = graphdsl.loads(text, dtype="f64")
    assert bool(made.compilation.fired()) == fires
    x = np.random.default_rng(0).normal(size=(4, 4))
    graph = made.compilation.graph()
    found = interpret(graph, made.compilation.layout, {}, {"x": x}, {})
    np.testing.assert_allclose(made.run(x=x)["y"], found[graph.names["y"]], rtol=1e-13)


LOSSES = {
    "-sum(y * ln(p), axis = -1)": "p = softmax(z)",
    "-ln(take_along(q, argmax(y)))": "q = exp(z) / sum(exp(z), axis = -1, keepdims = true)",
    "-ln(take_along(p, argmax(y)))": "p = softmax(z)",
}


@pytest.mark.parametrize("loss", LOSSES)
def test_the_cross_entropy_of_a_softmax(loss: str) -> None:
    """Written out over two lines, it is as exact as the op, and so is its derivative."""
    text = f"input z: [2, 3]\ninput y: [2, 3]\n{LOSSES[loss]}\noutput r = {loss}\ns = sum(r)\n"
    made = graphdsl.loads(f"{text}output d = grad(s, z)")
    z, y = np.array([[1000, 0, -1000], [0, 0, 300]]), np.eye(3)[[2, 0]]
    found = made.run(z=z, y=y)
    np.testing.assert_allclose(found["r"], [2000, 300])
    np.testing.assert_allclose(found["d"], [[1, 0, -1], [-1, 0, 1]], atol=1e-30)


def test_the_binary_cross_entropy_of_a_sigmoid() -> None:
    text = "input z: [4]\ninput y: [4]\np = sigmoid(z)\ns = sum(-(y * ln(p) + (1 - y) * ln(1 - p)))"
    made = graphdsl.loads(f"{text}\noutput r = s\noutput d = grad(s, z)")
    found = made.run(z=[1000, -1000, 1000, -1000], y=[1, 1, 0, 0])
    assert found["r"] == 2000
    np.testing.assert_allclose(found["d"], [0, -1, 1, 0])


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_sigmoid_and_softplus_at_a_thousand(dtype: str) -> None:
    text = "input x: [2]\ns = sum(sigmoid(x))\nq = sum(softplus(x))\noutput a = sigmoid(x)\n"
    text += "output b = softplus(x)\noutput c = grad(s, x)\noutput d = grad(q, x)"
    found = graphdsl.loads(text, dtype=dtype).run(x=[-1000, 1000])
    wanted = {"a": [0, 1], "b": [0, 1000], "c": [0, 0], "d": [0, 1]}
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array, name)


@pytest.mark.parametrize(
    ("op", "x", "value", "slope"),
    [
        ("norm(x)", [0, 0, 0], 0, [0, 0, 0]),
        ("var(x)", [10000, 10001, 10002], 2 / 3, [-2 / 3, 0, 2 / 3]),
        ("std(x)", [4, 4, 4], 0, [0, 0, 0]),
        ("logsumexp(x)", [1000, 1000, -1000], 1000 + np.log(2), [0.5, 0.5, 0]),
    ],
)
def test_ops_that_are_given_to_fail_do_not(
    op: str, x: list[float], value: float, slope: list[float]
) -> None:
    found = graphdsl.loads(f"input x: [3]\ns = {op}\noutput y = s\noutput d = grad(s, x)").run(x=x)
    np.testing.assert_allclose(found["y"], value, rtol=1e-6)
    np.testing.assert_allclose(found["d"], slope, rtol=1e-6, atol=1e-7)


def test_a_rule_in_a_block_knows_who_called() -> None:
    text = "block B(v) {\n  return ln(1 + v)\n}\ninput x: [3]\noutput y = B(x^2)"
    compilation = compile_source(Source(text))
    (fired,) = compilation.fired()
    assert fired.origin is not None
    assert fired.origin.span.line == 2
    assert fired.origin.trail[0][0].line == 5
    assert fired.became == "log1p(x^2)"
