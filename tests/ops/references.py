"""What elementwise ops compute, in f64 and by other means: NumPy, and the standard library."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np


def sigmoid(x: Any) -> Any:
    """The logistic function."""
    return 1 / (1 + np.exp(-x))


def each(function: Callable[[float], float]) -> Callable[[Any], Any]:
    """A function of numbers, for arrays."""

    def apply(x: Any) -> Any:
        flat = [function(float(v)) for v in np.asarray(x).ravel()]
        return np.array(flat, np.float64).reshape(np.shape(x))

    return apply


def inverse_erf(y: float) -> float:
    """The x with erf x = y, by Newton's method."""
    x = 0.0
    for _ in range(60):
        x -= (math.erf(x) - y) / (2 / math.sqrt(math.pi) * math.exp(-x * x))
    return x


def polygamma(n: int, x: float) -> float:
    """The n-th derivative of digamma: shifted to x >= 20, and the asymptotic series there."""
    total = 0.0
    while x < 20:
        total += (-1) ** (n + 1) * math.factorial(n) / x ** (n + 1) if n else -1 / x
        x += 1
    bernoulli = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)
    if not n:
        series = (b / (2 * j * x ** (2 * j)) for j, b in enumerate(bernoulli, 1))
        return total + math.log(x) - 1 / (2 * x) - sum(series)
    tail = math.factorial(n - 1) / x**n + math.factorial(n) / (2 * x ** (n + 1))
    for j, b in enumerate(bernoulli, 1):
        tail += b * math.factorial(2 * j + n - 1) / math.factorial(2 * j) / x ** (2 * j + n)
    return total + (-1) ** (n + 1) * tail


def normal_cdf(x: float) -> float:
    """The chance that a standard normal number is below x."""
    return math.erfc(-x / math.sqrt(2)) / 2


REFERENCES: dict[str, Callable[..., Any]] = {
    "exp2": np.exp2,
    "log2": np.log2,
    "log10": np.log10,
    "cbrt": np.cbrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "reciprocal": lambda x: 1 / x,
    "one_minus_square": lambda x: 1 - x * x,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "erf": each(math.erf),
    "erfc": each(math.erfc),
    "erfinv": each(inverse_erf),
    "normal_cdf": each(normal_cdf),
    "lgamma": each(math.lgamma),
    "digamma": each(lambda x: polygamma(0, x)),
    "ceil": np.ceil,
    "round": np.round,
    "trunc": np.trunc,
    "mod": np.mod,
    "clip": np.clip,
    "isnan": np.isnan,
    "isinf": np.isinf,
    "isfinite": np.isfinite,
    "selu": lambda x: (
        1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0)))
    ),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "hard_sigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "relu6": lambda x: np.clip(x, 0, 6),
    "step": lambda x: np.where(x > 0, 1.0, 0.0),
}
