"""Softmax times a number for each row takes one pass over the classes, and means the same."""

from __future__ import annotations

import numpy as np
import pytest

import graphdsl
from graphdsl.driver import Purpose, compile_source
from graphdsl.language.source import Source

HEAD = "input z: [3, 4]\ninput r: [3, 1]\n"
Z = np.array([[1, -2, 0.5, 3], [90, -90, 0, 1], [0, 0, 0, 0]], np.float32)
R = np.array([[2], [-1e30], [3e38]], np.float32)


def elements_of(text: str) -> list[str]:
    """The ops that compute all classes."""
    graph = compile_source(Source(HEAD + text)).compiled(Purpose(("y",))).graph
    return [n.op.name for n in graph.nodes if n.type.shape == (3, 4) and not n.op.leaf]


@pytest.mark.parametrize("text", ["softmax(z) * r", "r * softmax(z)", "softmax(z) * 0.5"])
def test_the_total_is_divided_by_row(text: str) -> None:
    assert elements_of(f"output y = {text}") == ["sub", "exp", "mul"]
    p = np.exp(Z - Z.max(1, keepdims=True, initial=-np.inf).astype("f8"))
    expected = p / p.sum(1, keepdims=True) * (0.5 if "0.5" in text else R)
    model = graphdsl.loads(f"{HEAD}output y = {text}")
    fed = {"z": Z} if "0.5" in text else {"z": Z, "r": R}
    np.testing.assert_allclose(model.run(fed)["y"], expected, rtol=5e-7, atol=1e-37)


@pytest.mark.parametrize(
    "text",
    [
        "softmax(z) * z",
        "softmax(z) * mean(r)",
        "softmax(z, axis = 0) * r",
        "exp(z) / sum(exp(z), axis = 0, keepdims = true) * z",
        "exp(-abs(z)) / sum(exp(-abs(z))) * r",
        "exp(-abs(z)) / (1 + sum(exp(-abs(z)), axis = 1, keepdims = true)) * r",
    ],
)
def test_other_quotients_and_factors_stay(text: str) -> None:
    """A total that may be next to 0 must not divide what it was not written below."""
    assert "div" in elements_of(f"output y = {text}")


def test_rows_that_meet_the_largest_of_others_stay() -> None:
    """A matrix as wide as it is high is divided by what stands in the other axis: a total may then
    be next to 0, and a quotient that is not beside a factor beyond all bounds."""
    text = "input z: [2, 2]\ninput r: [2]\ne = exp(z - max(z, axis = 1))\n"
    model = graphdsl.loads(f"{text}output y = e / sum(e, axis = 1) * r\n")
    found = model.run(z=[[100, -80], [0, -80]], r=[1, 1e20])["y"]
    np.testing.assert_allclose(found[:, 1], 1e20, rtol=1e-5)


def test_the_gradient_of_cross_entropy_is_told_as_shares() -> None:
    """The reader sees softmax(z) - one_hot(y); the program takes the shorter way."""
    text = "dim N\ninput y: i64[N]\nparam W: [4, 4] = 1\ninput x: [N, 4]\n"
    text += "loss J = mean(cross_entropy(x @ W, y))\n"
    program = compile_source(Source(text))
    graph = program.compiled(Purpose(("J",), wrt=("W",))).graph
    wide = [n for n in graph.nodes if n.type.rank == 2 and n.op.name == "div"]
    assert all(n.type.shape[1] == 1 for n in wide)
