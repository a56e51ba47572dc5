"""Functions at ±0, ±1, ±2, ±inf and nan: value, first and second derivative as JAX has them in f64,
but for what is listed with its reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.language.parser import parse
from graphdsl.language.source import Source

jax = pytest.importorskip("jax", reason="jax, the reference, is not installed")

from ops.jax_programs import run  # noqa: E402 -- it needs jax

INF, NAN = np.inf, np.nan
POINTS = np.array([-INF, -2, -1, -0.0, 0.0, 1, 2, INF, NAN])
EXPRESSIONS = (
    *("cbrt(x)", "sqrt(x)", "rsqrt(x)", "reciprocal(x)", "1 / x", "x^(1/3)", "x^0.5", "x^1.5"),
    *("x^-1", "x^1", "x^2", "x^3", "square(x)", "abs(x)"),
    *("asin(x)", "acos(x)", "atan(x)", "asinh(x)", "acosh(x)", "atanh(x)"),
    *("exp(x)", "exp2(x)", "expm1(x)", "ln(x)", "log2(x)", "log10(x)", "log1p(x)"),
    *("sin(x)", "cos(x)", "tan(x)", "sinh(x)", "cosh(x)", "tanh(x)"),
    *("erf(x)", "erfc(x)", "erfinv(x)", "normal_cdf(x)", "lgamma(x)", "digamma(x)"),
    *("sigmoid(x)", "softplus(x)", "silu(x)", "mish(x)", "gelu(x)", "gelu(x, exact = true)"),
    *("elu(x)", "selu(x)", "softsign(x)", "relu(x)"),
)
POLE = "JAX has nan at a pole"
KINK = "0, between both sides, for |x|"
OWN: dict[tuple[str, int], tuple[dict[float, float], str]] = {
    ("x^0.5", 0): ({-INF: NAN}, "NumPy takes the square root"),
    ("x^1.5", 1): ({-INF: NAN}, "NumPy takes the square root"),
    ("atanh(x)", 2): ({-INF: NAN, -1: -INF, 1: INF, INF: NAN}, "the limit, and nan outside"),
    ("abs(x)", 1): ({0: 0, NAN: NAN}, KINK),
    ("softsign(x)", 1): ({-INF: 0, INF: 0}, "the limit"),
    ("softsign(x)", 2): ({0: 0}, KINK),
    ("relu(x)", 1): ({NAN: 1}, "the loss is a nan already"),
    ("digamma(x)", 0): ({0: -INF}, POLE),
    ("digamma(x)", 1): ({-INF: NAN, INF: 0}, "the limit, and where the function itself is nan"),
    ("digamma(x)", 2): ({-2: INF, -1: INF, 0: -INF, INF: 0}, POLE),
    ("lgamma(x)", 1): ({0: -INF}, POLE),
    ("lgamma(x)", 2): ({-INF: NAN, INF: 0}, "as digamma"),
}
"""What is otherwise than in JAX, by expression and order: our values at points, and the reason."""
NUMPY_S = {("x^0.5", 0), ("x^1.5", 1)}
"""Those that a compiled program has as JAX has them."""


def _ours(expr: str) -> list[Any]:
    text = (
        f"input x: [{len(POINTS)}]\nJ = sum({expr})\ng = grad(J, x)\n"
        f"output y0 = {expr}\noutput y1 = g\noutput y2 = grad(sum(g), x)\n"
    )
    found = graphdsl.loads(text, dtype="f64").run(x=POINTS)
    return [found[f"y{order}"] for order in range(3)]


def _theirs(expr: str) -> list[Any]:
    bare = parse(Source(f"input x: [{len(POINTS)}]\nloss J = {expr}\n"))

    def value(x: Any) -> Any:
        return run(bare, {"x": x})

    def slope(x: Any) -> Any:
        return jax.grad(lambda x: value(x).sum())(x)

    second = jax.grad(lambda x: slope(x).sum())(POINTS)
    return [np.asarray(each) for each in (value(POINTS), slope(POINTS), second)]


def _at(point: float) -> Any:
    """Where the points are `point`; -0 and 0 are one."""
    return np.isnan(POINTS) if np.isnan(point) else point == POINTS


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_at_special_points(expr: str, request: pytest.FixtureRequest) -> None:
    agreeing = NUMPY_S if request.config.getoption("--engine") == "numba" else set()
    for order, (found, expected) in enumerate(zip(_ours(expr), _theirs(expr), strict=True)):
        wanted = np.array(expected)
        own = OWN.get((expr, order), ({}, ""))[0] if (expr, order) not in agreeing else {}
        for point, value in own.items():
            wanted[_at(point)] = value
        np.testing.assert_allclose(found, wanted, 1e-9, 1e-12, err_msg=f"{expr}, order {order}")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("expr", "order"), OWN, ids=str)
def test_what_is_otherwise_is(expr: str, order: int) -> None:
    """Nothing is listed that agrees with JAX."""
    expected = _theirs(expr)[order]
    for point, value in OWN[expr, order][0].items():
        assert not np.isclose(value, expected[_at(point)], equal_nan=True).any(), point
