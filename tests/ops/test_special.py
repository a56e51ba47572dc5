"""Special functions to the last place, at the edges, and out of order; orders of equal elements;
recurrences and norms where they are delicate."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from graphdsl.graph.op import OPS
from graphdsl.graph.types import DType
from ops.harness import Interpreter, apply, apply_in_place, vjp
from ops.references import polygamma
from ops.sweep import Case
from ops.test_sweep import Tape

F = np.float64
RANGES: list[tuple[str, Callable[[float], float], float, float, float]] = [
    ("erf", math.erf, -6, 6, 6e-16),
    ("erf", math.erf, -0.01, 0.01, 6e-16),
    ("erfc", math.erfc, -5, 26, 1e-15),
    ("lgamma", lambda x: math.log(math.gamma(x)), 0.01, 9, 2e-14),
    ("digamma", lambda x: polygamma(0, x), 2, 40, 4e-15),
]


@pytest.mark.parametrize(("name", "exact", "low", "high", "tolerance"), RANGES)
def test_precise(
    name: str, exact: Callable[[float], float], low: float, high: float, tolerance: float
) -> None:
    x = np.random.default_rng(0).uniform(low, high, 5000)
    if name == "lgamma":  # the logarithm is ill-conditioned near 1
        x = x[(np.abs(x - 1) > 0.05) & (np.abs(x - 2) > 0.05)]
    expected = [exact(v) for v in x]
    np.testing.assert_allclose(apply(name, x), expected, rtol=tolerance)


def test_lgamma_of_whole_numbers() -> None:
    """Python takes logarithms of whole numbers of any size."""
    x = np.arange(3, 400)
    expected = [math.log(math.factorial(int(n) - 1)) for n in x]
    np.testing.assert_allclose(apply("lgamma", x.astype(float)), expected, rtol=6e-16)


@pytest.mark.parametrize("top", [0.9, 1 - 1e-6, 1 - 1e-12])
def test_inverse_of_the_error_function(top: float) -> None:
    y = np.linspace(-top, top, 2001)
    x = apply("erfinv", y)
    # an error of x moves erf x by the slope there
    slope = 2 / math.sqrt(math.pi) * np.exp(-x * x)
    off = np.array([math.erf(a) for a in x]) - y
    assert (np.abs(off) <= 6e-16 * (np.abs(y) + slope * np.abs(x))).all()
    assert apply("erfinv", np.array([-1.0, 1.0])).tolist() == [-math.inf, math.inf]


def test_digamma_keeps_its_digits_at_its_root() -> None:
    root, slope = Fraction("1.4616321449683623412626595"), 0.96767224544762
    for x in (1.461632144968, 1.4616321449, 1.4616322):
        distance = float(Fraction(x) - root)
        assert apply("digamma", np.array(x)).item() == pytest.approx(slope * distance, rel=1e-6)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_polygamma(n: int) -> None:
    x = np.random.default_rng(n).uniform(0.05, 60, 500)
    np.testing.assert_allclose(apply("polygamma", x, n=n), [polygamma(n, v) for v in x], rtol=3e-15)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_reflections_below_0(n: int) -> None:
    """ψⁿ(x) = ψⁿ(x + 1) - (-1)ⁿ n! / x^(n + 1) leads from below 0 to above."""
    x = np.array([-0.3, -1.5, -2.75])
    steps = sum((-1) ** n * math.factorial(n) / (x + k) ** (n + 1) for k in range(4))
    expected = [polygamma(n, v + 4) for v in x] - steps
    np.testing.assert_allclose(apply("polygamma", x, n=n), expected, rtol=1e-12)
    below = [polygamma(0, v + 4) - sum(1 / (v + k) for k in range(4)) for v in x]
    np.testing.assert_allclose(apply("digamma", x), below, rtol=1e-12)
    np.testing.assert_allclose(apply("lgamma", x), [math.lgamma(v) for v in x], rtol=1e-13)


@pytest.mark.parametrize("name", ["erf", "erfc", "erfinv", "normal_cdf", "lgamma", "digamma"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_blocks_and_strides(name: str, dtype: Any) -> None:
    """More elements than a block has, and arrays out of order."""
    x = np.random.default_rng(0).uniform(0.1, 0.9, (3, 5000)).astype(dtype)
    whole = apply(name, x)
    np.testing.assert_array_equal(whole[:, ::7], apply(name, x[:, ::7]))
    np.testing.assert_array_equal(whole.T, apply(name, x.T))
    wide = apply(name, x.astype(np.float64))
    np.testing.assert_array_equal(whole, wide.astype(dtype))


def test_exact_gelu_far_below_0() -> None:
    x = np.array([-10.0, -5.0, -1.0, 0.0, 2.0])
    expected = [v * math.erfc(-v / math.sqrt(2)) / 2 for v in x]
    np.testing.assert_allclose(apply("gelu", x, exact=True), expected, rtol=1e-13)
    single = apply("gelu", x.astype(np.float32), exact=True)
    np.testing.assert_allclose(single, expected, rtol=2e-7)


def _normal_tail(x: float) -> float:
    """The chance of a normal number below x, which is below -6, by its continued fraction."""
    with localcontext() as context:
        context.prec = 40
        a = -Decimal(x)
        below = a
        for n in range(150, 0, -1):
            below = a + n / below
        root = (2 * Decimal("3.1415926535897932384626433832795028842")).sqrt()
        return float((-a * a / 2).exp() / root / below)


def test_normal_cdf_keeps_its_digits_far_below_0() -> None:
    x = np.random.default_rng(0).uniform(-37, -6, 500)
    expected = np.array([_normal_tail(v) for v in x])
    np.testing.assert_allclose(apply("normal_cdf", x), expected, rtol=8e-16)
    np.testing.assert_allclose(apply("gelu", x, exact=True), x * expected, rtol=1e-15)


@pytest.mark.parametrize("name", ["silu", "gelu", "mish"])
def test_units_far_below_0_among_others(name: str) -> None:
    """A gate too small for f32 beside a nan, in a later block, out of order and in place."""
    x = np.random.default_rng(0).uniform(-1, 3, (4, 5000)).astype(np.float32)
    alone = apply(name, x)
    far = np.array([-10.09, -91.5, -1000.0], np.float32)
    x[0, 0], x[3, 4000:4003] = np.nan, far
    found = apply(name, x)
    exact = apply(name, far.astype(F)).astype(np.float32)
    np.testing.assert_array_max_ulp(found[3, 4000:4003], exact, 4)
    same = np.ones(x.shape, bool)
    same[0, 0] = same[3, 4000:4003] = False
    np.testing.assert_array_equal(found[same], alone[same])
    assert np.isnan(found[0, 0])
    np.testing.assert_array_equal(apply(name, x.T), found.T)
    s = apply("gelu_gate", x)
    expected = apply("gated_unit", x, s, tail="gelu")
    for position in (0, 1):
        there = apply_in_place(OPS["gated_unit"], position, x, s, tail="gelu")
        np.testing.assert_array_equal(there, expected)


@pytest.mark.parametrize("descending", [False, True])
def test_equal_elements_stay_in_order(descending: bool) -> None:
    x = np.array([2.0, 1.0, 2.0, 1.0, 3.0])
    found = apply("argsort", x, descending=descending)
    assert found.tolist() == ([4, 0, 2, 1, 3] if descending else [1, 3, 0, 2, 4])
    if descending:
        assert apply("argtopk", x, k=3).tolist() == [4, 0, 2]
        assert apply("topk", x, k=3).tolist() == [3, 2, 2]


def test_nan_counts_as_largest() -> None:
    x = np.array([1.0, np.nan, 2.0])
    np.testing.assert_array_equal(apply("sort", x), [1, 2, np.nan])
    np.testing.assert_array_equal(apply("sort", x, descending=True), [np.nan, 2, 1])
    assert apply("argtopk", x, k=2).tolist() == [1, 2]


def test_integers() -> None:
    i = np.array([[3, 0, -2], [5, 4, 1]], np.int32)
    assert apply("prod", i, axis=1).tolist() == [0, 20]
    assert apply("prod", i).dtype == np.int64
    assert apply("cumsum", i, axis=0).tolist() == [[3, 0, -2], [8, 4, -1]]
    assert apply("sort", i).tolist() == [[-2, 0, 3], [1, 4, 5]]
    assert apply("mod", i, np.int32(3)).tolist() == [[0, 0, 1], [2, 1, 1]]
    assert apply("mod", i, i).tolist() == [[0, 0, 0], [0, 0, 0]]
    assert apply("einsum", i, i, equation="ij,ij->i").tolist() == [13, 42]
    assert apply("clip", i, 0, 3).tolist() == [[3, 0, 0], [3, 3, 1]]
    assert apply("pad", i, before=1, axis=1).tolist() == [[0, 3, 0, -2], [0, 5, 4, 1]]
    assert apply("prod", np.zeros((0, 2)), axis=0).tolist() == [1, 1]


def test_gradients_of_products_with_zeros() -> None:
    x = np.array([[2.0, 3, 4], [0, 3, 4], [0, 0, 4], [0, 0, 0]])
    found = vjp(OPS["prod"], 0, np.ones(4), x, axis=1, keepdims=False)
    np.testing.assert_array_equal(found, [[12, 8, 6], [12, 0, 0], [0, 0, 0], [0, 0, 0]])


def test_second_derivatives_of_products_with_zeros() -> None:
    """∂²/∂x₀∂x₁ of x₀ x₁ x₂ at (0, 0, 4) is 4, though the first derivatives are all 0."""
    tape = Tape(
        Case("prod", (np.array([0.0, 0, 4]),), {"axis": None, "keepdims": False}), DType.f64
    )
    (slope,) = tape.gradients(tape.y)
    first = OPS["index"](slope, items=(0,))
    (second,) = tape.gradients(first)
    assert tape.value(slope).tolist() == [0, 0, 0]
    assert tape.value(second).tolist() == [0, 4, 0]


def test_subgradients() -> None:
    zero, one = np.zeros(3), np.ones(())
    assert vjp(OPS["norm"], 0, one, zero, ord=2, axis=None, keepdims=False).tolist() == [0] * 3
    assert vjp(OPS["std"], 0, one, one + zero, axis=None, keepdims=False).tolist() == [0] * 3
    for name, kinks in (("hard_tanh", (-1, 1)), ("relu6", (0, 6)), ("hard_sigmoid", (-3, 3))):
        ends = np.array(kinks, float)
        assert vjp(OPS[name], 0, np.ones(2), ends).tolist() == [0, 0]
    assert OPS["step"].vjp is None
    assert apply("step", np.array([-1.0, 0.0, 1e-300, np.nan])).tolist() == [0, 0, 1, 0]
    x = np.array([-1.0, 1])
    assert vjp(OPS["clip"], 0, np.ones(2), x, np.array(-1.0), np.array(1.0)).tolist() == [1, 1]


def test_a_large_triangular_system() -> None:
    """In blocks, and the other triangle is not read."""
    rng = np.random.default_rng(0)
    a = np.tril(rng.uniform(-1, 1, (200, 200))) / 10 + np.eye(200) * 3
    b = rng.uniform(-1, 1, (200, 3))
    for lower, matrix, other in ((True, a, np.nan * np.triu(a.T, 1)), (False, a.T, np.nan * a)):
        unread = np.where(np.eye(200) + matrix, matrix, other)
        found = apply("triangular_solve", unread, b, lower=lower)
        np.testing.assert_allclose(matrix @ found, b, atol=1e-12)


def test_einsum_is_products_of_matrices() -> None:
    def called(equation: str, *shapes: tuple[int, ...]) -> list[str]:
        rng = np.random.default_rng(0)
        operands = tuple(rng.uniform(size=s) for s in shapes)
        tape = Tape(Case("einsum", operands, {"equation": equation}), DType.f64)
        feeds = {e.id: v for e, v in zip(tape.inputs, operands, strict=True)}
        run = Interpreter(tape.builder, feeds)
        run.value(tape.y)
        return [line.partition("(")[0].rpartition(".")[2] for line in run.lines]

    assert called("ij,kj->ik", (3, 4), (5, 4)) == ["dot"]
    assert called("ij,jk->ki", (3, 4), (4, 5)) == ["dot"]
    assert called("bij,bkj->bik", (2, 3, 4), (2, 5, 4)) == ["matmul"]
    assert called("nc,cd,de->ne", (9, 3), (3, 4), (4, 2)) == ["dot", "dot"]
    assert called("bihd,bjhd->bhij", (2, 3, 2, 4), (2, 3, 2, 4)) == ["copyto", "copyto", "matmul"]
    # the order of contraction: the small product first
    assert called("ij,jk,k->i", (30, 40), (40, 50), (50,)) == ["dot", "dot"]
