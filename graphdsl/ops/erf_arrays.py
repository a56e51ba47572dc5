"""The error function and its kin on arrays: NumPy has none of them.

Each function takes flat arrays `x` and `out`, which may be one, and `work`, rows of f64 in which
it computes block by block; f32 is computed in f64 too, so that it is right to the last place. The
polynomials are Chebyshev interpolations, worked out with 50 digits, that keep 1e-17.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphdsl.ops.blocks import Array, horner, in_blocks

# erf(x) / x on [0, 1], in powers of x²
_ERF = (
    1.1283791670955126,
    -0.37612638903183754,
    0.1128379167095512,
    -0.02686617064512984,
    0.0052239776254232985,
    -0.000854832702193483,
    0.00012055332902888736,
    -1.4925647567519332e-05,
    1.6462045441468418e-06,
    -1.6364642158167616e-07,
    1.4792401209404813e-08,
    -1.216456005728345e-09,
    8.709045129053106e-11,
    -4.230945824295338e-12,
)

# (1 + 2x) e^(x²) erfc(x) for x >= 0, in powers of t = (x - 4) / (x + 4), after M. M. Shepherd and
# J. G. Laframboise, Mathematics of Computation 36 (1981), 249
_ERFCX = (
    1.2329951186255526,
    -0.1396211168405625,
    0.015379652102620042,
    0.06809705425469036,
    -0.10103906603632504,
    0.09373283499843951,
    -0.0663303658116485,
    0.03716751553591141,
    -0.01619773406595253,
    0.005031969992810925,
    -0.0007577732195352293,
    -0.0001992567764579197,
    0.00015062130746391778,
    -2.4398942309069806e-05,
    -1.1220753452725425e-05,
    5.709201212226352e-06,
    2.909062968371427e-07,
    -8.249127434964572e-07,
    7.89343963476142e-08,
    1.1009041560728304e-07,
    -2.1917128684776733e-08,
    -1.470518755238763e-08,
    3.979908209935334e-09,
    1.7887492189077536e-09,
    -5.47796315403793e-10,
    -1.37212432109558e-10,
    4.335744696880128e-11,
)
# Φ⁻¹(q + 1/2) for |q| <= 0.425, over q, in powers of 0.180625 - q²; then in powers of r - 1.6 and
# r - 5, r = √-ln(1/2 - |q|). M. J. Wichura, Algorithm AS 241, Applied Statistics 37 (1988), 477
_CENTRE = (
    (
        3.3871328727963666080e0,
        1.3314166789178437745e2,
        1.9715909503065514427e3,
        1.3731693765509461125e4,
        4.5921953931549871457e4,
        6.7265770927008700853e4,
        3.3430575583588128105e4,
        2.5090809287301226727e3,
    ),
    (
        1.0,
        4.2313330701600911252e1,
        6.8718700749205790830e2,
        5.3941960214247511077e3,
        2.1213794301586595867e4,
        3.9307895800092710610e4,
        2.8729085735721942674e4,
        5.2264952788528545610e3,
    ),
)
_MIDDLE = (
    (
        1.42343711074968357734e0,
        4.63033784615654529590e0,
        5.76949722146069140550e0,
        3.64784832476320460504e0,
        1.27045825245236838258e0,
        2.41780725177450611770e-1,
        2.27238449892691845833e-2,
        7.74545014278341407640e-4,
    ),
    (
        1.0,
        2.05319162663775882187e0,
        1.67638483018380384940e0,
        6.89767334985100004550e-1,
        1.48103976427480074590e-1,
        1.51986665636164571966e-2,
        5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    ),
)
_FAR = (
    (
        6.65790464350110377720e0,
        5.46378491116411436990e0,
        1.78482653991729133580e0,
        2.96560571828504891230e-1,
        2.65321895265761230930e-2,
        1.24266094738807843860e-3,
        2.71155556874348757815e-5,
        2.01033439929228813265e-7,
    ),
    (
        1.0,
        5.99832206555887937690e-1,
        1.36929880922735805310e-1,
        1.48753612908506148525e-2,
        7.86869131145613259100e-4,
        1.84631831751005468180e-5,
        1.42151175831644588870e-7,
        2.04426310338993978564e-15,
    ),
)


def _erfcx(a: Array, y: Array, t: Array, u: Array) -> None:
    """e^(a²) erfc(a) for a >= 0 into y; t and u are lost."""
    np.subtract(a, 4.0, t)
    np.add(a, 4.0, u)
    np.divide(t, u, t)
    horner(_ERFCX, t, y)
    np.multiply(a, 2.0, t)
    np.add(t, 1.0, t)
    np.divide(y, t, y)


def _fall(a: Array, y: Array, t: Array, u: Array, half: bool) -> None:
    """y times e^(-a²), or e^(-a²/2), for 0 <= a <= 40; a, t and u are lost.

    e^(-a²) is e^(-h²) e^(-(a - h)(a + h)), h being a to 16 bits: its square is exact.
    """
    np.multiply(a, 65536.0, t)
    np.rint(t, t)
    np.divide(t, 65536.0, t)
    np.subtract(t, a, u)
    np.add(a, t, a)
    np.multiply(u, a, u)
    if half:
        np.multiply(u, 0.5, u)
    np.exp(u, u)
    np.multiply(y, u, y)
    np.multiply(t, t, t)
    np.multiply(t, -0.5 if half else -1.0, t)
    np.exp(t, t)
    np.multiply(y, t, y)


def _tail(rows: Array) -> None:
    """erfc(|x|) into row 1; rows 2 to 4 are lost."""
    x, y, a, t, u = rows[:5]
    np.absolute(x, a)
    np.minimum(a, 40.0, out=a)
    _erfcx(a, y, t, u)
    _fall(a, y, t, u, half=False)


def _erf(rows: Array) -> None:
    x, y, a, t = rows[:4]
    _tail(rows)
    np.subtract(1.0, y, y)
    np.copysign(y, x, y)
    np.multiply(x, x, t)
    horner(_ERF, t, a)
    np.multiply(a, x, a)
    small = rows[4].view(np.bool_)[: x.size]
    np.less(t, 1.0, small)
    np.copyto(y, a, where=small)


def _erfc(rows: Array) -> None:
    x, y, a = rows[:3]
    _tail(rows)
    np.subtract(2.0, y, a)
    negative = rows[4].view(np.bool_)[: x.size]
    np.less(x, 0.0, negative)
    np.copyto(y, a, where=negative)


def _erfinv(rows: Array) -> None:
    x, y, r, t, p = rows[:5]
    mask = rows[5].view(np.bool_)[: x.size]
    np.absolute(x, r)
    np.subtract(1.0, r, r)
    np.multiply(r, 0.5, r)
    np.log(r, r)
    np.negative(r, r)
    np.sqrt(r, r)
    np.subtract(r, 1.6, t)
    _ratio(_MIDDLE, t, y, p)
    np.subtract(r, 5.0, t)
    _ratio(_FAR, t, rows[6], p)
    np.greater(t, 0.0, mask)
    np.copyto(y, rows[6], where=mask)
    np.isinf(r, mask)
    np.copyto(y, np.inf, where=mask)
    np.copysign(y, x, y)
    np.multiply(x, x, t)
    np.multiply(t, -0.25, t)
    np.add(t, 0.180625, t)
    _ratio(_CENTRE, t, r, p)
    np.multiply(r, x, r)
    np.multiply(r, 0.5, r)
    np.greater_equal(t, 0.0, mask)
    np.copyto(y, r, where=mask)
    np.multiply(y, 0.7071067811865476, y)


def _ratio(both: tuple[Sequence[float], Sequence[float]], t: Array, out: Array, u: Array) -> None:
    horner(both[0], t, out)
    horner(both[1], t, u)
    np.divide(out, u, out)


def _normal_cdf(rows: Array) -> None:
    """By erfc(|x| / √2), but e^ of x² itself: that of a rounded x / √2 is wrong in its last digits,
    the further out the more."""
    x, y, a, t, u, scaled = rows[:6]
    np.absolute(x, a)
    np.minimum(a, 40.0, out=a)
    np.multiply(a, 0.7071067811865476, scaled)
    _erfcx(scaled, y, t, u)
    _fall(a, y, t, u, half=True)
    np.multiply(y, 0.5, y)
    np.subtract(1.0, y, a)
    positive = rows[4].view(np.bool_)[: x.size]
    np.greater(x, 0.0, positive)
    np.copyto(y, a, where=positive)


def erf(x: Array, out: Array, work: Array) -> None:
    """2/√π ∫₀ˣ e^(-t²) dt."""
    in_blocks(_erf, x, out, work)


def erfc(x: Array, out: Array, work: Array) -> None:
    """1 - erf(x), without loss of digits where that is small."""
    in_blocks(_erfc, x, out, work)


def erfinv(x: Array, out: Array, work: Array) -> None:
    """The number whose erf is x; ±inf at ±1, nan beyond."""
    in_blocks(_erfinv, x, out, work)


def normal_cdf(x: Array, out: Array, work: Array) -> None:
    """The chance that a standard normal number is below x."""
    in_blocks(_normal_cdf, x, out, work)
