"""Functions of Python floats that the ops' `scalar` formulas call.

They follow IEEE 754 where `math` raises: 1/0 is inf, ln(-1) is nan, exp(1000) is inf. Programs
use them for untyped scalars, such as an optimizer's 1 - beta^t.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from graphdsl.ops import erf_arrays, gamma_arrays
from graphdsl.ops.blocks import ROWS, Array
from graphdsl.ops.unit_arrays import CUBIC, LINEAR


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
    e = _exp(min(x, 40.0))  # beyond, the result is 1 to the last bit
    return e / (1.0 + e)


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


def _rint(x: float) -> float:
    return math.copysign(round(x), x) if math.isfinite(x) else x


def _ceil(x: float) -> float:
    return math.copysign(math.ceil(x), x) if math.isfinite(x) else x


def _trunc(x: float) -> float:
    return math.copysign(math.trunc(x), x) if math.isfinite(x) else x


def _mod(a: float, b: float) -> float:
    if not b:
        return 0 if isinstance(a, int) and isinstance(b, int) else math.nan
    return a % b


def _exp2(x: float) -> float:
    return _unbounded(math.exp2, x)


def _log2(x: float) -> float:
    if x > 0:
        return math.log2(x)
    return -math.inf if x == 0 else math.nan


def _log10(x: float) -> float:
    if x > 0:
        return math.log10(x)
    return -math.inf if x == 0 else math.nan


def _asin(x: float) -> float:
    return math.asin(x) if -1 <= x <= 1 else math.nan


def _acos(x: float) -> float:
    return math.acos(x) if -1 <= x <= 1 else math.nan


def _atan(x: float) -> float:
    return math.atan(x)


def _atan2(a: float, b: float) -> float:
    return math.atan2(a, b)


def _cbrt(x: float) -> float:
    return math.cbrt(x)


def _asinh(x: float) -> float:
    return math.asinh(x)


def _erf(x: float) -> float:
    return math.erf(x)


def _erfc(x: float) -> float:
    return math.erfc(x)


def _normal_cdf(x: float) -> float:
    return _on_array(erf_arrays.normal_cdf, x)


def _gelu_gate(x: float) -> float:
    return _sigmoid(x * (LINEAR + CUBIC * x * x))


def _isinf(x: float) -> bool:
    return math.isinf(x)


def _isfinite(x: float) -> bool:
    return math.isfinite(x)


def _sinh(x: float) -> float:
    return math.copysign(_unbounded(math.sinh, abs(x)), x)


def _cosh(x: float) -> float:
    return _unbounded(math.cosh, x)


def _acosh(x: float) -> float:
    return math.acosh(x) if x >= 1 else math.nan


def _atanh(x: float) -> float:
    if abs(x) == 1:
        return math.copysign(math.inf, x)
    return math.atanh(x) if -1 < x < 1 else math.nan


def _erfinv(x: float) -> float:
    return _on_array(erf_arrays.erfinv, x)


def _lgamma(x: float) -> float:
    return _on_array(gamma_arrays.lgamma, x)


def _digamma(x: float) -> float:
    return _on_array(gamma_arrays.digamma, x)


def _on_array(function: Callable[[Array, Array, Array], None], x: float) -> float:
    """A function of arrays at one number."""
    value = np.array([x], np.float64)
    with np.errstate(all="ignore"):
        function(value, value, np.empty((ROWS, 1)))
    return float(value[0])


def _plus(a: float, b: float) -> float:
    """One step of a sum over many, in any order."""
    return a + b


def _largest(a: float, b: float) -> float:
    """One step of the largest of many."""
    return _maximum(a, b)


def _smallest(a: float, b: float) -> float:
    """One step of the smallest of many."""
    return _minimum(a, b)
