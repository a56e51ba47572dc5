"""Two hidden layers of ReLU and a softmax, for some rows of a batch: what digits and wide share."""

from collections.abc import Callable, Sequence

import numpy as np

from handwritten.flat import bits
from handwritten.softmax import make_softmax_loss
from handwritten.step import Named
from workloads import Array

add, dot = np.add, np.dot
negative, shift, bitwise_and = np.negative, np.right_shift, np.bitwise_and

# What is done with some rows of a batch, x and y; it gives the loss that they add.
Sweep = Callable[[Array, Array], float]


def make_sweep(
    params: Named, hidden: Sequence[Array], cotangents: Sequence[Array], z_T: Array, count: int
) -> Sweep:
    """Forward, loss and reverse as far as the cotangents, for some rows of a batch of `count`.

    `hidden` are the two layers' values, [rows, units], and `cotangents` theirs. The last layer is
    computed as its transpose `z_T`, [classes, rows], where its cotangent is left.
    """
    W1, b1, W2, b2, W3, b3 = params.values()
    W2_T, W3_T, b3_column = W2.T, W3.T, b3.reshape(-1, 1)
    (h1, h2), (g_h1, g_h2) = hidden, cotangents
    h2_T, z = h2.T, z_T.T
    h1_bits, h2_bits, g_h1_bits, g_h2_bits = (bits(array) for array in (h1, h2, g_h1, g_h2))
    mask1, mask2 = np.empty(h1.shape, np.int32), np.empty(h2.shape, np.int32)
    sign = np.array(31, np.int32)
    compute_loss = make_softmax_loss(z_T, count)

    def sweep(x: Array, y: Array) -> float:
        dot(x, W1, h1)
        add(h1, b1, h1)
        negative(h1_bits, mask1)
        shift(mask1, sign, mask1)
        bitwise_and(h1_bits, mask1, h1_bits)
        dot(h1, W2, h2)
        add(h2, b2, h2)
        negative(h2_bits, mask2)
        shift(mask2, sign, mask2)
        bitwise_and(h2_bits, mask2, h2_bits)
        dot(W3_T, h2_T, z_T)
        add(z_T, b3_column, z_T)

        loss = compute_loss(y)

        dot(z, W3_T, g_h2)
        bitwise_and(g_h2_bits, mask2, g_h2_bits)
        dot(g_h2, W2_T, g_h1)
        bitwise_and(g_h1_bits, mask1, g_h1_bits)
        return loss

    return sweep
