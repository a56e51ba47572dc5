"""What a transformer's layer does with some of the tokens: norm, attention, GELU; both sweeps."""

from collections.abc import Callable
from dataclasses import fields
from math import pi, sqrt

import numpy as np

from handwritten.flat import aligned, scalar
from handwritten.layer import Buffers
from handwritten.pair import Job
from workloads import HEADS, Array

add, subtract, multiply, reciprocal = np.add, np.subtract, np.multiply, np.reciprocal
dot, matmul, copy, exp, tanh = np.dot, np.matmul, np.copyto, np.exp, np.tanh

# Rows that GELU takes at a time: they and its scratch stay in the cache.
STRETCH = 64


def cut_buffers(of: Buffers, rows: slice, time: int) -> Buffers:
    """A layer's buffers, for some of the batch's rows."""
    tokens = slice(rows.start * time, rows.stop * time)
    cuts = {field.name: tokens for field in fields(of)} | {"weights": rows}
    return Buffers(**{name: getattr(of, name)[cut] for name, cut in cuts.items()})


def make_norm(n: int, d: int) -> tuple[Callable[[Array, Array, Array], None], Callable[..., None]]:
    """Each of `n` rows of `d` at mean 0 and variance 1, and the way back; scratch is shared by all
    layers. Means are products with a column of 1/d."""
    mean_of, mean, scratch, away = np.full((d, 1), 1 / d, np.float32), *make_scratch(n, d)
    epsilon, root = scalar(1e-5), np.sqrt

    def normalize(h: Array, to: Array, scale: Array) -> None:
        dot(h, mean_of, mean)
        subtract(h, mean, to)
        multiply(to, to, scratch)
        dot(scratch, mean_of, scale)
        add(scale, epsilon, scale)
        root(scale, scale)
        reciprocal(scale, scale)
        multiply(to, scale, to)

    def pull(g: Array, normal: Array, scale: Array, g_past: Array, g_in: Array) -> None:
        """From the cotangent `g` of the normal rows, and that which went past them."""
        dot(g, mean_of, mean)
        subtract(g, mean, away)
        multiply(g, normal, scratch)
        dot(scratch, mean_of, mean)
        multiply(normal, mean, scratch)
        subtract(away, scratch, away)
        multiply(away, scale, away)
        add(g_past, away, g_in)

    return normalize, pull


def make_scratch(n: int, d: int) -> tuple[Array, Array, Array]:
    """One number a row, and two times all rows."""
    return aligned(n, 1), aligned(n, d), aligned(n, d)


def split_heads(x: Array, rows: int) -> Array:
    """[tokens, d] to [rows, heads, time, d / heads], a view."""
    return x.reshape(rows, len(x) // rows, HEADS, -1).swapaxes(1, 2)


def make_attention(of: Buffers, g_seen: Array) -> tuple[Job, Job]:
    """From queries, keys and values to what was seen, causally; and back, from `g_seen`.

    The scores lie with the query's time last, so that a softmax's sums run along memory.
    """
    rows, heads, time, _ = of.weights.shape
    d = of.seen.shape[1]
    q, k, v = (split_heads(of.qkv[:, i * d : (i + 1) * d], rows) for i in range(3))
    g_q, g_k, g_v = (split_heads(of.g_qkv[:, i * d : (i + 1) * d], rows) for i in range(3))
    seen, g_seen_heads, weights = split_heads(of.seen, rows), split_heads(g_seen, rows), of.weights
    q_T, g_seen_T, weights_T = (a.swapaxes(2, 3) for a in (q, g_seen_heads, weights))
    later = np.where(np.tri(time, dtype=bool).T, 0, -np.inf).astype(np.float32)
    largest: Callable[..., Array] = np.maximum.reduce
    row = aligned(rows, heads, 1, time)
    ones, ones_column = np.ones((1, time), np.float32), np.ones((d // heads, 1), np.float32)
    g_scores, product = aligned(rows, heads, time, time), aligned(rows * time, d)
    g_scores_T = g_scores.swapaxes(2, 3)
    along = aligned(rows * time * heads, 1)
    by_head = along.reshape(rows, time, heads).swapaxes(1, 2)[:, :, None, :]
    product_heads = product.reshape(-1, d // heads)

    def attend() -> None:
        matmul(k, q_T, weights)
        add(weights, later, weights)
        largest(weights, 2, None, row, True)
        subtract(weights, row, weights)
        exp(weights, weights)
        matmul(ones, weights, row)
        reciprocal(row, row)
        multiply(weights, row, weights)
        matmul(weights_T, v, seen)

    def pull() -> None:
        multiply(g_seen, of.seen, product)
        dot(product_heads, ones_column, along)
        copy(row, by_head)
        matmul(weights, g_seen_heads, g_v)
        matmul(v, g_seen_T, g_scores)
        subtract(g_scores, row, g_scores)
        multiply(g_scores, weights, g_scores)
        matmul(g_scores_T, k, g_q)
        matmul(g_scores, q, g_k)

    return attend, pull


def make_gelu(of: Buffers, shift: Array) -> tuple[Job, Job]:
    """`inner` plus `shift` to twice its GELU, with twice the derivative in `slope`; and back, in
    `g_inner`."""
    n, width = of.inner.shape
    square, t = aligned(min(STRETCH, n), width), aligned(min(STRETCH, n), width)
    cuts = [slice(row, min(row + STRETCH, n)) for row in range(0, n, STRETCH)]
    there = [
        (of.inner[cut], of.slope[cut], square[: cut.stop - cut.start], t[: cut.stop - cut.start])
        for cut in cuts
    ]
    back = [(of.g_inner[cut], of.slope[cut]) for cut in cuts]
    one, scale = scalar(1), scalar(sqrt(2 / pi))
    cube, three_cubes = scalar(sqrt(2 / pi) * 0.044715), scalar(3 * sqrt(2 / pi) * 0.044715)

    def activate() -> None:
        for z, slope, z2, t in there:
            add(z, shift, z)
            multiply(z, z, z2)
            multiply(z2, cube, t)
            add(t, scale, t)
            multiply(t, z, t)
            tanh(t, t)
            multiply(z2, three_cubes, z2)
            add(z2, scale, z2)
            multiply(z2, z, z2)
            multiply(t, t, slope)
            subtract(one, slope, slope)
            multiply(slope, z2, slope)
            add(t, one, t)
            add(slope, t, slope)
            multiply(z, t, z)

    def pull() -> None:
        for g, slope in back:
            multiply(g, slope, g)

    return activate, pull
