"""Lowering: constants, sizes, element types, states and settings."""

from __future__ import annotations

import numpy as np
import pytest

import graphdsl
from compiler.lowering import lowered, type_of, value_of
from graphdsl.driver import check
from graphdsl.graph.types import DType
from graphdsl.language.source import Source


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


def test_a_list_of_indices_stays_one_of_integers() -> None:
    assert value_of("input x: [3]\noutput y = gather(x, [0, 2])\n", x=[5, 6, 7]).tolist() == [5, 7]
