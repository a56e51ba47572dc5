"""Activations x s(x) on arrays: the gate s of gelu, and the product where s is next to nothing.

Far below 0 a gate is e^(-v) with a large v, whose rounding e^ makes larger by v: gelu's gate is
therefore computed in f64, block by block, and rounded once.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from graphdsl.ops.blocks import ROWS, Array
from graphdsl.ops.erf_arrays import normal_cdf

LINEAR = 2 * math.sqrt(2 / math.pi)
"""The gate is the logistic function of LINEAR x + CUBIC x³."""
CUBIC = 0.044715 * LINEAR

# with z = -∛CUBIC x that is the logistic function of -(z³ + _C z): arrays, since NumPy would round
# a Python number to f32 beside one of f32
_K = np.array(-(CUBIC ** (1 / 3)))
_C = np.array(LINEAR / CUBIC ** (1 / 3))
_ONE = np.array(1.0)
_LEAST = 2.0**-126
"""The smallest f32 that has all its digits."""
_BLOCK = 4096
"""How many elements are looked through at a time for those that have not."""


def gelu_gate(x: Array, out: Array, work: Array) -> None:
    """(1 + tanh(√(2/π) (x + 0.044715 x³))) / 2 of flat arrays, which may be one; two rows of f64
    to `work` in."""
    width = work.shape[1]
    for start in range(0, x.size, width):
        part = x[start : start + width]
        z, t = work[:2, : part.size]
        np.multiply(part, _K, z)
        np.multiply(z, z, t)
        np.add(t, _C, t)
        np.multiply(t, z, t)
        np.exp(t, t)
        np.add(t, _ONE, t)
        np.divide(_ONE, t, out[start : start + width], casting="same_kind")


def _logistic_tail(x: Array) -> Array:
    """The logistic function far below 0, and whatever falls off as it does."""
    return np.exp(x)


def _gelu_tail(x: Array) -> Array:
    return np.exp(x * (LINEAR + CUBIC * x * x))


def _normal_tail(x: Array) -> Array:
    made = np.empty_like(x)
    normal_cdf(x, made, np.empty((ROWS, max(1, min(x.size, 1024)))))
    return made


_TAILS: dict[str, Callable[[Array], Array]] = {
    "logistic": _logistic_tail,
    "gelu": _gelu_tail,
    "normal": _normal_tail,
}


def gated_unit(x: Array, s: Array, out: Array, tail: str) -> None:
    """x s of flat arrays of f32, of which `out` may be one; where s has lost digits, being below
    the smallest normal number, by the formula of its `tail` in f64."""
    if s.min() >= _LEAST:  # not so where there is a nan
        np.multiply(x, s, out)
        return
    for start in range(0, x.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        few = np.abs(s[part]) < _LEAST
        far = x[part][few].astype(np.float64)
        np.multiply(x[part], s[part], out[part])
        out[part][few] = far * _TAILS[tail](far)
