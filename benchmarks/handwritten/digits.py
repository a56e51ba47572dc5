"""digits by hand: two hidden layers of ReLU and a softmax, mean cross entropy; x: [64, 64],
y: i64[64]. wide is the same with other sizes."""

from collections.abc import Callable

import numpy as np

from handwritten.adam import Four, make_adam
from handwritten.classifier import make_sweep
from handwritten.flat import Flat, aligned, make_flat
from handwritten.step import Handwritten
from workloads import Array, Workload

dot = np.dot


def make_digits(workload: Workload) -> Handwritten:
    """Adam in whole arrays, each product on one thread."""
    return make_classifier(workload, lambda flat: [(flat.p, flat.g, flat.m, flat.v)], threads=1)


def make_classifier(
    workload: Workload, cut: Callable[[Flat], list[Four]], threads: int | None
) -> Handwritten:
    """The step and its buffers; `cut` gives what Adam updates at a time."""
    rows, (_, units1, units2, classes) = len(workload.x), workload.widths
    flat, adam = make_flat(workload.params), make_adam()
    advance, update, parts = adam.advance, adam.update, cut(flat)
    W1, _, W2, _, W3, _ = flat.params.values()
    g_W1, g_b1, g_W2, g_b2, g_W3, g_b3 = flat.gradients.values()
    W2_T, W3_T = W2.T, W3.T

    h1, g_h1 = aligned(rows, units1), aligned(rows, units1)
    h2, g_h2 = aligned(rows, units2), aligned(rows, units2)
    z_T = aligned(classes, rows)
    h1_T, h2_T, z = h1.T, h2.T, z_T.T
    sweep = make_sweep(flat.params, (h1, h2), (g_h1, g_h2), z_T, rows)
    ones = np.ones(rows, np.float32)

    def step(x: Array, y: Array) -> float:
        loss = sweep(x, y)
        dot(h2_T, z, g_W3)
        dot(z_T, ones, g_b3)
        dot(h1_T, g_h2, g_W2)
        dot(ones, g_h2, g_b2)
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
        dot(z, W3_T, g_h2)
        dot(g_h2, W2_T, g_h1)
        dot(h2_T, z, g_W3)
        dot(h1_T, g_h2, g_W2)
        dot(x.T, g_h1, g_W1)

    return Handwritten(step, products, flat, workload.params, adam.restart, threads)
