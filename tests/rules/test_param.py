"""Parameters: their first values, their sizes, their own settings."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

import graphdsl
from rules.asking import errors, step
from rules.citations import rule

PARAM = "Declarations › param"
SGD = "train {\n  optimizer = sgd(lr = 0.1)\n}\n"


@rule(PARAM, "A parameter is given a first value.")
def test_parameters_have_values() -> None:
    assert errors("param W: [3]\nloss J = sum(W^2)\n") == ["E0308"]


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("w: [2] = 3", [3, 3]),
        ("w = [[3], [-1]]", [[3], [-1]]),
        ("w: [2] = [1, 2]", [1, 2]),
        ("w: [2, 2] = 0.5 * eye(2)", [[0.5, 0], [0, 0.5]]),
        ("w = 2 * k", 8),
    ],
)
@rule(PARAM, "`=` fills it with a number, a list, or whatever can be computed from constants")
def test_filled_parameters(declared: str, value: object) -> None:
    model = graphdsl.loads(f"const k = 4\nparam {declared}\nloss J = sum(w^2) * k\n")
    assert model.params["w"].tolist() == value


DRAWS = {
    "normal(2, 3)": ("N(mean, std²). |", 3),
    "normal()": ("`normal(mean = 0, std = 1)`", 1),
    "truncated_normal(1, 2)": ("N(mean, std²) without what lies beyond two", 2 * 0.8796),
    "uniform(0, 12)": ("Uniform between low and high.", sqrt(12)),
    "zeros()": ("All 0.", 0),
    "ones()": ("All 1.", 0),
    "glorot_uniform()": ("`glorot_uniform()`", sqrt(2 / 1000)),
    "glorot_normal()": ("`glorot_normal()`", sqrt(2 / 1000)),
    "he_uniform()": ("`he_uniform()`", sqrt(2 / 600)),
    "he_normal()": ("`he_normal()`", sqrt(2 / 600)),
    "lecun_normal()": ("`lecun_normal()`", sqrt(1 / 600)),
}
"""What is drawn: the words that say so, and the deviation of a [600, 400] of it."""


@pytest.mark.parametrize(
    ("draw", "deviation"),
    [
        pytest.param(draw, deviation, marks=rule(PARAM, words))
        for draw, (words, deviation) in DRAWS.items()
    ],
)
@rule(PARAM, "Fan-in and fan-out are those of a matrix `[in, out]`")
@rule(PARAM, "`~` draws it from one of these distributions and nothing else")
def test_draws(draw: str, deviation: float) -> None:
    values = graphdsl.loads(f"param W: [600, 400] ~ {draw}\nloss J = sum(W^2)\n").params["W"]
    assert values.std() == pytest.approx(deviation, rel=0.01, abs=1e-6)
    if draw.startswith("truncated"):
        assert (np.abs(values - 1) <= 4).all()


@rule(PARAM, "Orthonormal rows or columns times the gain (Saxe et al., 2014).")
def test_orthogonal() -> None:
    text = "param W: [6, 4] ~ orthogonal(gain = 2)\nloss J = sum(W^2)\n"
    values = graphdsl.loads(text, dtype="f64").params["W"]
    assert values.T @ values == pytest.approx(4 * np.eye(4))


@rule(PARAM, "for a kernel `[out, in, …]` they are counted over its field.")
def test_fans_of_kernels() -> None:
    text = "param W: [64, 20, 5, 5] ~ he_normal()\nloss J = sum(W^2)\n"
    assert graphdsl.loads(text).params["W"].std() == pytest.approx(sqrt(2 / 500), rel=0.02)


@pytest.mark.parametrize("draw", ["bernoulli()", "relu()", "mine()", "normal"])
@rule(PARAM, "one of these distributions and nothing else")
def test_nothing_else_is_drawn(draw: str) -> None:
    assert errors(f"block mine() {{\n  return 1\n}}\nparam w ~ {draw}\nloss J = w^2\n")


@rule(PARAM, "The sizes of a parameter are constants.")
def test_parameters_have_constant_sizes() -> None:
    assert errors("dim N\ninput x: [N]\nparam b: [N] = 0\noutput y = x + b\n") == ["E0310"]


@rule(PARAM, "`with` multiplies arguments of the optimizer for this parameter")
@rule(PARAM, "`frozen = true` takes it out of training;")
def test_with() -> None:
    model = step(
        "param a = 1\nparam b = 1 with lr = 0.5\nparam c = 1 with frozen = true\n"
        f"loss J = a + b + c\n{SGD}"
    )
    assert {name: view.item() for name, view in model.params.items()} == pytest.approx(
        {"a": 0.9, "b": 0.95, "c": 1}
    )


@pytest.mark.parametrize("clause", ["beta1 = 2", "rate = 2", "lr = 1, lr = 2"])
@rule(PARAM, "a key that is no argument of the optimizer is an error")
def test_with_another_key(clause: str) -> None:
    assert errors(f"param w = 1 with {clause}\nloss J = w^2\n{SGD}")
