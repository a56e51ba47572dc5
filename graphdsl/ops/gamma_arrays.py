"""The logarithm of the gamma function and its derivatives on arrays (see `blocks`)."""

from __future__ import annotations

import math

import numpy as np

from graphdsl.ops.blocks import Array, horner, in_blocks

# ln Γ(2 + d) / d for |d| <= 1/2, in powers of d
_NEAR_TWO = (
    0.42278433509846713,
    0.3224670334241132,
    -0.06735230105319814,
    0.02058080842778457,
    -0.0073855510286681535,
    0.002890510330738737,
    -0.0011927539120010226,
    0.0005096695248853096,
    -0.00022315475074520367,
    9.945750909889392e-05,
    -4.4926351103833334e-05,
    2.050726741605779e-05,
    -9.438458716242811e-06,
    4.374374916915131e-06,
    -2.0449201467015115e-06,
    9.578663334114758e-07,
    -4.303558760359961e-07,
    2.0304806751615227e-07,
    -1.3412819758517287e-07,
    6.379047507619774e-08,
)

# (ln Γ(x) - (x - 1/2) ln x + x - ln(2π)/2) x for x >= 4.5, in powers of 1/x²
_STIRLING = (
    0.08333333333333333,
    -0.0027777777777777644,
    0.0007936507936376306,
    -0.0005952380901737106,
    0.0008417498252425104,
    -0.0019174049895801782,
    0.006400815845030708,
    -0.029055980846601496,
    0.16154406421000603,
    -0.9174513548966606,
    4.110488954642156,
    -9.763084679977313,
)

_ROOT = 1.4616321449683622
_ROOT_TAIL = 9.549995429965697e-17
# ψ(x) / (x - root) on [1, 2], in powers of x - 3/2
_NEAR_ROOT = (
    0.9510558760318328,
    -0.42362742128146047,
    0.24054248424078692,
    -0.1484049230539187,
    0.09498872445291558,
    -0.061922133271544284,
    0.04076083393821673,
    -0.026975796849706184,
    0.01790724844392596,
    -0.011908215027359153,
    0.007927018411136843,
    -0.005280020192518892,
    0.0035181618550874957,
    -0.0023446252179885993,
    0.001562789950608375,
    -0.0010424323828753985,
    0.000694908174082211,
    -0.0004591975036646912,
    0.0003061242075543146,
    -0.00022001895005109955,
    0.0001466781049062341,
    -5.7709404612698156e-05,
    3.847275205849602e-05,
    -8.394009422598467e-05,
    5.596002350342592e-05,
)

# (ln x - 1/(2x) - ψ(x)) x² for x >= 3, in powers of 1/x²
_ASYMPTOTIC = (
    0.08333333333333333,
    -0.008333333333333224,
    0.003968253968158592,
    -0.004166666633213576,
    0.007575751319350212,
    -0.02109207506715462,
    0.08327744600296173,
    -0.44016783202578996,
    2.926222943380425,
    -22.358328553546674,
    175.09304442432276,
    -1257.6234956014614,
    7560.404606423496,
    -35177.16545035574,
    116408.40291489197,
    -241166.60813997424,
    233637.7419904884,
)
_HALF_LN_2PI = 0.9189385332046727
_LN_PI = 1.1447298858494002


def _lgamma(rows: Array) -> None:
    """For |x| < 4.5 from the whole number k that is nearest, by ln Γ(2 + d) and ln Γ(x + 1) =
    ln Γ(x) + ln x; from there on by Stirling's series; below 0 by reflection."""
    x, y, a, k, d, f, u = rows[:7]
    mask = rows[7].view(np.bool_)[: x.size]
    np.absolute(x, a)
    np.rint(a, k)
    np.subtract(a, k, d)
    horner(_NEAR_TWO, d, y)
    np.multiply(y, d, y)
    # Γ(x) is Γ(2 + d) f below and / f above
    np.copyto(f, 1.0)
    for whole, compare, shift in ((1, np.less_equal, 0), (0, np.less_equal, 1)):
        np.add(a, shift, u)
        compare(k, whole, mask)
        np.multiply(f, u, f, where=mask)
    for whole, shift in ((3, -1), (4, -2)):
        np.add(a, shift, u)
        np.greater_equal(k, whole, mask)
        np.multiply(f, u, f, where=mask)
    np.log(f, f)
    np.subtract(k, 2.0, k)
    np.sign(k, k)
    np.multiply(f, k, f)
    np.add(y, f, y)
    # Stirling
    np.multiply(a, a, d)
    np.divide(1.0, d, d)
    horner(_STIRLING, d, f)
    np.divide(f, a, f)
    np.add(f, _HALF_LN_2PI - 0.5, f)
    np.log(a, u)
    np.subtract(u, 1.0, d)
    np.subtract(a, 0.5, k)
    np.multiply(d, k, d)
    np.add(f, d, f)
    np.greater_equal(a, 4.5, mask)
    np.copyto(y, f, where=mask)
    np.less(x, 0.0, mask)
    if mask.any():
        _reflect_lgamma(rows)


def _reflect_lgamma(rows: Array) -> None:
    """ln π - ln |x sin πx| - ln Γ(|x|) where x < 0, that is where row 7 says so."""
    y, a, k, d, _, u = rows[1:7]
    mask = rows[7].view(np.bool_)[: y.size]
    np.rint(a, k)
    np.subtract(a, k, d)
    np.multiply(d, math.pi, d)
    np.sin(d, d)
    np.absolute(d, d)
    np.log(d, d)
    np.add(d, u, d)
    np.subtract(_LN_PI, d, d)
    np.subtract(d, y, y, where=mask)
    np.isinf(a, mask)
    np.copyto(y, np.inf, where=mask)


def _digamma(rows: Array) -> None:
    """Near the root by (x - root) times a polynomial, from 3 on by its series; one step of
    ψ(x + 1) = ψ(x) + 1/x leads there; below 0 by reflection."""
    x, y, a, b, d, f = rows[:6]
    mask = rows[6].view(np.bool_)[: x.size]
    np.absolute(x, a)
    # b is a + 1 below 1, a - 1 from 2 to 3, and f what that changes
    np.copyto(b, a)
    np.divide(-1.0, a, f)
    np.less(a, 1.0, mask)
    np.add(b, 1.0, b, where=mask)
    np.greater_equal(a, 1.0, mask)
    np.copyto(f, 0.0, where=mask)
    np.greater_equal(a, 2.0, mask)
    np.subtract(b, 1.0, b, where=mask)
    np.divide(1.0, b, f, where=mask)
    np.subtract(b, 1.5, d)
    horner(_NEAR_ROOT, d, y)
    np.subtract(b, _ROOT, d)
    np.subtract(d, _ROOT_TAIL, d)
    np.multiply(y, d, y)
    np.add(y, f, y)
    np.divide(1.0, a, f)
    np.multiply(f, f, d)
    horner(_ASYMPTOTIC, d, b)
    np.multiply(b, d, b)
    np.multiply(f, 0.5, f)
    np.add(b, f, b)
    np.log(a, f)
    np.subtract(f, b, b)
    np.greater_equal(a, 3.0, mask)
    np.copyto(y, b, where=mask)
    np.less(x, 0.0, mask)
    if mask.any():
        _reflect_digamma(rows)


def _reflect_digamma(rows: Array) -> None:
    """ψ(x) = ψ(-x) - 1/x - π cot πx where x < 0; nan at whole numbers."""
    x, y, a, _, d, f = rows[:6]
    mask = rows[6].view(np.bool_)[: x.size]
    np.divide(1.0, a, f)
    np.add(y, f, y, where=mask)
    cotangent(a, d)
    np.multiply(d, math.pi, d)
    np.add(y, d, y, where=mask)
    np.isinf(d, f.view(np.bool_)[: x.size])
    np.logical_and(mask, f.view(np.bool_)[: x.size], mask)
    np.copyto(y, np.nan, where=mask)


def cotangent(a: Array, out: Array) -> None:
    """cot πa, ±inf at whole numbers."""
    np.rint(a, out)
    np.subtract(a, out, out)
    np.multiply(out, math.pi, out)
    np.tan(out, out)
    np.divide(1.0, out, out)


def lgamma(x: Array, out: Array, work: Array) -> None:
    """ln |Γ(x)|; inf at 0 and the whole numbers below."""
    in_blocks(_lgamma, x, out, work)


def digamma(x: Array, out: Array, work: Array) -> None:
    """ψ(x), the derivative of ln Γ."""
    in_blocks(_digamma, x, out, work)
