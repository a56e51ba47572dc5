"""Stability rules: each keeps values where the formula is sound and is right where it is not."""

import numpy as np
import pytest

import graphdsl
from graphdsl.compiler.rewrite import stabilise
from graphdsl.compiler.rewrite.passes import prune

CASES = {
    "ln(softmax(x))": "ln(softmax(x)) = log_softmax(x)",
    "ln(softmax(x)[1])": "ln(softmax(x)[i]) = log_softmax(x)[i]",
    "ln(sum(exp(x)))": "ln(sum(exp(x))) = logsumexp(x)",
    "ln(sigmoid(x))": "ln(sigmoid(x)) = -softplus(-x)",
    "ln(1 + x)": "ln(1 + x) = log1p(x)",
    "ln(x + 1)": "ln(1 + x) = log1p(x)",
    "ln(1 + exp(x))": "ln(1 + x) = log1p(x)",
    "log1p(exp(x))": "log1p(exp(x)) = softplus(x)",
    "exp(x) - 1": "exp(x) - 1 = expm1(x)",
    "1 - sigmoid(x)": "1 - sigmoid(x) = sigmoid(-x)",
}
EXTREME = {
    "ln(softmax(x))": ([1000.0, 0.0, -1000.0], [0.0, -1000.0, -2000.0]),
    "ln(sum(exp(x)))": ([1000.0, 999.0, -1000.0], 1000 + np.log1p(np.exp(-1.0))),
    "ln(sigmoid(x))": ([-1000.0, 0.0, 1000.0], [-1000.0, -np.log(2), 0.0]),
    "ln(1 + x)": ([1e-18, 0.0, 1e-30], [1e-18, 0.0, 1e-30]),
    "ln(1 + exp(x))": ([1000.0, 0.0, -1000.0], [1000.0, np.log(2), 0.0]),
    "exp(x) - 1": ([1e-18, 0.0, -1e-30], [1e-18, 0.0, -1e-30]),
    "1 - sigmoid(x)": ([50.0, 0.0, -50.0], [1 / (1 + np.exp(50.0)), 0.5, 1.0]),
}


def model(expression: str) -> graphdsl.Model:
    return graphdsl.loads(f"input x: [3]\ny = {expression}\noutput s = sum(y)\n", dtype="f64")


@pytest.mark.parametrize("expression", CASES)
def test_a_rule_fires_once_and_keeps_the_value(expression: str) -> None:
    made = model(expression)
    assert [fired.rule for fired in made.compilation.fired()] == [CASES[expression]]
    x = np.array([0.3, 1.2, 0.7])
    names = {"exp": np.exp, "ln": np.log, "log1p": np.log1p, "sum": np.sum, "x": x}
    names |= {"softmax": lambda v: np.exp(v) / np.exp(v).sum()}
    names |= {"sigmoid": lambda v: 1 / (1 + np.exp(-v))}
    np.testing.assert_allclose(made.evaluate("y", x=x), eval(expression, names), rtol=1e-13)


@pytest.mark.parametrize("expression", EXTREME)
def test_values_stay_right_where_the_formula_fails(expression: str) -> None:
    x, expected = EXTREME[expression]
    made = model(expression)
    np.testing.assert_allclose(made.evaluate("y", x=x), expected, rtol=1e-14)
    _, grads = made.value_and_grad(of="s", wrt=("x",), x=x)
    assert np.isfinite(grads["x"]).all()


@pytest.mark.parametrize("expression", ["ln(2 + x)", "exp(x) - 2", "2 - sigmoid(x)", "ln(sum(x))"])
def test_what_only_looks_alike_is_left(expression: str) -> None:
    assert model(expression).compilation.fired() == ()


def test_the_rule_knows_its_place() -> None:
    (fired,) = model("ln(sigmoid(x))").compilation.fired()
    assert fired.origin is not None
    assert fired.origin.span.line == 2


@pytest.mark.parametrize(
    ("choice", "value", "gradient"),
    [
        ("where(x > 0, ln(x), 0)", np.log(2), [0, 0, 0.5]),
        ("where(x <= 0, 0, ln(2 * x))", np.log(4), [0, 0, 0.5]),
        ("where(x > 0, x / x^2, x)", -1 + 0.5, [1, 1, -0.25]),
        ("where(x > 0, sqrt(x) + exp(1000 * (x - 2)), 0)", np.sqrt(2) + 1, [0, 0, None]),
    ],
)
def test_where_does_not_leak_from_the_branch_not_taken(
    choice: str, value: float, gradient: list[float | None]
) -> None:
    made = graphdsl.loads(f"input x: [3]\noutput s = sum({choice})", dtype="f64")
    found, grads = made.value_and_grad(of="s", wrt=("x",), x=[0.0, -1.0, 2.0])
    np.testing.assert_allclose(found, value, rtol=1e-14)
    for had, wanted in zip(grads["x"], gradient, strict=True):
        assert np.isfinite(had)
        assert wanted is None or had == wanted


def test_the_pass_is_idempotent() -> None:
    for text in (*CASES, "where(x > 0, ln(x), 0)"):
        graph = graphdsl.loads(f"input x: [3]\noutput y = {text}").compilation.lowered().graph
        once, _ = stabilise(graph)
        again, fired = stabilise(once)
        assert fired == ()
        assert len(prune(again).nodes) == len(prune(once).nodes)
