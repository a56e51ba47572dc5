"""The functions that the ops' `scalar` formulas call, for compiled kernels.

`ops.scalars` has them for Python numbers; here each is given what it means for f32, f64 and
integers. `KNOWN` names those that there are.
"""

# mypy: ignore-errors

from __future__ import annotations

import math

import numpy as np
from numba import types
from numba.extending import overload

from graphdsl.engines.numba import elementary
from graphdsl.engines.numba.bits import larger, smaller
from graphdsl.engines.numba.decorators import FUSED, summing
from graphdsl.ops import scalars
from graphdsl.ops.unit_arrays import CUBIC, LINEAR

KNOWN: dict[str, object] = {"abs": abs}
"""What a formula may call, by name."""


def _known(implementation):
    """Take up an implementation of the function of the same name in `ops.scalars`."""
    function = getattr(scalars, implementation.__name__)
    KNOWN[implementation.__name__] = function
    overload(function, jit_options={"error_model": "numpy", "fastmath": FUSED})(implementation)
    return implementation


def _single(x):
    return x == types.float32


def _by_type(name):
    """The function of `elementary` for a type."""

    def choose(x):
        chosen = getattr(elementary, f"{name}_{'f32' if _single(x) else 'f64'}")
        return lambda x: chosen(x)

    choose.__name__ = f"_{name}"
    return _known(choose)


for _name in ("exp", "ln", "tanh"):
    _by_type(_name)


def _from_library(name, function=None):
    """A function of the C library, in the type of its operand."""
    called = function or getattr(math, name)

    def choose(x):
        if _single(x):
            return lambda x: np.float32(called(x))
        return lambda x: called(x)

    choose.__name__ = f"_{name}"
    return _known(choose)


for _name in ("expm1", "sin", "cos", "tan", "sinh", "cosh", "asin", "acos", "atan"):
    _from_library(_name)
for _name in ("asinh", "acosh", "atanh", "erf", "erfc"):
    _from_library(_name)
for _name, _function in (
    ("sqrt", np.sqrt),
    ("floor", np.floor),
    ("ceil", np.ceil),
    ("trunc", np.trunc),
    ("rint", np.rint),
    ("cbrt", np.cbrt),
    ("exp2", np.exp2),
    ("log2", np.log2),
    ("log10", np.log10),
):
    _from_library(_name, _function)


@_known
def _log1p(x):
    if _single(x):
        return lambda x: np.float32(elementary.log1p_f64(np.float64(x)))
    return lambda x: elementary.log1p_f64(x)


@_known
def _sigmoid(x):
    if _single(x):

        def compute_single(x):
            e = elementary.exp_f32(np.float32(40) if x > np.float32(40) else x)
            return e / (np.float32(1) + e)

        return compute_single

    def compute(x):
        e = elementary.exp_f64(40.0 if x > 40.0 else x)
        return e / (1.0 + e)

    return compute


@_known
def _gelu_gate(x):
    if _single(x):

        def compute(x):
            z = np.float64(x)
            return np.float32(1.0 / (1.0 + elementary.exp_f64(-z * (LINEAR + CUBIC * z * z))))

        return compute
    return lambda x: 1.0 / (1.0 + elementary.exp_f64(-x * (LINEAR + CUBIC * x * x)))


@_known
def _softplus(x):
    if _single(x):
        return lambda x: np.float32(elementary.softplus_f64(np.float64(x)))
    return lambda x: elementary.softplus_f64(x)


@_known
def _normal_cdf(x):
    if _single(x):
        return lambda x: np.float32(0.5 * math.erfc(-np.float64(x) * elementary.ROOT))
    return lambda x: elementary.normal_cdf_f64(x)


@_known
def _div(a, b):
    return lambda a, b: a / b


@_known
def _pow(a, b):
    if a == types.float32 and b == types.float32:
        return lambda a, b: np.float32(a**b)
    return lambda a, b: np.float64(a) ** np.float64(b)


@_known
def _atan2(a, b):
    return lambda a, b: math.atan2(a, b)


@_known
def _sign(x):
    if isinstance(x, types.Float):
        return lambda x: math.copysign(1.0, x) if x != 0 and x == x else x
    return lambda x: (1 if x > 0 else 0) - (1 if x < 0 else 0)


@_known
def _mod(a, b):
    if isinstance(a, types.Float):

        def compute(a, b):
            rest = np.fmod(a, b)
            if rest == 0:
                return math.copysign(rest, b)
            return rest + b if (rest < 0) != (b < 0) else rest

        return compute
    return lambda a, b: a % b if b != 0 else 0


@_known
def _maximum(a, b):
    return lambda a, b: a if (a >= b) | (a != a) else b


@_known
def _minimum(a, b):
    return lambda a, b: a if (a <= b) | (a != a) else b


@_known
def _isinf(x):
    return lambda x: np.isinf(x)


@_known
def _isfinite(x):
    return lambda x: np.isfinite(x)


@_known
def _largest(a, b):
    if isinstance(a, types.Float):
        return lambda a, b: larger(a, b)
    return lambda a, b: a if a >= b else b


@_known
def _smallest(a, b):
    if isinstance(a, types.Float):
        return lambda a, b: smaller(a, b)
    return lambda a, b: a if a <= b else b


@_known
def _plus(a, b):
    return lambda a, b: summing(a, b)
