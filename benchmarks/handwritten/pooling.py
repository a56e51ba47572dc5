"""The maximum of four planes, and ReLU, with masks of bits for the way back."""

from collections.abc import Callable

import numpy as np

from handwritten.flat import aligned, bits
from workloads import Array

subtract, maximum = np.subtract, np.maximum
negative, shift, bitwise_and = np.negative, np.right_shift, np.bitwise_and

SIGN = np.array(31, np.int32)


class Relu:
    """max(x, 0) in place, by the sign bit; and the same for its cotangent `g`."""

    def __init__(self, x: Array, g: Array) -> None:
        self._x, self._g = bits(x), bits(g)
        self._mask = np.empty(x.shape, np.int32)

    def forward(self) -> None:
        """Negative numbers to 0; keeps which they were."""
        x, mask = self._x, self._mask
        negative(x, mask)
        shift(mask, SIGN, mask)
        bitwise_and(x, mask, x)

    def reverse(self) -> None:
        """The cotangent to 0 where the value went there."""
        bitwise_and(self._g, self._mask, self._g)


def make_pool(
    planes: list[Array], g_planes: list[Array], largest: Array, g: Array
) -> tuple[Callable[[], None], Callable[[], None]]:
    """The maximum of four arrays into a fifth; and its cotangent back to those of the four.

    Two are compared by the sign of their difference, then the larger ones; of equals the second
    counts, which among sums of products is not to be expected.
    """
    a, b, c, d = planes
    g_a, g_b, g_c, g_d = g_planes
    left, right = aligned(*largest.shape), aligned(*largest.shape)
    first, second, last = (np.empty(largest.shape, np.int32) for _ in range(3))
    first_real, second_real, last_real = (mask.view(np.float32) for mask in (first, second, last))
    g_left, g_right, g_left_bits, g_right_bits = left, right, bits(left), bits(right)
    g_bits, g_a_bits, g_c_bits = bits(g), bits(g_a), bits(g_c)

    def take_largest() -> None:
        subtract(b, a, first_real)
        maximum(a, b, out=left)
        shift(first, SIGN, first)
        subtract(d, c, second_real)
        maximum(c, d, out=right)
        shift(second, SIGN, second)
        subtract(right, left, last_real)
        maximum(left, right, out=largest)
        shift(last, SIGN, last)

    def give_back() -> None:
        bitwise_and(g_bits, last, g_left_bits)
        subtract(g, g_left, g_right)
        bitwise_and(g_left_bits, first, g_a_bits)
        subtract(g_left, g_a, g_b)
        bitwise_and(g_right_bits, second, g_c_bits)
        subtract(g_right, g_c, g_d)

    return take_largest, give_back
