"""Gradients in the text of a model: of gradients, and trained through."""

from __future__ import annotations

import numpy as np
import pytest

import graphdsl
from compiler.lowering import value_of


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
