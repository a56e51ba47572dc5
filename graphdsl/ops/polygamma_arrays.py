"""The derivatives of digamma on arrays (see `blocks`)."""

from __future__ import annotations

import math

import numpy as np

from graphdsl.ops.blocks import Array, horner, in_blocks
from graphdsl.ops.gamma_arrays import cotangent

# B₂ⱼ / (2j)!, of the formula of Euler and Maclaurin
_BERNOULLI = tuple(
    b / math.factorial(2 * j)
    for j, b in enumerate((1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6), 1)
)
_SHIFT = 10


def _polygamma(n: int, rows: Array) -> None:
    """n! Σₖ (x + k)^-(n + 1), ten terms summed and the rest by the formula of Euler and Maclaurin;
    below 0 by reflection."""
    x, y, a, z, u, v = rows[:6]
    mask = rows[6].view(np.bool_)[: x.size]
    np.less(x, 0.0, mask)
    np.absolute(x, a)
    np.add(a, 1.0, a, where=mask)
    np.copyto(y, 0.0)
    for k in range(_SHIFT):
        np.add(a, k, z)
        np.divide(1.0, z, z)
        _whole_power(z, n + 1, u, v)
        np.add(y, u, y)
    np.add(a, _SHIFT, z)
    np.divide(1.0, z, z)
    # z^n / n + z^(n+1) / 2 + Σ B₂ⱼ/(2j)! (n+1) … (n+2j-1) z^(n+2j)
    series = [1 / n, 0.5]
    for j, b in enumerate(_BERNOULLI, 1):
        series += [b * math.prod(range(n + 1, n + 2 * j)), 0.0]
    horner(series[:-1], z, u)
    _whole_power(z, n, v, rows[7])
    np.multiply(u, v, u)
    np.add(y, u, y)
    np.multiply(y, math.factorial(n) * (-1) ** (n + 1), y)
    if mask.any():
        # ψⁿ(x) = (-1)ⁿ ψⁿ(1 - x) - dⁿ/dxⁿ π cot πx, a polynomial in the cotangent
        np.absolute(x, a)
        cotangent(a, z)
        np.negative(z, z)
        horner(_cotangent_derivative(n), z, u)
        np.multiply(y, (-1) ** n, v)
        np.subtract(v, u, y, where=mask)


def _whole_power(z: Array, n: int, out: Array, square: Array) -> None:
    """z^n by repeated squaring."""
    np.copyto(square, z)
    np.copyto(out, z if n % 2 else 1.0)
    while n := n // 2:
        np.multiply(square, square, square)
        if n % 2:
            np.multiply(out, square, out)


def _cotangent_derivative(n: int) -> list[float]:
    """The n-th derivative of π cot πx as a polynomial in c = cot πx: c' = -π (1 + c²)."""
    p = [0.0, math.pi]
    for _ in range(n):
        slope = [-math.pi * k * c for k, c in enumerate(p)][1:]
        p = [a + b for a, b in zip([*slope, 0.0, 0.0], [0.0, 0.0, *slope], strict=True)]
    return p


def polygamma(n: int, x: Array, out: Array, work: Array) -> None:
    """The n-th derivative of ψ, n at least 1."""
    in_blocks(lambda rows: _polygamma(n, rows), x, out, work)
