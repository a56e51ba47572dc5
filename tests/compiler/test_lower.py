"""Lowering: what each declaration means, name by name and shape by shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.compiler.lower import Lowered, lower
from graphdsl.driver import check
from graphdsl.graph.types import DType
from graphdsl.language.parser import parse
from graphdsl.language.source import Source


def lowered(text: str, training: bool = False, **constants: Any) -> Lowered:
    return lower(parse(Source(text)), constants, float=DType.f64, training=training)


def param_names(text: str, **modes: bool) -> list[str]:
    return [v.name for v in lowered(text, **modes).graph.params]


def type_of(text: str, name: str) -> str:
    graph = lowered(text).graph
    return str(graph.nodes[graph.names[name]].type)


def value_of(text: str, name: str = "y", **feeds: Any) -> Any:
    return graphdsl.loads(text, dtype="f64").evaluate(name, feeds)


def warnings(text: str) -> list[str]:
    return [one.code for one in check(Source(text))]


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


# --- the names of parameters --------------------------------------------------------------------


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


# --- blocks -------------------------------------------------------------------------------------


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


# --- constants and sizes ------------------------------------------------------------------------


def test_overrides_come_before_what_is_computed_from_them() -> None:
    text = "const a = 2\nconst b = a * 3\nconst c = [a, b]\n"
    assert dict(lowered(text).constants) == {"a": 2, "b": 6, "c": (2, 6)}
    assert dict(lowered(text, a=5).constants) == {"a": 5, "b": 15, "c": (5, 15)}
    assert lowered(text, b=1).constants["c"] == (2, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7 / 2", 3.5),
        ("2^10", 1024),
        ("2^-1", 0.5),
        ("-2^2", -4),
        ("true + 1", 2),
        ("1 if 2 < 3 else 4", 1),
        ("exp(0) + sqrt(16)", 5.0),
        ("not (1 == 2)", True),
        ("[1, 2][1]", 2),
        ("[[1, 2], [3, 4]][1][-1]", 4),
        ("maximum(2, 3) * minimum(2, 3)", 6),
        ("-[1, 2]", (-1, -2)),
        ("5 - 7", -2),
        ("2 * pi", 2 * np.pi),
    ],
)
def test_constant_expressions(text: str, value: object) -> None:
    found = lowered(f"const k = {text}\n").constants["k"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("shape", "expression", "wanted"),
    [
        ("[N, 4]", "x[1:, :2]", "f64[N - 1, 2]"),
        ("[2*N, 4]", "reshape(x, [N, 8])", "f64[N, 8]"),
        ("[N, 6]", "reshape(x, [-1])", "f64[6*N]"),
        ("[N, T]", "reshape(x, [N*T])", "f64[N*T]"),
        ("[N*T, 4]", "reshape(x, [N, T, 4])", "f64[N, T, 4]"),
        ("[N, 4]", "concat(x, x)", "f64[2*N, 4]"),
        ("[N, T]", "x @ x.T", "f64[N, N]"),
        ("[N, 1]", "x + ones([1, T])", "f64[N, T]"),
        ("[N, 4]", "stack(x, x)", "f64[2, N, 4]"),
        ("[(N + 1) * (N - 1)]", "x + zeros([N^2 - 1])", "f64[N^2 - 1]"),
        ("[N, 6]", "reshape(x, [size(x, 0), 2, size(x, 1) / 2])", "f64[N, 2, 3]"),
    ],
)
def test_symbolic_sizes(shape: str, expression: str, wanted: str) -> None:
    assert type_of(f"dim N, T\ninput x: {shape}\ny = {expression}\n", "y") == wanted


# --- element types ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("i + 1", "i32[3]"),
        ("i + 1.0", "f64[3]"),
        ("i + j", "i64[3]"),
        ("i / j", "f64[3]"),
        ("i + s", "f32[3]"),
        ("s * 0.1", "f32[3]"),
        ("s + [1, 2, 3]", "f32[3]"),
        ("i + [1, 2, 3]", "i32[3]"),
        ("b + b", "i64[3]"),
        ("b + x", "f64[3]"),
        ("mean(b)", "f64"),
        ("mean(s)", "f32"),
        ("sum(b)", "i64"),
        ("x > s", "E"),
        ("x + s", "E"),
        ("i > 2", "bool[3]"),
        ("exp(i)", "f64[3]"),
        ("where(b, 1, 0)", "i64[3]"),
        ("where(b, s, 0)", "f32[3]"),
        ("cast(i, float)", "f64[3]"),
        ("cast(x, bool)", "bool[3]"),
        ("i ^ 2", "f64[3]"),
        ("-i", "i32[3]"),
        ("size(x, 0) * s", "f32[3]"),
    ],
)
def test_element_types(expression: str, wanted: str) -> None:
    text = "input x: [3]\ninput s: f32[3]\ninput i: i32[3]\ninput j: i64[3]\ninput b: bool[3]\n"
    if wanted == "E":
        found = check(Source(f"{text}output y = {expression}\n"), {}, DType.f64)
        assert found[0].code == "E0203"
    else:
        assert type_of(f"{text}y = {expression}\n", "y") == wanted


def test_constants_are_computed_in_f64_and_then_cast() -> None:
    text = "const k = 1e-9\ninput x: f32[1]\noutput y = x * ((1 + k) - 1)\n"
    found = graphdsl.loads(text).run(x=[1.0])["y"]
    np.testing.assert_allclose(found, 1e-9, rtol=1e-6)  # in f32 it would be 0


# --- states and settings ------------------------------------------------------------------------


def test_updates_read_the_values_from_before_the_step() -> None:
    text = """
    state a: [2] = 1
    state b: [2] = [2, 3]
    state c = 0
    update a = b
    update b = a
    update c = c + sum(a)
    output y = a
    train {}
    """
    trainer_of = graphdsl.loads(text)
    trainer = trainer_of.trainer()
    seen = []
    for _ in range(3):
        trainer.step()
        seen.append(
            [*trainer_of.states["a"], *trainer_of.states["b"], float(trainer_of.states["c"])]
        )
    assert np.array(seen).tolist() == [[2, 3, 1, 1, 2], [1, 1, 2, 3, 7], [2, 3, 1, 1, 9]]
    trainer_of.run()
    assert trainer_of.states["c"] == 9


def test_gradients_stop_at_states() -> None:
    text = "param w = 2\nstate s = 3\nupdate s = w\nloss J = w * s\n"
    _, found = graphdsl.loads(text).value_and_grad()
    assert found == {"w": 3}


def test_with_settings_and_frozen() -> None:
    text = """
    param a: [2] = 1
    param b: [2] = 1 with lr = 0.5, decay = 2
    param c: [2] = 1 with frozen = true
    param d: [2] = 1 with frozen = false
    loss J = sum(a + b + c + d)
    train {
      optimizer = sgd(lr = 0.1, decay = 0.1)
    }
    """
    model = graphdsl.loads(text, dtype="f64")
    model.trainer().step()
    np.testing.assert_allclose(model.params["a"], 1 - 0.1 * 1.1)
    np.testing.assert_allclose(model.params["b"], 1 - 0.05 * 1.2)
    np.testing.assert_allclose(model.params["c"], 1)
    np.testing.assert_allclose(model.params["d"], model.params["a"])


def test_l2_matches_qualified_names_of_trained_matrices() -> None:
    text = """
    param W: [2, 2] = 1
    param b: [2] = 1
    param F: [2, 2] = 1 with frozen = true
    input x: [1, 2]
    h = Dense(x, 3)
    k = Dense(h, 5)
    output all = l2("*")
    output dense = l2("*.W")
    output one = l2("h.*")
    """
    model = graphdsl.loads(text, dtype="f64")
    for name in ("h.W", "k.W"):
        model.params[name][...] = 2
    found = model.run(x=[[0, 0]])
    assert (found["all"], found["dense"], found["one"]) == (4 + 24 + 60, 84, 24)


# --- warnings -----------------------------------------------------------------------------------


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


# --- gradients in the text ----------------------------------------------------------------------


def test_second_derivatives_and_hessian_vector_products() -> None:
    text = """
    input x: [3]
    input v: [3]
    J = sum(x^4) + x[0] * x[1]
    g = grad(J, x)
    gv = sum(g * v)
    output H = grad(gv, x)
    output G = g
    """
    x, v = np.array([1.0, 2, 3]), np.array([1.0, -1, 2])
    found = graphdsl.loads(text, dtype="f64").run(x=x, v=v)
    hessian = np.diag(12 * x**2)
    hessian[0, 1] = hessian[1, 0] = 1
    np.testing.assert_allclose(found["H"], hessian @ v, rtol=1e-12)
    np.testing.assert_allclose(found["G"], 4 * x**3 + [x[1], x[0], 0], rtol=1e-12)


def test_third_derivatives() -> None:
    text = "input x\nJ = x^5\na = grad(J, x)\nb = grad(a, x)\noutput c = grad(b, x)\n"
    assert value_of(text, "c", x=2.0) == pytest.approx(60 * 4)


def test_a_gradient_penalty_is_trained_through() -> None:
    text = """
    input x: [4, 3]
    param w: [3] ~ normal(0, 1)
    s = sum(tanh(x @ w))
    g = grad(s, w)
    loss J = s + 0.1 * sum(g^2)
    """
    model = graphdsl.loads(text, dtype="f64", seed=1)
    x = np.random.default_rng(0).normal(size=(4, 3))
    _, found = model.value_and_grad(x=x)
    for i in range(3):
        ends = []
        for sign in (1, -1):
            model.params["w"][i] += sign * 1e-6
            ends.append(float(model.run(x=x)["J"]))
            model.params["w"][i] -= sign * 1e-6
        assert found["w"][i] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6)


def test_a_list_of_indices_stays_one_of_integers() -> None:
    assert value_of("input x: [3]\noutput y = gather(x, [0, 2])\n", x=[5, 6, 7]).tolist() == [5, 7]
