"""Functions of Python floats that the ops' `scalar` formulas call.

They follow IEEE 754 where `math` raises: 1/0 is inf, ln(-1) is nan, exp(1000) is inf. Programs
use them for untyped scalars, such as an optimizer's 1 - beta^t.
"""

from __future__ import annotations

import math
from collections.abc import Callable


def _div(a: float, b: float) -> float:
    if b:
        return a / b
    if a == 0 or a != a or b != b:
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def _pow(a: float, b: float) -> float:
    try:
        return math.pow(a, b)
    except OverflowError:
        return -math.inf if a < 0 and b % 2 == 1 else math.inf
    except ValueError:
        if a:  # a root of a negative number
            return math.nan
        odd = b == math.floor(b) and b % 2 == 1
        return math.copysign(math.inf, a) if odd else math.inf


def _sqrt(x: float) -> float:
    return math.sqrt(x) if x >= 0 else math.nan


def _ln(x: float) -> float:
    if x > 0:
        return math.log(x)
    return -math.inf if x == 0 else math.nan


def _log1p(x: float) -> float:
    if x > -1:
        return math.log1p(x)
    return -math.inf if x == -1 else math.nan


def _exp(x: float) -> float:
    return _unbounded(math.exp, x)


def _expm1(x: float) -> float:
    return _unbounded(math.expm1, x)


def _sin(x: float) -> float:
    return math.sin(x) if math.isfinite(x) else math.nan


def _cos(x: float) -> float:
    return math.cos(x) if math.isfinite(x) else math.nan


def _tan(x: float) -> float:
    return math.tan(x) if math.isfinite(x) else math.nan


def _tanh(x: float) -> float:
    return math.tanh(x)


def _floor(x: float) -> float:
    return float(math.floor(x)) if math.isfinite(x) else x


def _sign(x: float) -> float:
    return math.copysign(1.0, x) if x and x == x else x


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + _exp(-x))


def _softplus(x: float) -> float:
    return _maximum(x, 0.0) + math.log1p(_exp(-abs(x)))


def _maximum(a: float, b: float) -> float:
    return a if a >= b or a != a else b


def _minimum(a: float, b: float) -> float:
    return a if a <= b or a != a else b


def _unbounded(function: Callable[[float], float], x: float) -> float:
    try:
        return function(x)
    except OverflowError:
        return math.inf
