"""Exponentials and logarithms that LLVM turns into vectors, which calls of a C library are not.

Ranges are reduced and what is left is a polynomial, without a branch: within 2 units in the last
place. Coefficients: Taylor's; Cephes (Moshier); fdlibm's logarithm (Sun Microsystems).
"""

# mypy: ignore-errors

from __future__ import annotations

import math

import numpy as np

from graphdsl.engines.numba.bits import bits_of, float_of, multiply_add, nearest, to_integer
from graphdsl.engines.numba.decorators import inlined

f32, f64, i32, i64 = np.float32, np.float64, np.int32, np.int64

_LOG2E = 1.4426950408889634


@inlined
def exp_f32(x):
    """e^x."""
    n = nearest(x * f32(_LOG2E))
    n = n if n < f32(200) else f32(200)
    n = n if n > f32(-200) else f32(-200)
    r = (x - n * f32(0.693359375)) - n * f32(-2.12194440e-4)
    p = f32(1.9875691500e-4)
    p = p * r + f32(1.3981999507e-3)
    p = p * r + f32(8.3334519073e-3)
    p = p * r + f32(4.1665795894e-2)
    p = p * r + f32(1.6666665459e-1)
    p = p * r + f32(5.0000001201e-1)
    p = (p * (r * r) + r) + f32(1)
    k = to_integer(n)
    half = k >> 1
    p = p * float_of(i32((half + 127) << 23))
    p = p * float_of(i32((k - half + 127) << 23))
    p = f32(np.inf) if x > f32(100) else p
    return f32(0) if x < f32(-110) else p


@inlined
def exp_f64(x):
    """e^x."""
    n = nearest(x * _LOG2E)
    n = n if n < 1500.0 else 1500.0
    n = n if n > -1500.0 else -1500.0
    r = (x - n * 0.693145751953125) - n * 1.42860682030941723212e-6
    p = 1.0 / 6227020800
    p = p * r + 1.0 / 479001600
    p = p * r + 1.0 / 39916800
    p = p * r + 1.0 / 3628800
    p = p * r + 1.0 / 362880
    p = p * r + 1.0 / 40320
    p = p * r + 1.0 / 5040
    p = p * r + 1.0 / 720
    p = p * r + 1.0 / 120
    p = p * r + 1.0 / 24
    p = p * r + 1.0 / 6
    p = p * r + 0.5
    p = (p * (r * r) + r) + 1.0
    k = to_integer(n)
    half = k >> 1
    p = p * float_of((half + 1023) << 52)
    p = p * float_of(((k - half) + 1023) << 52)
    p = np.inf if x > 720.0 else p
    return 0.0 if x < -760.0 else p


@inlined
def ln_f32(x):
    """The natural logarithm."""
    tiny = x < f32(1.17549435e-38)
    scaled = x * f32(33554432) if tiny else x
    bits = i32(bits_of(scaled) + (0x3F800000 - 0x3F3504F3))
    k = f32(i32((bits >> 23) - 127)) - (f32(25) if tiny else f32(0))
    f = float_of(i32((bits & 0x007FFFFF) + 0x3F3504F3)) - f32(1)
    s = f / (f32(2) + f)
    z = s * s
    w = z * z
    tail = z * (f32(0.66666662693) + w * f32(0.28498786688))
    tail = tail + w * (f32(0.40000972152) + w * f32(0.24279078841))
    h = f32(0.5) * f * f
    y = s * (h + tail) + k * f32(9.0580006145e-06) - h + f + k * f32(6.9313812256e-01)
    y = x if x == f32(np.inf) else y
    y = f32(-np.inf) if x == f32(0) else y
    return y if x >= f32(0) else f32(np.nan)


@inlined
def ln_f64(x):
    """The natural logarithm."""
    tiny = x < 2.2250738585072014e-308
    scaled = x * 18014398509481984.0 if tiny else x
    bits = bits_of(scaled) + (0x3FF0000000000000 - 0x3FE6A09E667F3BCD)
    k = f64((bits >> 52) - 1023) - (54.0 if tiny else 0.0)
    f = float_of((bits & 0x000FFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD) - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    odd = w * (0.3999999999940941908 + w * (0.2222219843214978396 + w * 0.1531383769920937332))
    even = 0.2857142874366239149 + w * (0.1818357216161805012 + w * 0.1479819860511658591)
    tail = z * (0.6666666666666735130 + w * even) + odd
    h = 0.5 * f * f
    y = s * (h + tail) + k * 1.90821492927058770002e-10 - h + f + k * 6.93147180369123816490e-01
    y = x if x == np.inf else y
    y = -np.inf if x == 0.0 else y
    return y if x >= 0.0 else np.nan


@inlined
def log1p_f64(x):
    """ln(1 + x): the logarithm of the rounded sum, and what was rounded away."""
    u = 1.0 + x
    v = ln_f64(u)
    y = v + (x - (u - 1.0)) / u
    y = v if x > 1e16 else y
    return -np.inf if x == -1.0 else y


@inlined
def softplus_f64(x):
    """ln(1 + e^x)."""
    size = x if x > 0.0 else -x
    more = x if x > 0.0 else 0.0
    return more + log1p_f64(exp_f64(-size))


ROOT, ROOT_REST = 0.7071067811865476, -4.8336466567264565e-17
"""√½, and what its nearest float leaves."""


@inlined
def normal_cdf_f64(x):
    """erfc(-x √½) / 2: what is rounded of its argument counts where it is large."""
    t = -x * ROOT
    rest = multiply_add(-x, ROOT, -t) - x * ROOT_REST
    slope = 1.1283791670955126 * exp_f64(-t * t)
    y = math.erfc(t)
    return 0.5 * (y - slope * rest) if abs(x) < 40.0 else 0.5 * y


@inlined
def tanh_f32(x):
    """The hyperbolic tangent."""
    size = abs(x)
    z = x * x
    p = f32(-5.70498872745e-3)
    p = p * z + f32(2.06390887954e-2)
    p = p * z + f32(-5.37397155531e-2)
    p = p * z + f32(1.33314422036e-1)
    p = p * z + f32(-3.33332819422e-1)
    near = (p * z) * x + x
    far = f32(1) - f32(2) / (exp_f32(size + size) + f32(1))
    far = far if x > f32(0) else -far
    return near if size < f32(0.625) else far


@inlined
def tanh_f64(x):
    """The hyperbolic tangent."""
    size = abs(x)
    z = x * x
    p = (-9.64399179425052238628e-1 * z + -9.92877231001918586564e1) * z
    p = p + -1.61468768441708447952e3
    q = ((z + 1.12811678491632931402e2) * z + 2.23548839060100448583e3) * z
    q = q + 4.84406305325125486048e3
    near = x + x * (z * (p / q))
    far = 1.0 - 2.0 / (exp_f64(size + size) + 1.0)
    far = far if x > 0.0 else -far
    return near if size < 0.625 else far
