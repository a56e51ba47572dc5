"""transformer by hand: two causal layers, each normalised before what it adds, and a softmax over
the vocabulary; mean cross entropy; x, y: i64[16, 64].

Tokens are rows, so that every product with weights is one of two axes. GELU runs in stretches of
rows; `layer.py` folds scales into weights, `tokens.py` has what a layer does.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from handwritten.adam import cut_stretches, make_adam
from handwritten.flat import aligned, make_flat
from handwritten.layer import (
    Buffers,
    Folded,
    Weights,
    make_buffers,
    make_descent,
    make_folded,
    pick_weights,
)
from handwritten.pair import Job, make_run
from handwritten.softmax import make_softmax_loss
from handwritten.step import Handwritten, Named
from handwritten.tokens import cut_buffers, make_attention, make_gelu, make_norm
from workloads import LAYERS, Array, Workload

add, dot, matmul = np.add, np.dot, np.matmul

# Of each product, by the number of workers.
THREADS = {1: 2, 2: 1}


@dataclass(frozen=True, slots=True)
class Network:
    """What all workers share: the parameters, each layer's weights and buffers, the last rows `h`
    and their cotangent `g_h`."""

    params: Named
    weights: list[Weights]
    folded: list[Folded]
    buffers: list[Buffers]
    h: Array
    g_h: Array


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of the batch: both sweeps, which give the part of the loss that they add, and the
    cotangent of their logits, [vocabulary, tokens]."""

    cut: slice
    sweep: Callable[[Array, Array], float]
    g_z: Array


def make_transformer(workload: Workload, workers: int = 1) -> Handwritten:
    """The step and its buffers. Each worker has its rows of the batch; then half of the weights'
    gradients; then half of the updates."""
    rows, time = workload.x.shape
    flat, adam, run = make_flat(workload.params), make_adam(), make_run(workers)
    network, folds = make_network(flat.params, rows, time)
    cuts = [slice(rows * k // workers, rows * (k + 1) // workers) for k in range(workers)]
    parts = [make_rows(network, cut, time, rows * time) for cut in cuts]
    descents = make_descents(network, flat.gradients, parts, rows)
    pieces = cut_stretches(flat)

    def step(x: Array, y: Array) -> float:
        losses = [0.0] * workers

        def sweep(k: int) -> Job:
            def job() -> None:
                losses[k] = parts[k].sweep(x[cuts[k]], y[cuts[k]].reshape(-1))

            return job

        def descend(k: int) -> Job:
            def job() -> None:
                for descent in descents[k::workers]:
                    descent(x)

            return job

        def update(k: int) -> Job:
            def job() -> None:
                for piece in pieces[k::workers]:
                    adam.update(*piece)

            return job

        for fold in folds:
            fold()
        run([sweep(k) for k in range(workers)])
        run([descend(k) for k in range(workers)])
        adam.advance()
        run([update(k) for k in range(workers)])
        return sum(losses)

    products = make_products(network, flat.gradients, parts[0].g_z if workers == 1 else None)
    return Handwritten(
        step, products, flat, workload.params, adam.restart, threads=THREADS[workers]
    )


def make_network(params: Named, rows: int, time: int) -> tuple[Network, list[Job]]:
    """The shared part, and what folds each layer's weights."""
    d = params["P"].shape[1]
    weights = [pick_weights(params, layer) for layer in range(1, LAYERS + 1)]
    folded = [make_folded(one) for one in weights]
    g_h = g_out = aligned(rows * time, d)
    buffers: list[Buffers] = []
    for _ in range(LAYERS):
        buffers.insert(0, make_buffers(rows, time, d, g_out))
        g_out = buffers[0].g_in
    h = aligned(rows * time, d)
    network = Network(params, weights, [one for one, _ in folded], buffers, h, g_h)
    return network, [fold for _, fold in folded]


def make_rows(network: Network, cut: slice, time: int, count: int) -> Rows:
    """For the rows of `cut`, of a batch of `count` tokens."""
    tokens = slice(cut.start * time, cut.stop * time)
    n, d = tokens.stop - tokens.start, network.h.shape[1]
    h, g_h = network.h[tokens], network.g_h[tokens]
    by_row = h.reshape(-1, time, d)
    E, P, U = (network.params[name] for name in "EPU")
    U_T, z_T = U.T, aligned(len(U.T), n)
    compute_loss = make_softmax_loss(z_T, count)
    norm, scratch = make_norm(n, d), aligned(n, d)
    layers = [
        make_layer(*parts, cut, time, h, norm, scratch)
        for parts in zip(network.weights, network.folded, network.buffers, strict=True)
    ]
    back = [reverse for _, reverse in reversed(layers)]

    def sweep(x: Array, y: Array) -> float:
        E.take(x, 0, by_row, "clip")
        add(by_row, P, by_row)
        for forward, _ in layers:
            forward()
        dot(U_T, h.T, z_T)
        loss = compute_loss(y)
        dot(z_T.T, U_T, g_h)
        for reverse in back:
            reverse()
        return loss

    return Rows(cut, sweep, z_T)


def make_layer(
    p: Weights,
    folded: Folded,
    of_all: Buffers,
    cut: slice,
    time: int,
    h: Array,
    norm: tuple[Callable[..., None], Callable[..., None]],
    scratch: Array,
) -> tuple[Job, Job]:
    """A layer's sweeps for the rows of `cut`, whose tokens are the rows of `h`."""
    of = cut_buffers(of_all, cut, time)
    normalize, pull_norm = norm
    g_seen, g_n = aligned(*h.shape), aligned(*h.shape)
    attend, pull_attention = make_attention(of, g_seen)
    activate, pull_gelu = make_gelu(of, folded.c1)
    Q_T, O_T, W1_T, W2_T = folded.Q.T, p.O.T, folded.W1.T, folded.W2.T

    def forward() -> None:
        normalize(h, of.n1, of.s1)
        dot(of.n1, folded.Q, of.qkv)
        add(of.qkv, folded.b, of.qkv)
        attend()
        dot(of.seen, p.O, scratch)
        add(h, scratch, h)
        normalize(h, of.n2, of.s2)
        dot(of.n2, folded.W1, of.inner)
        activate()
        dot(of.inner, folded.W2, scratch)
        add(scratch, p.c2, scratch)
        add(h, scratch, h)

    def reverse() -> None:
        dot(of.g_out, W2_T, of.g_inner)
        pull_gelu()
        dot(of.g_inner, W1_T, g_n)
        pull_norm(g_n, of.n2, of.s2, of.g_out, of.g_middle)
        dot(of.g_middle, O_T, g_seen)
        pull_attention()
        dot(of.g_qkv, Q_T, g_n)
        pull_norm(g_n, of.n1, of.s1, of.g_middle, of.g_in)

    return forward, reverse


def make_descents(
    network: Network, gradients: Named, parts: list[Rows], rows: int
) -> list[Callable[[Array], object]]:
    """The gradients of all parameters, in jobs that take about as long in the order in which they
    are dealt out."""
    found: list[Callable[[Array], object]] = []
    for layer, (p, of) in enumerate(zip(network.weights, network.buffers, strict=True), start=1):
        attention, dense = make_descent(p, pick_weights(gradients, layer), of)
        pair = (attention, dense) if layer % 2 else (dense, attention)
        found += [ignore_batch(job) for job in pair]
    return [*found, make_embedding(network, gradients, rows), make_head(network, gradients, parts)]


def ignore_batch(job: Job) -> Callable[[Array], object]:
    """A job that doesn't read the batch, among those that do."""
    return lambda x: job()


def make_embedding(network: Network, gradients: Named, rows: int) -> Callable[[Array], None]:
    """Tokens and places. A product with ones where a token stands is quicker than adding rows
    where they belong."""
    g = network.buffers[0].g_in
    hot = aligned(len(g), len(gradients["E"]))
    hot_T, every, ones = hot.T, np.arange(len(g)), np.ones(rows, np.float32)
    by_row, g_places = g.reshape(rows, -1), gradients["P"].reshape(-1)

    def descend(x: Array) -> None:
        hot.fill(0)
        hot[every, x.reshape(-1)] = 1
        dot(hot_T, g, gradients["E"])
        dot(ones, by_row, g_places)

    return descend


def make_head(network: Network, gradients: Named, parts: list[Rows]) -> Callable[[Array], None]:
    """The weights of the logits, from each worker's part of their cotangents."""
    h, g_U = network.h, gradients["U"]
    tokens = len(h) // sum(part.cut.stop - part.cut.start for part in parts)
    pieces = [(h[part.cut.start * tokens : part.cut.stop * tokens].T, part.g_z.T) for part in parts]
    more = aligned(*g_U.shape)

    def descend(x: Array) -> None:
        (h_T, g_z), *others = pieces
        dot(h_T, g_z, g_U)
        for h_T, g_z in others:
            dot(h_T, g_z, more)
            add(g_U, more, g_U)

    return descend


def make_products(network: Network, gradients: Named, g_z: Array | None) -> Callable[[Array], None]:
    """The products of a step, in its layouts, over the whole batch."""
    h, U = network.h, network.params["U"]
    z_T = aligned(U.shape[1], len(h)) if g_z is None else g_z
    rows, _, time, _ = network.buffers[0].weights.shape
    scratch, scores = aligned(*h.shape), aligned(*network.buffers[0].weights.shape)
    scores_T = scores.swapaxes(2, 3)

    def heads(x: Array) -> list[Array]:
        d = h.shape[1]
        parts = [x[:, start : start + d] for start in range(0, x.shape[1], d)]
        return [part.reshape(rows, time, scores.shape[1], -1).swapaxes(1, 2) for part in parts]

    def multiply_layer(p: Weights, folded: Folded, of: Buffers) -> None:
        q, k, v = heads(of.qkv)
        dot(of.n1, folded.Q, of.qkv)
        matmul(k, q.swapaxes(2, 3), scores)
        matmul(scores_T, v, heads(scratch)[0])
        dot(of.seen, p.O, scratch)
        dot(of.n2, folded.W1, of.inner)
        dot(of.inner, folded.W2, scratch)

    def multiply_back(p: Weights, folded: Folded, of: Buffers, g: Weights) -> None:
        (q, k, v), (g_q, g_k, g_v), (seen,) = heads(of.qkv), heads(of.g_qkv), heads(scratch)
        dot(of.g_out, folded.W2.T, of.g_inner)
        dot(of.g_inner, folded.W1.T, scratch)
        dot(of.g_middle, p.O.T, scratch)
        matmul(scores, seen, g_v)
        matmul(v, seen.swapaxes(2, 3), scores)
        matmul(scores_T, k, g_q)
        matmul(scores, q, g_k)
        dot(of.g_qkv, folded.Q.T, scratch)
        dot(of.n1.T, of.g_qkv, g.Q)
        dot(of.seen.T, of.g_middle, g.O)
        dot(of.n2.T, of.g_inner, g.W1)
        dot(of.inner.T, of.g_out, g.W2)

    layers = list(zip(network.weights, network.folded, network.buffers, strict=True))
    of_layers = [pick_weights(gradients, layer) for layer in range(1, LAYERS + 1)]

    def products(x: Array) -> None:
        for parts in layers:
            multiply_layer(*parts)
        dot(U.T, h.T, z_T)
        dot(z_T.T, U.T, network.g_h)
        dot(h.T, z_T.T, gradients["U"])
        for parts, g in zip(reversed(layers), reversed(of_layers), strict=True):
            multiply_back(*parts, g)

    return products
