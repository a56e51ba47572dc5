"""Symbolic sizes: arithmetic that agrees with numbers, equality, and how they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdsl.graph.sizes import (
    Size,
    divide,
    evaluate,
    minimum,
    opaque,
    product,
    symbol,
    symbols,
)

N, T = symbol("N"), symbol("T")
NUMBERS = st.integers(-6, 6)


@st.composite
def polynomials(draw: st.DrawFn) -> Size:
    """Sums of products of N, T and numbers."""
    total: Size = draw(NUMBERS)
    for _ in range(draw(st.integers(0, 3))):
        total = total + draw(NUMBERS) * draw(st.sampled_from([N, T, N * T, N * N]))
    return total


@given(polynomials(), polynomials(), st.integers(0, 9), st.integers(0, 9))
def test_arithmetic_is_that_of_numbers(a: Size, b: Size, n: int, t: int) -> None:
    binding = {"N": n, "T": t}
    x, y = evaluate(a, binding), evaluate(b, binding)
    assert evaluate(a + b, binding) == x + y
    assert evaluate(a - b, binding) == x - y
    assert evaluate(a * b, binding) == x * y
    assert evaluate(minimum(a, b), binding) == min(x, y)
    if y:
        assert evaluate(opaque("floor", a, b), binding) == x // y


@given(polynomials(), polynomials())
def test_equal_sizes_are_equal_values(a: Size, b: Size) -> None:
    assert (a + b) - b == a
    assert a + b == b + a
    assert hash(a * b) == hash(b * a)
    assert a - a == 0
    assert isinstance(a - a, int)


@given(polynomials(), polynomials())
def test_division_undoes_multiplication(a: Size, b: Size) -> None:
    quotient = divide(a * b, b)
    if quotient is not None:
        assert quotient * b == a * b
    if b != 0 and isinstance(b, int):
        assert quotient == a


def test_division_is_exact_or_refused() -> None:
    assert divide(6 * N * T, 3 * N) == 2 * T
    assert divide(6 * N, 4) is None
    assert divide(N, T) is None
    assert divide(N + 1, N + 1) == 1
    assert divide(N, 0) is None
    assert divide(7, 2) is None
    assert (N * 4) // 2 == 2 * N
    assert opaque("floor", N + 1, 2) == (N + 1) // 2


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (N, "N"),
        (2 * N + 1, "2*N + 1"),
        (1 - N, "-N + 1"),
        (N * T - T, "N*T - T"),
        (N * N, "N^2"),
        (minimum(N, 5), "min(N, 5)"),
        ((N + 1) // 2, "floor((N + 1) / 2)"),
        (2 * N // 3, "floor(2*N / 3)"),
        (N // (2 * T), "floor(N / (2*T))"),
        (N // (T * T), "floor(N / T^2)"),
        ((N - 1) // (T + 1), "floor((N - 1) / (T + 1))"),
        (N // -2, "floor(N / (-2))"),
        (3 * ((N + 1) // 2) + 1, "3*floor((N + 1) / 2) + 1"),
        (minimum(N + 1, 2 * T) // 2, "floor(min(N + 1, 2*T) / 2)"),
    ],
)
def test_text(size: Size, text: str) -> None:
    assert str(size) == text


@given(polynomials(), polynomials(), polynomials(), st.integers(0, 9), st.integers(0, 9))
def test_text_says_what_is_computed(a: Size, b: Size, c: Size, n: int, t: int) -> None:
    binding = {"N": n, "T": t}
    below = evaluate(b, binding)
    size = minimum(opaque("floor", a, b), c) + c * opaque("floor", c, 2)
    if not below:
        return
    text = str(size).replace("^", "**").replace(" / ", " // ")  # floor(a / b) has whole operands
    names = {"floor": int, "min": min, "N": n, "T": t}
    assert eval(text, {"__builtins__": {}}, names) == evaluate(size, binding)


def test_symbols_and_evaluation() -> None:
    assert symbols(N * T + minimum(N, symbol("M"))) == {"N", "T", "M"}
    assert symbols(3) == set()
    assert product([N, 2, T]) == 2 * N * T
    assert product([]) == 1
    assert evaluate((N + 1) // 2, {"N": 6}) == 3
    with pytest.raises(KeyError, match="T"):
        evaluate(N * T, {"N": 1})


def test_opaque_terms_are_equal_to_themselves_alone() -> None:
    assert minimum(N, 5) - minimum(N, 5) == 0
    assert minimum(N, 5) != minimum(N, 4)
    assert minimum(N, N) == N
    assert minimum(3, 4) == 3
