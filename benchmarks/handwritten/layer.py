"""A transformer's layer by hand: its parameters and buffers, its weights' gradients.

The scale and the shift of a layer norm are folded into the weights behind it, as is the scale of
the attention's scores, and the half of GELU into those behind it: (n g + b) W = n (g W) + b W. That
costs a pass over the weights, where the activations would cost several over more.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from handwritten.flat import aligned, scalar
from handwritten.pair import Job
from handwritten.step import Named
from workloads import HEADS, Array

add, multiply, dot = np.add, np.multiply, np.dot

HALF = scalar(0.5)


@dataclass(frozen=True, slots=True)
class Weights:
    """One of each of a layer's parameters, or of their gradients."""

    g1: Array
    b1: Array
    Q: Array
    O: Array  # noqa: E741
    g2: Array
    b2: Array
    W1: Array
    c1: Array
    W2: Array
    c2: Array


def pick_weights(named: Named, layer: int) -> Weights:
    """Those of the layer of that number, counted from 1."""
    prefix = f"h[{layer}]."
    return Weights(**{n.removeprefix(prefix): v for n, v in named.items() if n.startswith(prefix)})


@dataclass(frozen=True, slots=True)
class Folded:
    """Weights with what stands before or behind them multiplied in."""

    Q: Array
    b: Array
    W1: Array
    c1: Array
    W2: Array


@dataclass(frozen=True, slots=True)
class Buffers:
    """A layer's values for all tokens, one a row, and their cotangents.

    `n1` and `n2` are normalised rows, `s1` and `s2` what they were scaled by; `weights` are the
    attention's, [rows, heads, time of the key, time of the query]; `inner` is twice GELU, `slope`
    twice its derivative. `g_in`, `g_middle` and `g_out` are cotangents of the rows that come in,
    stand between attention and GELU, and go out.
    """

    n1: Array
    s1: Array
    qkv: Array
    weights: Array
    seen: Array
    n2: Array
    s2: Array
    inner: Array
    slope: Array
    g_inner: Array
    g_qkv: Array
    g_in: Array
    g_middle: Array
    g_out: Array


def make_buffers(rows: int, time: int, d: int, g_out: Array) -> Buffers:
    """For one layer; `g_out` is the `g_in` of the layer above."""
    n = rows * time
    return Buffers(
        n1=aligned(n, d),
        s1=aligned(n, 1),
        qkv=aligned(n, 3 * d),
        weights=aligned(rows, HEADS, time, time),
        seen=aligned(n, d),
        n2=aligned(n, d),
        s2=aligned(n, 1),
        inner=aligned(n, 4 * d),
        slope=aligned(n, 4 * d),
        g_inner=aligned(n, 4 * d),
        g_qkv=aligned(n, 3 * d),
        g_in=aligned(n, d),
        g_middle=aligned(n, d),
        g_out=g_out,
    )


def make_scales(d: int) -> Array:
    """1/√(d / heads) for the columns that give queries, 1 for keys and values."""
    scales = np.ones(3 * d, np.float32)
    scales[:d] = (d // HEADS) ** -0.5
    return scales


def make_folded(p: Weights) -> tuple[Folded, Job]:
    """The folded weights of a layer, and what folds them anew in each step."""
    folded = Folded(*(aligned(*part.shape) for part in (p.Q, p.Q[0], p.W1, p.c1, p.W2)))
    scales = make_scales(len(p.O))
    g1, g2 = p.g1[:, None], p.g2[:, None]

    def fold() -> None:
        multiply(p.Q, g1, folded.Q)
        multiply(folded.Q, scales, folded.Q)
        dot(p.b1, p.Q, folded.b)
        multiply(folded.b, scales, folded.b)
        multiply(p.W1, g2, folded.W1)
        dot(p.b2, p.W1, folded.c1)
        add(folded.c1, p.c1, folded.c1)
        multiply(p.W2, HALF, folded.W2)

    return folded, fold


def make_descent(p: Weights, g: Weights, of: Buffers) -> tuple[Job, Job]:
    """The gradients of the attention's weights, and those of the dense layers'."""
    n, d = of.n1.shape
    scales, ones = make_scales(d), np.ones(n, np.float32)
    folded_Q, sums, outer_Q = aligned(d, 3 * d), aligned(3 * d), aligned(d, 3 * d)
    folded_W1, outer_W1 = aligned(d, 4 * d), aligned(d, 4 * d)
    g1, b1, g2, b2 = (part[:, None] for part in (p.g1, p.b1, p.g2, p.b2))
    total: Callable[..., Array] = np.add.reduce

    def descend_attention() -> None:
        dot(of.n1.T, of.g_qkv, folded_Q)
        multiply(folded_Q, scales, folded_Q)
        dot(ones, of.g_qkv, sums)
        multiply(sums, scales, sums)
        multiply(folded_Q, g1, g.Q)
        multiply(b1, sums, outer_Q)
        add(g.Q, outer_Q, g.Q)
        multiply(folded_Q, p.Q, folded_Q)
        total(folded_Q, 1, None, g.g1)
        dot(p.Q, sums, g.b1)
        dot(of.seen.T, of.g_middle, g.O)

    def descend_dense() -> None:
        dot(of.n2.T, of.g_inner, folded_W1)
        dot(ones, of.g_inner, g.c1)
        multiply(folded_W1, g2, g.W1)
        multiply(b2, g.c1, outer_W1)
        add(g.W1, outer_W1, g.W1)
        multiply(folded_W1, p.W1, folded_W1)
        total(folded_W1, 1, None, g.g2)
        dot(p.W1, g.c1, g.b2)
        dot(of.inner.T, of.g_out, g.W2)
        multiply(g.W2, HALF, g.W2)
        dot(ones, of.g_out, g.c2)

    return descend_attention, descend_dense
