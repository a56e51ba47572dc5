"""digits by hand: two hidden layers of ReLU and a softmax, mean cross entropy; x: [64, 64],
y: i64[64]. wide is the same with other sizes."""

from collections.abc import Callable

import numpy as np

from handwritten.adam import Four, make_adam
from handwritten.flat import Flat, aligned, bits, make_flat, scalar
from handwritten.step import Handwritten
from workloads import Array, Workload

add, subtract, multiply, divide = np.add, np.subtract, np.multiply, np.divide
dot, exp, log = np.dot, np.exp, np.log
negative, shift, bitwise_and = np.negative, np.right_shift, np.bitwise_and


def make_digits(workload: Workload) -> Handwritten:
    """Adam in whole arrays, each product on one thread."""
    return make_classifier(workload, lambda flat: [(flat.p, flat.g, flat.m, flat.v)], threads=1)


def make_classifier(
    workload: Workload, cut: Callable[[Flat], list[Four]], threads: int | None
) -> Handwritten:
    """The step and its buffers; `cut` gives what Adam updates at a time.

    The last layer is computed as its transpose z_T: [10, rows]. A softmax over the first axis runs
    along the rows of memory, over the last along ten numbers at a time.
    """
    rows, (_, units1, units2, classes) = len(workload.x), workload.widths
    flat, adam = make_flat(workload.params), make_adam()
    advance, update, parts = adam.advance, adam.update, cut(flat)
    W1, b1, W2, b2, W3, b3 = flat.params.values()
    g_W1, g_b1, g_W2, g_b2, g_W3, g_b3 = flat.gradients.values()
    W2_T, W3_T, b3_column = W2.T, W3.T, b3.reshape(classes, 1)

    h1, g_h1 = aligned(rows, units1), aligned(rows, units1)
    h2, g_h2 = aligned(rows, units2), aligned(rows, units2)
    h1_T, h2_T = h1.T, h2.T
    mask1, mask2 = np.empty((rows, units1), np.int32), np.empty((rows, units2), np.int32)
    h1_bits, h2_bits = bits(h1), bits(h2)
    g_h1_bits, g_h2_bits = bits(g_h1), bits(g_h2)
    sign = np.array(31, np.int32)

    z_T, of_row = aligned(classes, rows), aligned(1, rows)
    z, z_flat, of_row_1 = z_T.T, z_T.reshape(-1), of_row.reshape(-1)
    wanted, logs = aligned(rows), aligned(rows)
    largest: Callable[..., Array] = np.maximum.reduce
    total: Callable[..., Array] = np.add.reduce
    take, put = z_flat.take, z_flat.__setitem__
    row, place = np.arange(rows), np.empty(rows, np.int64)
    row_count, stride = scalar(rows), np.array(rows)
    ones, one_over_rows = np.ones(rows, np.float32), scalar(1 / rows)

    def step(x: Array, y: Array) -> float:
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

        largest(z_T, 0, None, of_row, True)
        subtract(z_T, of_row, z_T)
        multiply(y, stride, place)  # where each row's own class stands in z_flat
        add(place, row, place)
        take(place, None, wanted, "clip")
        exp(z_T, z_T)
        total(z_T, 0, None, of_row, True)
        log(of_row_1, logs)
        subtract(logs, wanted, wanted)
        loss = float(dot(wanted, ones)) / rows
        multiply(of_row, row_count, of_row)
        divide(z_T, of_row, z_T)
        take(place, None, wanted, "clip")
        subtract(wanted, one_over_rows, wanted)
        put(place, wanted)

        dot(h2_T, z, g_W3)
        dot(z_T, ones, g_b3)
        dot(z, W3_T, g_h2)
        bitwise_and(g_h2_bits, mask2, g_h2_bits)
        dot(h1_T, g_h2, g_W2)
        dot(ones, g_h2, g_b2)
        dot(g_h2, W2_T, g_h1)
        bitwise_and(g_h1_bits, mask1, g_h1_bits)
        dot(x.T, g_h1, g_W1)
        dot(ones, g_h1, g_b1)
        advance()
        for part in parts:
            update(*part)
        return loss

    def products(x: Array) -> None:
        dot(x, W1, h1)
        dot(h1, W2, h2)
        dot(W3_T, h2_T, z_T)
        dot(h2_T, z, g_W3)
        dot(z, W3_T, g_h2)
        dot(h1_T, g_h2, g_W2)
        dot(g_h2, W2_T, g_h1)
        dot(x.T, g_h1, g_W1)

    return Handwritten(step, products, flat, workload.params, adam.restart, threads)
