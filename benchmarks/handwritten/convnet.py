"""convnet by hand: two convolutions of 5 × 5, each with ReLU and the maximum of 2 × 2, and two
dense layers; mean cross entropy; x: [N, 1, 28, 28], y: i64[N].

Everything lies with the batch as its last axis, [channels, height, width, N]: a kernel's place is
then copied in long runs, a convolution is one product with the weights as they are, [out, in · 25],
and what flattens before the dense layers is a reshape. The maximum is taken before the bias and
ReLU, of a quarter as many; where it came from is kept as masks of bits.
"""

from collections.abc import Callable

import numpy as np

from handwritten.adam import Adam, cut_stretches, make_adam
from handwritten.flat import Flat, aligned, make_flat
from handwritten.pair import Job, make_run
from handwritten.pooling import Relu, make_pool
from handwritten.softmax import make_softmax_loss
from handwritten.step import Handwritten, Named
from workloads import Array, Workload

add, dot, copy = np.add, np.dot, np.copyto

SIZE = 5  # of a kernel
PLACES = [(i, j) for i in range(SIZE) for j in range(SIZE)]
HALVES = [(i, j) for i in range(2) for j in range(2)]

# Of each product, by the number of workers.
THREADS = {1: 2, 2: 1}

# A layer's forward sweep, and its reverse sweep.
Sweeps = tuple[Job, Job]
# An array and its cotangent.
Pair = tuple[Array, Array]


def make_convnet(workload: Workload, workers: int = 1) -> Handwritten:
    """The step and its buffers. Each worker has its rows of the batch and gradients of its own,
    which are added where the parameters are updated, each worker half of them."""
    rows = len(workload.x)
    flat, adam, run = make_flat(workload.params), make_adam(), make_run(workers)
    partial = [flat, *(make_flat(workload.params) for _ in range(workers - 1))]
    cuts = [slice(rows * k // workers, rows * (k + 1) // workers) for k in range(workers)]
    sweeps = [
        make_rows(flat.params, own.gradients, cut, rows)
        for own, cut in zip(partial, cuts, strict=True)
    ]
    updates = make_updates(adam, partial)

    def step(x: Array, y: Array) -> float:
        losses = [0.0] * workers

        def make_job(part: int) -> Job:
            def job() -> None:
                losses[part] = sweeps[part](x[cuts[part]], y[cuts[part]])

            return job

        run([make_job(part) for part in range(workers)])
        adam.advance()
        run(updates)
        return sum(losses)

    products = make_products(flat, rows)
    return Handwritten(
        step, products, flat, workload.params, adam.restart, threads=THREADS[workers]
    )


def make_updates(adam: Adam, partial: list[Flat]) -> list[Job]:
    """For each worker, the update of its part of the parameters from all workers' gradients."""
    stretches = [cut_stretches(own) for own in partial]
    pieces = [
        (four, [other[k][1] for other in stretches[1:]]) for k, four in enumerate(stretches[0])
    ]
    workers = len(partial)

    def make_job(part: int) -> Job:
        def job() -> None:
            for (p, g, m, v), others in pieces[part::workers]:
                for other in others:
                    add(g, other, g)
                adam.update(p, g, m, v)

        return job

    return [make_job(part) for part in range(workers)]


def make_rows(
    params: Named, gradients: Named, cut: slice, count: int
) -> Callable[[Array, Array], float]:
    """Both sweeps for some rows of a batch of `count`; the part of the loss that they add."""
    n = cut.stop - cut.start
    images = aligned(28, 28, n)
    p1, g_p1 = aligned(16, 12, 12, n), aligned(16, 12, 12, n)
    p2, g_p2 = aligned(32, 4, 4, n), aligned(32, 4, 4, n)
    flat_p1, flat_g_p1 = p1.reshape(16, -1), g_p1.reshape(16, -1)
    first, first_back = make_first(params, gradients, images, flat_p1, flat_g_p1)
    second, second_back = make_second(params, gradients, p1, g_p1, p2, g_p2)
    end = make_dense(params, gradients, p2.reshape(512, n), g_p2.reshape(512, n), count)
    rows_last = images.reshape(784, n)

    def sweep(x: Array, y: Array) -> float:
        copy(rows_last, x.reshape(n, 784).T)
        first()
        second()
        loss = end(y)
        second_back()
        first_back()
        return loss

    return sweep


def make_first(params: Named, gradients: Named, x: Array, p: Array, g_p: Array) -> Sweeps:
    """x [28, 28, n] to p [16, 12 · 12 · n].

    The four places that a maximum compares lie in four planes, so that it runs along memory: a
    kernel's places are copied from the images' even and odd rows and columns.
    """
    n = x.shape[-1]
    quarters = aligned(2, 2, 14, 14, n)
    columns, y, g_y = aligned(25, 4, 12, 12, n), aligned(16, 4, 144 * n), aligned(16, 4, 144 * n)
    splits = [(quarters[i, j], x[i::2, j::2]) for i, j in HALVES]
    copies = []
    for k, (i, j) in enumerate(PLACES):
        for plane, (a, c) in enumerate(HALVES):
            (row, i2), (column, j2) = divmod(a + i, 2), divmod(c + j, 2)
            source = quarters[i2, j2, row : row + 12, column : column + 12]
            copies.append((columns[k, plane], source))
    planes = [(y[:, plane], g_y[:, plane]) for plane in range(4)]
    convolve, reverse = make_convolution(
        *pick_layer(params, gradients, "c1"), columns, (y, g_y), planes, (p, g_p)
    )

    def forward() -> None:
        for to, source in splits:
            copy(to, source)
        for to, source in copies:
            copy(to, source)
        convolve()

    return forward, reverse


def make_second(
    params: Named, gradients: Named, x: Array, g_x: Array, p: Array, g_p: Array
) -> Sweeps:
    """x [16, 12, 12, n] to p [32, 4, 4, n]."""
    n = x.shape[-1]
    W_T = params["c2.W"].reshape(32, 400).T
    columns, g_columns = aligned(16, 25, 8, 8, n), aligned(16, 25, 8, 8, n)
    y, g_y = aligned(32, 8, 8, n), aligned(32, 8, 8, n)
    windows = [(k, np.s_[:, i : i + 8, j : j + 8]) for k, (i, j) in enumerate(PLACES)]
    copies = [(columns[:, k], x[window]) for k, window in windows]
    adds = [(g_x[window], g_columns[:, k]) for k, window in windows]
    planes = [(y[:, i::2, j::2], g_y[:, i::2, j::2]) for i, j in HALVES]
    convolve, reverse_convolution = make_convolution(
        *pick_layer(params, gradients, "c2"), columns, (y, g_y), planes, (p, g_p)
    )
    g_by_place, g_y_2 = g_columns.reshape(400, -1), g_y.reshape(32, -1)

    def forward() -> None:
        for to, source in copies:
            copy(to, source)
        convolve()

    def reverse() -> None:
        reverse_convolution()
        dot(W_T, g_y_2, g_by_place)
        g_x.fill(0)
        for to, addend in adds:
            add(to, addend, to)

    return forward, reverse


def pick_layer(params: Named, gradients: Named, layer: str) -> tuple[Pair, Pair]:
    """The weights, [out, in · 25], and the bias of a convolution, each with its gradient."""
    W, b = f"{layer}.W", f"{layer}.b"
    out = len(params[b])
    weights = params[W].reshape(out, -1), gradients[W].reshape(out, -1)
    return weights, (params[b].reshape(out, 1), gradients[b])


def make_convolution(
    weights: Pair, bias: Pair, columns: Array, values: Pair, planes: list[Pair], pooled: Pair
) -> Sweeps:
    """From a kernel's places in `columns` to the maxima of the four `planes` of the `values`, their
    bias and ReLU; and back, to the values' cotangent and the parameters' gradients. Each pair is an
    array and its cotangent."""
    (W, g_W), (b, g_b) = weights, bias
    y, g_y = (array.reshape(len(W), -1) for array in values)
    by_place = columns.reshape(W.shape[1], -1)
    take_largest, give_back = make_pool([p for p, _ in planes], [g for _, g in planes], *pooled)
    p, g_p = (array.reshape(len(W), -1) for array in pooled)
    relu, by_place_T, ones = Relu(p, g_p), by_place.T, np.ones(p.shape[1], np.float32)

    def forward() -> None:
        dot(W, by_place, y)
        take_largest()
        add(p, b, p)
        relu.forward()

    def reverse() -> None:
        relu.reverse()
        dot(g_p, ones, g_b)
        give_back()
        dot(g_y, by_place_T, g_W)

    return forward, reverse


def make_dense(
    params: Named, gradients: Named, x: Array, g_x: Array, count: int
) -> Callable[[Array], float]:
    """The two dense layers and the loss, there and back; x [512, n]."""
    n = x.shape[-1]
    W3, b3, W4, b4 = (params[name] for name in ("h.W", "h.b", "z.W", "z.b"))
    g_W3, g_b3, g_W4, g_b4 = (gradients[name] for name in ("h.W", "h.b", "z.W", "z.b"))
    W3_T, W4_T, b3, b4 = W3.T, W4.T, b3.reshape(-1, 1), b4.reshape(-1, 1)
    h, g_h = aligned(128, n), aligned(128, n)
    z = aligned(10, n)
    relu, ones, z_T = Relu(h, g_h), np.ones(n, np.float32), z.T
    compute_loss = make_softmax_loss(z, count)

    def sweep(y: Array) -> float:
        dot(W3_T, x, h)
        add(h, b3, h)
        relu.forward()
        dot(W4_T, h, z)
        add(z, b4, z)
        loss = compute_loss(y)
        dot(h, z_T, g_W4)
        dot(z, ones, g_b4)
        dot(W4, z, g_h)
        relu.reverse()
        dot(x, g_h.T, g_W3)
        dot(g_h, ones, g_b3)
        dot(W3, g_h, g_x)
        return loss

    return sweep


def make_products(flat: Flat, n: int) -> Callable[[Array], None]:
    """The products of a step, in its order and layouts."""
    W1, _, W2, _, W3, _, W4, _ = flat.params.values()
    g_W1, _, g_W2, _, g_W3, _, g_W4, _ = flat.gradients.values()
    W1, W2, g_W1, g_W2 = (array.reshape(len(array), -1) for array in (W1, W2, g_W1, g_W2))
    by_place1, y1 = aligned(25, 576 * n), aligned(16, 576 * n)
    by_place2, y2, g_by_place2 = aligned(400, 64 * n), aligned(32, 64 * n), aligned(400, 64 * n)
    p2, h, z = aligned(512, n), aligned(128, n), aligned(10, n)

    def products(x: Array) -> None:
        dot(W1, by_place1, y1)
        dot(W2, by_place2, y2)
        dot(W3.T, p2, h)
        dot(W4.T, h, z)
        dot(h, z.T, g_W4)
        dot(W4, z, h)
        dot(p2, h.T, g_W3)
        dot(W3, h, p2)
        dot(y2, by_place2.T, g_W2)
        dot(W2.T, y2, g_by_place2)
        dot(y1, by_place1.T, g_W1)

    return products
