"""Lowering: which names a program has, and what its blocks own."""

from __future__ import annotations

import numpy as np
import pytest

import graphdsl
from compiler.lowering import lowered, param_names, type_of, value_of, warnings

BLOCKS = """
dim N
input x: [N, 4]
block D(x, units, act = identity) {
  param W: [size(x, -1), units] = 1
  return act(x @ W)
}
block Two(x) {
  return D(x, 2), D(x, 3)
}
block Deep(x) {
  a = D(x, 4)
  return D(D(a, 4), 4)
}
"""


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("h = D(x, 5)", ["h.W"]),
        ("h = D(D(x, 5), 6)", ["h.D.W", "h.W"]),
        ("h = D(D(D(x, 5), 6), 7)", ["h.D_2.W", "h.D.W", "h.W"]),
        ("h = D(x, 5) + D(x, 5)", ["h.D.W", "h.D_2.W"]),
        ("h = relu(D(x, 5))", ["h.D.W"]),
        ("h = -D(x, 5)", ["h.D.W"]),
        ("h = D(x, 5)[:, 0]", ["h.D.W"]),
        ("h = D(x, 5).T", ["h.D.W"]),
        ("h = (D(x, 5))", ["h.W"]),
        ("h = D(D(x, 5), 5) + D(x, 5)", ["h.D_3.W", "h.D.W", "h.D_2.W"]),
        ("h, k = Two(x)", ["h.D.W", "h.D_2.W"]),
        ("h = Deep(x)", ["h.a.W", "h.D_2.W", "h.D.W"]),
        ("output y = D(x, 5)", ["y.W"]),
        ("loss J = mean(D(x, 5))", ["J.D.W"]),
    ],
)
def test_names_of_parameters(line: str, names: list[str]) -> None:
    assert param_names(f"{BLOCKS}{line}\n") == names


def test_two_calls_that_would_own_the_same_name() -> None:
    assert warnings(f"{BLOCKS}output h = Deep(D(x, 4))\n") == ["E0340"]
    assert param_names(f"{BLOCKS}d = D(x, 4)\nh = Deep(d)\n") == [
        "d.W",
        "h.a.W",
        "h.D_2.W",
        "h.D.W",
    ]


def test_parameters_by_name_in_expressions() -> None:
    text = f"{BLOCKS}h = D(x, 2)\noutput y = sum(h.W) + sum(h.W.T)\n"
    assert value_of(text, x=np.zeros((1, 4))) == 16


def test_defaults_see_earlier_arguments_and_constants() -> None:
    text = """
    const k = 10
    block f(a, b = a + k, c = b * 2) {
      return a + b + c
    }
    output y = f(1)
    output z = f(1, c = 0)
    output u = f(c = 0, a = 1, b = 5)
    """
    assert [value_of(text, name) for name in "yzu"] == [34, 12, 6]


def test_functions_as_arguments() -> None:
    text = """
    block twice(f, x) {
      return f(f(x))
    }
    block double(x) {
      return 2 * x
    }
    input x
    output y = twice(double, x) + twice(exp, x)
    """
    assert value_of(text, x=0.0) == pytest.approx(np.e)


def test_several_results_and_constants_of_a_block() -> None:
    text = """
    block f(x, n) {
      const m = n * 2
      s = sum(x) * m
      return s, m, x * m
    }
    input x: [3]
    a, b, c = f(x, 2)
    output y = a + b + sum(c)
    """
    assert value_of(text, x=[1, 2, 3]) == 24 + 4 + 24


def test_a_block_sees_constants_dims_and_blocks_alone() -> None:
    assert lowered(
        "const k = 2\ndim N\nblock f(x) {\n  return x * k * N\n}\ninput x: [N]\ny = f(x)"
    )
    codes = warnings("k = 2\nblock f(x) {\n  return x * k\n}\ninput x\noutput y = f(x)\n")
    assert codes == ["E0301"]


def test_a_state_of_a_block() -> None:
    text = """
    block Mean(x) {
      state m: [size(x, -1)] = 0
      update m = 0.5 * m + 0.5 * mean(x, axis = 0)
      return m
    }
    input x: [2, 3]
    a = Mean(x)
    output y = a + Mean(2 * x)
    train {}
    """
    model = graphdsl.loads(text)
    assert list(model.states) == ["a.m", "y.Mean.m"]
    model.trainer().step(x=np.ones((2, 3)))
    np.testing.assert_array_equal(model.states["a.m"], 0.5)
    np.testing.assert_array_equal(model.states["y.Mean.m"], 1)


def test_both_branches_of_training_own_their_parameters() -> None:
    text = f"{BLOCKS}h = D(x, 2) if training else D(x, 3)\n"
    assert param_names(text) == param_names(text, training=True) == ["h.D.W", "h.D_2.W"]
    text = f"{BLOCKS}h = D(x, 2) if not training and true else x\n"
    assert param_names(text) == param_names(text, training=True) == ["h.D.W"]


def test_other_choices_own_what_is_chosen() -> None:
    text = f"const wide = true\n{BLOCKS}h = D(x, 2) if wide else D(x, 3)\n"
    assert param_names(text) == ["h.D.W"]
    assert type_of(text, "h") == "f64[N, 2]"
    assert str(lowered(text, wide=False).graph.params[0].name) == "h.D_2.W"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("input x\ninput z\noutput y = x\n", ["W0101"]),
        ("param w = 1\noutput y = 3\n", ["W0102"]),
        ("param w = 1\nparam v = 1\nloss J = w\noutput y = v\n", ["W0103"]),
        ("param w = 1\nparam v = 1 with frozen = true\nloss J = w\noutput y = v\n", []),
        ("input x\nexp = x\noutput y = exp\n", ["W0106"]),
        ("input x\ncosine = x\noutput y = cosine\n", ["W0106"]),
        ("input x\nblock f(exp) {\n  sum = exp\n  return sum\n}\noutput y = f(x)\n", []),
        ('loss J = l2("*") + 1\n', ["W0107"]),
        ("dim N\ninput x: [N, 1]\ninput z: [N]\noutput y = x - z\n", ["W0108"]),
        ("dim N\ninput x: [N, 1]\ninput z: [1, N]\noutput y = x - z\n", []),
        ("dim N\ninput x: [N, 4]\ninput z: [4]\noutput y = x - z\n", []),
        ("dim N, T\ninput x: [N, 1]\ninput z: [T]\noutput y = x - z\n", []),
    ],
)
def test_warnings(text: str, codes: list[str]) -> None:
    assert warnings(text) == codes


def test_shadowing_hides_what_it_warns_of() -> None:
    text = "block sum(x) {\n  return 7\n}\ninput x\noutput y = sum(x)\n"
    assert value_of(text, x=1) == 7
