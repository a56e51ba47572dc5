"""`where` leaks nothing of the branch that is not taken, whatever op has its pole there."""

from __future__ import annotations

import numpy as np
import pytest

import graphdsl
from compiler.reference import interpret
from graphdsl.compiler.rewrite.guards import _safe_number
from graphdsl.graph.op import OPS

LEAKING = {
    "where(x > 0, ln(x), 0)": [0, -1, 2],
    "where(x <= 0, 0, ln(2 * x))": [0, -1, 2],
    "where(x > 0, log2(x), 0)": [0, -1, 2],
    "where(x > -1, log1p(x), 0)": [-1, -2, 2],
    "where(x > 0, x / x^2, x)": [0, -1, 2],
    "where(x > 0, reciprocal(x), 0)": [0, -1, 2],
    "where(x > 0, sqrt(x) + exp(1000 * (x - 2)), 0)": [0, -1, 2],
    "where(x > 0, rsqrt(x), 0)": [0, -1, 2],
    "where(x > 0, ln(sqrt(x)), 0)": [0, -1, 2],
    "where(x > 5, sqrt(x - 5), 0)": [0, 5, 9],
    "where(x != 0, cbrt(x), 0)": [0, 1, 2],
    "where(x > 0, x^0.5, 0)": [0, -1, 2],
    "where(x > 0, x^(1 - x), 0)": [-2, -1, 2],
    "where(abs(x) < 1, asin(x), 0)": [1, -1, 0.5],
    "where(abs(x) < 1, atanh(x), 0)": [1, -1, 0.5],
    "where(x > 1, acosh(x), 0)": [1, 0, 2],
    "where(x > 0, lgamma(x), 0)": [0, -1, 2],
    "where(x < 10, cosh(x), 0)": [5000, -1, 2],
    "where(x < 10, x * exp(x), 0)": [5000, -1, 2],
}


@pytest.mark.parametrize("choice", LEAKING)
def test_the_gradient_is_finite_and_right(choice: str) -> None:
    """Beside the central difference where the branch is taken, 0 or the other's where not."""
    x = np.array(LEAKING[choice], np.float64)
    made = graphdsl.loads(f"input x: [3]\noutput y = {choice}\noutput s = sum(y)", dtype="f64")
    found = made.value_and_grad(of="s", wrt=("x",), x=x)[1]["x"]
    assert np.isfinite(found).all()
    ends = [made.evaluate("y", x=x + sign * 1e-6) for sign in (1, -1)]
    inside = np.isfinite(ends).all(axis=0) & (abs(ends[0] - ends[1]) < 1e-3)
    assert inside.any()
    np.testing.assert_allclose(
        found[inside], ((ends[0] - ends[1]) / 2e-6)[inside], rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("choice", LEAKING)
def test_values_are_those_of_the_text(choice: str) -> None:
    x = np.array(LEAKING[choice], np.float64)
    made = graphdsl.loads(f"input x: [3]\noutput y = {choice}", dtype="f64")
    graph = made.compilation.graph()
    wanted = interpret(graph, made.compilation.layout, {}, {"x": x}, {})[graph.names["y"]]
    np.testing.assert_allclose(made.run(x=x)["y"], wanted, rtol=1e-15)


def test_an_operand_that_is_broadcast_is_guarded_too() -> None:
    text = "input a: [2, 3]\ninput b: [3]\ninput c: [2, 1]\n"
    text += "output s = sum(where(c > 0, a / b, 0)) + sum(where(a > 0, a / b, 0))"
    made = graphdsl.loads(text, dtype="f64")
    fed = {"a": [[1, -2, 3], [1, -2, 3]], "b": [1, 0, 2], "c": [[0], [0]]}
    _, found = made.value_and_grad(of="s", wrt=("a", "b"), **fed)
    np.testing.assert_allclose(found["a"], [[1, 0, 0.5]] * 2)
    np.testing.assert_allclose(found["b"], [-2, 0, -1.5])


def test_the_idiom_of_two_choices_is_left_as_it_is() -> None:
    text = "input x: [3]\nb = x > 0\nc = where(b, x, 1)\noutput y = where(b, ln(c), 0)"
    assert graphdsl.loads(text).compilation.fired() == ()


def test_a_second_derivative_leaks_nothing_either() -> None:
    text = "input x: [3]\ns = sum(where(x > 0, x * ln(x), 0))\nd = sum(grad(s, x))\n"
    made = graphdsl.loads(f"{text}output h = grad(d, x)", dtype="f64")
    np.testing.assert_allclose(made.run(x=[0, -1, 2])["h"], [0, 0, 0.5])


@pytest.mark.parametrize("choice", ["where(x > 0, x / 2, x^3)", "where(x > 0, tanh(x), relu(x))"])
def test_ops_without_a_pole_cost_nothing(choice: str) -> None:
    made = graphdsl.loads(f"input x: [3]\noutput y = {choice}")
    assert made.compilation.fired() == ()


def test_safe_numbers_lie_in_the_domains_of_the_ops() -> None:
    for op in OPS.values():
        for position, (low, high) in enumerate(op.domain):
            assert low < _safe_number(op, position) < high
