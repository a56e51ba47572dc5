"""Derivatives as expressions and as methods: Jacobians in denominator layout, second order."""

import numpy as np
import pytest

import graphdsl

X = np.array([0.3, -1.2, 0.7])


def quadratic() -> graphdsl.Model:
    """J = xᵀ A x / 2 + Σ sin x, whose Hessian is the symmetric part of A less diag(sin x)."""
    return graphdsl.loads(
        "input x: [3]\nparam A: [3, 3] ~ normal()\ny = sin(x) @ A\n"
        "loss J = x @ A @ x / 2 + sum(sin(x))",
        dtype="f64",
    )


def test_the_jacobian_has_the_sizes_of_x_first() -> None:
    model = quadratic()
    A = model.params["A"]
    expected = np.diag(np.cos(X)) @ A  # ∂y_j/∂x_i = cos(x_i) A_ij
    np.testing.assert_allclose(model.jacobian("y", "x", x=X), expected, rtol=1e-12)
    found = model.jacobian("y", "A", x=X)
    assert found.shape == (3, 3, 3)
    np.testing.assert_allclose(found, np.einsum("i,jk->ijk", np.sin(X), np.eye(3)), atol=1e-15)


def test_the_hessian_and_its_products() -> None:
    model = quadratic()
    A, v = model.params["A"], np.array([1.0, -2.0, 0.5])
    H = (A + A.T) / 2 - np.diag(np.sin(X))
    np.testing.assert_allclose(model.hessian("J", "x", x=X), H, rtol=1e-12)
    np.testing.assert_allclose(model.hvp("J", "x", v, x=X), H @ v, rtol=1e-12)
    np.testing.assert_allclose(model.jvp("y", "x", v, x=X), v * np.cos(X) @ A, rtol=1e-12)


def test_expressions_give_what_the_methods_give() -> None:
    text = (
        "input x: [3]\ninput v: [3]\ny = exp(x) * x\nJ = sum(y^2)\noutput D = jacobian(y, x)\n"
        "output H = hessian(J, x)\noutput p = hvp(J, x, v)\noutput t1 = jvp(y, x, v)"
    )
    model = graphdsl.loads(text, dtype="f64")
    v = np.array([2.0, 0.0, -1.0])
    found = model.run(x=X, v=v)
    np.testing.assert_allclose(found["D"], model.jacobian("y", "x", x=X), rtol=1e-13)
    np.testing.assert_allclose(found["p"], found["H"] @ v, rtol=1e-12)
    np.testing.assert_allclose(found["t1"], v @ found["D"], rtol=1e-12)


def test_a_direction_that_depends_on_the_point_is_a_direction_still() -> None:
    """Nothing is differentiated through v: H v and v ∂y/∂x, not the derivative of ⟨g, v⟩."""
    text = (
        "input x: [3]\nJ = sum(x^3) + prod(x)\ng = grad(J, x)\nH = hessian(J, x)\n"
        "output p = hvp(J, x, g)\noutput q = H @ g\noutput r = hvp(J, x, x)\noutput s = H @ x\n"
        "output t = jvp(g, x, g)\noutput w = hvp(J, x, [1, 0, 2])\noutput u = H @ [1, 0, 2]"
    )
    found = graphdsl.loads(text, dtype="f64").run(x=X)
    for one, other in ("pq", "rs", "tq", "wu"):
        np.testing.assert_allclose(found[one], found[other], rtol=1e-13)


def test_the_chain_rule_in_this_layout() -> None:
    """LECTURE L7: ∂y/∂x = (∂u/∂x)(∂y/∂u)."""
    model = graphdsl.loads(
        "input x: [3]\nparam A: [3, 4] ~ normal()\nu = tanh(x @ A)\ny = u^2 @ ones([4, 2])",
        dtype="f64",
    )
    product = model.jacobian("u", "x", x=X) @ model.jacobian("y", "u", x=X)
    np.testing.assert_allclose(model.jacobian("y", "x", x=X), product, rtol=1e-12)


def test_third_order() -> None:
    text = "input x\ny = x^5\ng = grad(y, x)\nh = grad(g, x)\noutput k = grad(h, x)"
    assert graphdsl.loads(text, dtype="f64").run(x=2)["k"] == 60 * 4


def test_a_derivative_of_nothing_is_zero_with_a_warning() -> None:
    model = graphdsl.loads("input x: [2]\ninput z: [2]\ny = sum(x)\noutput g = grad(y, z) + x")
    assert [w.code for w in model.compilation.lowered().warnings] == ["W0111"]
    assert model.run(x=[1, 2], z=[0, 0])["g"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("output D = jacobian(x, x)", "E0704"),
        ("output H = hessian(w, w)", "E0701"),
        ("J = sum(w)\noutput p = hvp(J, w, [1, 2])", "E0201"),
        ("J = sum(w)\noutput p = jvp(J, w[0], w)", "E0703"),
        ("J = sum(w)\noutput p = hvp(J, w)", "E0408"),
        ("c = argmax(w)\noutput D = jacobian(c, w)", "E0702"),
    ],
)
def test_faults(line: str, code: str) -> None:
    with pytest.raises(graphdsl.ModelError) as caught:
        graphdsl.loads(f"dim N\ninput x: [N]\nparam w: [3] = 1\n{line}\n")
    assert [d.code for d in caught.value.diagnostics] == [code]


def test_methods_refuse_what_cannot_be() -> None:
    model = graphdsl.loads("dim N\ninput x: [N]\ny = x^2\noutput s = sum(y)")
    with pytest.raises(graphdsl.UsageError, match="constant sizes"):
        model.jacobian("y", "x", x=X)
    with pytest.raises(graphdsl.UsageError, match="scalar"):
        model.hessian("y", "x", x=X)
    with pytest.raises(graphdsl.UsageError, match="no node"):
        model.jacobian("nobody", "x", x=X)
