"""deep by hand: 50 residual blocks, o + sigmoid(o W + c) V + b, mean squared error; x, y: [64, 64].

W and c are held negated: sigmoid(a) = 1 / (1 + exp(-a)) then needs no negation. The gradients of
all weights wait for the end of the reverse sweep, where one batched call serves many blocks.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from handwritten.adam import STRETCH, Adam, Four, make_adam
from handwritten.flat import Flat, aligned, make_flat, scalar
from handwritten.pair import Job, make_run
from handwritten.step import Handwritten, Named
from workloads import BLOCKS, Array, Workload

add, subtract, multiply = np.add, np.subtract, np.multiply
dot, matmul, exp, reciprocal = np.dot, np.matmul, np.exp, np.reciprocal


@dataclass(frozen=True, slots=True)
class Buffers:
    """Of all blocks, one behind the other: their entries `o` (one more than blocks), sigmoids `s`
    and the cotangents of both."""

    o: Array
    s: Array
    g_o: Array
    g_s: Array


def negate(params: Named) -> Named:
    """To the step's layouts and back: W and c change their sign."""
    return {n: -value if n.endswith((".W", ".c")) else value for n, value in params.items()}


def make_deep(workload: Workload, workers: int = 1) -> Handwritten:
    """The step and its buffers; a second worker shares the weights' gradients and the updates."""
    rows, d = workload.x.shape
    first = negate(workload.params)
    flat, adam = make_flat(first), make_adam()
    shape = (BLOCKS, rows, d)
    buffers = Buffers(
        aligned(BLOCKS + 1, rows, d), aligned(*shape), aligned(BLOCKS + 1, rows, d), aligned(*shape)
    )
    sweep = make_sweep(flat, buffers)
    run = make_run(workers)
    cuts = [
        slice(BLOCKS * part // workers, BLOCKS * (part + 1) // workers) for part in range(workers)
    ]
    jobs: list[Job] = [make_descent(flat, adam, buffers, cut) for cut in cuts]

    def step(x: Array, y: Array) -> float:
        loss = sweep(x, y)
        adam.advance()
        run(jobs)
        return loss

    products = make_products(flat, buffers)
    return Handwritten(step, products, flat, first, adam.restart, threads=1, read=negate)


def make_sweep(flat: Flat, buffers: Buffers) -> Callable[[Array, Array], float]:
    """Forward, the loss, and reverse as far as the cotangents."""
    o, s, g_o, g_s = buffers.o, buffers.s, buffers.g_o, buffers.g_s
    parts = [list(flat.params.values())[4 * k : 4 * k + 4] for k in range(BLOCKS)]
    upward = [(o[k], s[k], o[k + 1], *parts[k]) for k in range(BLOCKS)]
    downward = [
        (s[k], g_o[k], g_o[k + 1], g_s[k], parts[k][0].T, parts[k][2].T)
        for k in reversed(range(1, BLOCKS))
    ]
    # nobody asks for the cotangent of the input
    last = (s[0], g_o[1], g_s[0], parts[0][2].T)
    end, g_end, slope = o[BLOCKS], g_o[BLOCKS], aligned(*s.shape[1:])
    error, size = g_end.reshape(-1), g_end.size
    one, two_over_size = scalar(1), scalar(2 / size)

    def sweep(x: Array, y: Array) -> float:
        o[0] = x
        for before, middle, after, W, c, V, b in upward:
            dot(before, W, middle)
            add(middle, c, middle)
            exp(middle, middle)
            add(middle, one, middle)
            reciprocal(middle, middle)
            dot(middle, V, after)
            add(after, b, after)
            add(after, before, after)

        subtract(end, y, g_end)
        loss: float = float(dot(error, error)) / size
        multiply(g_end, two_over_size, g_end)

        for middle, g_before, g_after, g_middle, W_T, V_T in downward:
            dot(g_after, V_T, g_middle)
            multiply(middle, middle, slope)
            subtract(slope, middle, slope)  # of 1 / (1 + exp(a)), at the negated a
            multiply(g_middle, slope, g_middle)
            dot(g_middle, W_T, g_before)
            add(g_before, g_after, g_before)
        middle, g_after, g_middle, V_T = last
        dot(g_after, V_T, g_middle)
        multiply(middle, middle, slope)
        subtract(slope, middle, slope)
        multiply(g_middle, slope, g_middle)
        return loss

    return sweep


def make_descent(flat: Flat, adam: Adam, buffers: Buffers, cut: slice) -> Job:
    """The gradients of the weights of some blocks, and their update, a few blocks at a time: as
    many as a cache holds."""
    one_block = len(flat.p) // BLOCKS
    together = max(1, STRETCH // one_block)
    pieces: list[tuple[tuple[Array, ...], Four]] = []
    for start in range(cut.start, cut.stop, together):
        stop = min(start + together, cut.stop)
        here = slice(start * one_block, stop * one_block)
        four = (flat.p[here], flat.g[here], flat.m[here], flat.v[here])
        pieces.append((view_gradients(flat, buffers, start, stop), four))
    ones = np.ones((1, buffers.s.shape[1]), np.float32)
    update = adam.update

    def descend() -> None:
        for (o_T, s_T, g_s, g_o, g_W, g_c, g_V, g_b), four in pieces:
            matmul(o_T, g_s, g_W)
            matmul(ones, g_s, g_c)
            matmul(s_T, g_o, g_V)
            matmul(ones, g_o, g_b)
            update(*four)

    return descend


def view_gradients(flat: Flat, buffers: Buffers, start: int, stop: int) -> tuple[Array, ...]:
    """What the batched products of the blocks from `start` to before `stop` read and write."""
    d = buffers.o.shape[2]
    # every block takes as much of the flat array, so one view serves the same part of many
    blocks = flat.g.reshape(BLOCKS, -1)[start:stop]
    names = ("W", "c", "V", "b")
    sizes = [(d, d), (1, d), (d, d), (1, d)]
    views = []
    at = 0
    for name, size in zip(names, sizes, strict=True):
        count = size[0] * size[1]
        views.append(blocks[:, at : at + count].reshape(-1, *size))
        assert np.shares_memory(views[-1], flat.gradients[f"o[{start + 1}].{name}"])
        at += count
    return (
        buffers.o[start:stop].swapaxes(1, 2),
        buffers.s[start:stop].swapaxes(1, 2),
        buffers.g_s[start:stop],
        buffers.g_o[start + 1 : stop + 1],
        *views,
    )


def make_products(flat: Flat, buffers: Buffers) -> Callable[[Array], None]:
    """The products of a step, in its order."""
    o, s, g_o, g_s = buffers.o, buffers.s, buffers.g_o, buffers.g_s
    parts = [list(flat.params.values())[4 * k : 4 * k + 4] for k in range(BLOCKS)]
    weights = [(W, V) for W, _, V, _ in parts]
    o_T, s_T, g_s_all, g_o_all, g_W, _, g_V, _ = view_gradients(flat, buffers, 0, BLOCKS)

    def products(x: Array) -> None:
        dot(x, weights[0][0], s[0])
        for k, (W, V) in enumerate(weights):
            if k:
                dot(o[k], W, s[k])
            dot(s[k], V, o[k + 1])
        for k in reversed(range(BLOCKS)):
            W, V = weights[k]
            dot(g_o[k + 1], V.T, g_s[k])
            if k:
                dot(g_s[k], W.T, g_o[k])
        matmul(o_T, g_s_all, g_W)
        matmul(s_T, g_o_all, g_V)

    return products
