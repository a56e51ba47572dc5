"""micro by hand: relu(x W1 + b1) W2 + b2, mean squared error; x: [32, 2], y: [32, 1]."""

import numpy as np

from handwritten.adam import make_adam
from handwritten.flat import aligned, bits, make_flat, scalar
from handwritten.step import Handwritten
from workloads import Array, Workload

add, subtract, multiply, dot = np.add, np.subtract, np.multiply, np.dot
negative, shift, bitwise_and = np.negative, np.right_shift, np.bitwise_and


def make_micro(workload: Workload) -> Handwritten:
    """The step and its buffers."""
    rows, (_, units, _) = len(workload.x), workload.widths
    flat, adam = make_flat(workload.params), make_adam()
    p, g, m, v = flat.p, flat.g, flat.m, flat.v
    advance, update = adam.advance, adam.update
    W1, b1, W2, b2 = flat.params.values()
    g_W1, g_b1, g_W2, g_b2 = flat.gradients.values()
    W2_T, b2_0 = W2.T, b2.reshape(())

    h, g_h, z = aligned(rows, units), aligned(rows, units), aligned(rows, 1)
    h_T, z_1 = h.T, z.reshape(-1)
    mask = np.empty((rows, units), np.int32)
    h_bits, g_h_bits = bits(h), bits(g_h)
    ones, per_row, sign = np.ones(rows, np.float32), scalar(2 / rows), np.array(31, np.int32)

    def step(x: Array, y: Array) -> float:
        dot(x, W1, h)
        add(h, b1, h)
        negative(h_bits, mask)
        shift(mask, sign, mask)
        bitwise_and(h_bits, mask, h_bits)
        dot(h, W2, z)
        add(z, b2_0, z)

        subtract(z, y, z)
        loss = float(dot(z_1, z_1)) / rows
        multiply(z, per_row, z)

        dot(h_T, z, g_W2)
        dot(ones, z, g_b2)
        dot(z, W2_T, g_h)
        bitwise_and(g_h_bits, mask, g_h_bits)
        dot(x.T, g_h, g_W1)
        dot(ones, g_h, g_b1)
        advance()
        update(p, g, m, v)
        return loss

    def products(x: Array) -> None:
        dot(x, W1, h)
        dot(h, W2, z)
        dot(h_T, z, g_W2)
        dot(z, W2_T, g_h)
        dot(x.T, g_h, g_W1)

    return Handwritten(step, products, flat, workload.params, adam.restart)
