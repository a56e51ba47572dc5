"""Choices between a tensor and 0 are made by kernels of their own, and mean the same."""

from __future__ import annotations

import numpy as np
import pytest

import graphdsl
from graphdsl.driver import Compilation, Purpose, compile_source
from graphdsl.graph.types import DType
from graphdsl.language.source import Source

HEAD = "input x: [6]\ninput c: bool[6]\nparam w = 1\n"


def compile_text(text: str) -> Compilation:
    return compile_source(Source(HEAD + text))


def ops_of(text: str, purpose: Purpose) -> set[str]:
    return {node.op.name for node in compile_text(text).compiled(purpose).graph.nodes}


@pytest.mark.parametrize(
    ("chosen", "gated"),
    [
        ("where(c, x, 0)", True),
        ("where(x > 1, x^3, 0.0)", True),
        ("where(c, x, -0.0)", False),
        ("where(c, 0, x)", False),
        ("where(c, x, 1)", False),
    ],
)
def test_a_choice_of_zero_is_a_gate(chosen: str, gated: bool) -> None:
    found = ops_of(f"output y = {chosen}\n", Purpose(("y",)))
    assert ("gate" in found, "where" in found) == (gated, not gated)


def test_the_gradient_of_relu_looks_at_its_bits() -> None:
    found = ops_of("loss J = sum(relu(x * w)^3)\n", Purpose(("J",), ("w",)))
    assert "relu_gate" in found
    assert not found & {"where", "gate", "greater"}


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("dtype", [DType.f32, DType.f64], ids=str)
def test_the_gradient_of_relu_is_the_cotangent_or_zero(dtype: DType, engine: str) -> None:
    """To the bit, also infinite ones; a nan has it whichever sign it has."""
    pytest.importorskip(engine)
    text = "input x: [7]\ninput g: [7]\nloss J = sum(relu(x) * g)\n"
    model = graphdsl.loads(text, dtype=str(dtype), engine=engine)
    x = np.array([np.nan, -np.nan, 0, -0.0, 1e-45, -1, np.inf], dtype.numpy)
    g = np.array([2, 3, 4, np.inf, -5, np.nan, -np.inf], dtype.numpy)
    gradient = model.value_and_grad(x=x, g=g, wrt=("x",))[1]["x"]
    expected = np.array([2, 3, 0, 0, -5, 0, -np.inf], dtype.numpy)
    assert gradient.tobytes() == expected.tobytes()


def test_what_the_text_says_of_a_relu_is_kept_for_nan() -> None:
    model = graphdsl.loads("input x: [3]\noutput y = where(relu(x) > 0, x * 0 + 1, 0)\n")
    np.testing.assert_array_equal(model.run(x=[np.nan, 2, -2])["y"], [0, 1, 0])


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_values_are_those_of_where(dtype: str) -> None:
    text = (
        "input x: [4]\ninput c: bool[4]\noutput y = where(c, x, 0)\noutput z = where(c, x, -0.0)\n"
    )
    model = graphdsl.loads(text, dtype=dtype)
    found = model.run(x=[np.nan, np.inf, -0.0, 3], c=[True, False, True, False])
    np.testing.assert_array_equal(found["y"], [np.nan, 0, -0.0, 0])
    assert np.signbit(found["y"]).tolist()[1:] == [False, True, False]
    assert np.signbit(found["z"]).tolist()[1:] == [True, True, True]
