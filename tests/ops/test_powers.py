"""Powers: derivatives where the base or the exponent is 0, and slopes that are infinite."""

from __future__ import annotations

import numpy as np
import pytest

import graphdsl

BASES = [3.0, 3.0, 2.0, 0.5, 0.0, -2.0, 1e-310]
EXPONENTS = [0.0, 1.0, -1.0, 0.0, 0.0, 0.0, 0.0]
SECOND = """
input a: [7]
input b: [7]
J = sum(a^b)
da = grad(J, a)
db = grad(J, b)
output first = da
output mixed = grad(sum(da), b)
output turned = grad(sum(db), a)
"""


def test_both_orders_of_a_mixed_derivative_agree_where_the_exponent_is_0() -> None:
    """∂²(a^b)/∂a∂b = a^(b-1) (1 + b ln a), which is 1/a at b = 0, though b a^(b-1) is 0 there."""
    found = graphdsl.loads(SECOND, dtype="f64").run(a=BASES, b=EXPONENTS)
    a, b = np.array(BASES[:4]), np.array(EXPONENTS[:4])
    expected = a ** (b - 1) * (1 + b * np.log(a))
    np.testing.assert_allclose(found["mixed"][:4], expected, rtol=1e-14)
    np.testing.assert_allclose(found["turned"][:4], expected, rtol=1e-14)


def test_the_slope_of_a_power_0_is_0_at_every_base() -> None:
    """At 0 too, and where 1 / a is more than a float holds: 0 times inf is no number."""
    found = graphdsl.loads(SECOND, dtype="f64").run(a=BASES, b=EXPONENTS)
    assert found["first"].tolist() == [0, 1, -0.25, 0, 0, 0, 0]


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_one_minus_square_keeps_its_digits_near_1(dtype: str) -> None:
    """1 - (1 - u)² is 2u - u², whatever becomes of the square."""
    single = np.float32 if dtype == "f32" else np.float64
    u = np.array([2.0**-20, 2.0**-23, 0.0, 0.5], np.float64)
    x = (1 - u).astype(single)
    assert (x.astype(np.float64) == 1 - u).all()
    model = graphdsl.loads("input x: [4]\noutput y = one_minus_square(x)", dtype=dtype)
    np.testing.assert_allclose(model.run(x=x)["y"], 2 * u - u * u, rtol=4 * np.finfo(single).eps)


@pytest.mark.parametrize(
    ("function", "at", "slope", "bend"),
    [
        ("asin", [1, -1], [np.inf, np.inf], [np.inf, -np.inf]),
        ("acos", [1, -1], [-np.inf, -np.inf], [-np.inf, np.inf]),
        ("acosh", [1, 1], [np.inf, np.inf], [-np.inf, -np.inf]),
        ("atanh", [1, -1], [np.inf, np.inf], [np.inf, -np.inf]),
    ],
)
def test_infinite_slopes_and_what_they_do_there(
    function: str, at: list[float], slope: list[float], bend: list[float]
) -> None:
    """The limits, to second order."""
    text = (
        f"input x: [2]\ng = grad(sum({function}(x)), x)\noutput slope = g\n"
        "output bend = grad(sum(g), x)"
    )
    found = graphdsl.loads(text, dtype="f64").run(x=at)
    assert found["slope"].tolist() == slope
    assert found["bend"].tolist() == bend
