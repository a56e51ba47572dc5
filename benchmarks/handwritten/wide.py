"""wide by hand: the classifier of digits with Adam in stretches; and a step by two workers."""

from collections.abc import Callable

import numpy as np

from handwritten.adam import STRETCH, Four, cut_stretches, make_adam
from handwritten.digits import make_classifier
from handwritten.flat import Flat, aligned, bits, make_flat
from handwritten.pair import Job, make_run
from handwritten.softmax import make_softmax_loss
from handwritten.step import Handwritten
from workloads import Array, Workload

add, dot, copy = np.add, np.dot, np.copyto
negative, shift, bitwise_and = np.negative, np.right_shift, np.bitwise_and

# What a worker does with its rows of a batch, and the loss it finds.
Rows = Callable[[Array, Array], float]


def make_wide(workload: Workload) -> Handwritten:
    """One worker, both threads for each product."""
    return make_classifier(workload, cut_stretches, threads=2)


def make_wide_pair(workload: Workload) -> Handwritten:
    """Each worker takes half of the rows as far as their cotangents; then half of the weights, in
    stretches of rows, and updates each while its gradient is in the cache."""
    rows, widths = len(workload.x), workload.widths
    flat, adam, run = make_flat(workload.params), make_adam(), make_run(2)
    first = make_classifier(workload, cut_stretches, threads=1)
    values = [aligned(rows, width) for width in widths[1:-1]]  # of the hidden layers
    cotangents = [aligned(rows, width) for width in widths[1:]]
    half = rows // 2
    sweeps = [
        make_sweep(workload, flat, values, cotangents, slice(start, start + half))
        for start in (0, half)
    ]
    ones = np.ones(rows, np.float32)
    cuts = [cut_weights(workload, flat, part) for part in (0, 1)]
    biases = list_biases(flat, cotangents)

    def step(x: Array, y: Array) -> float:
        losses = [0.0, 0.0]

        def sweep(part: int) -> Job:
            here = slice(part * half, (part + 1) * half)

            def job() -> None:
                losses[part] = sweeps[part](x[here], y[here])

            return job

        def descend(part: int) -> Job:
            def job() -> None:
                for layer, columns, gradient, four in cuts[part]:
                    before = values[layer - 1] if layer else x
                    dot(before[:, columns].T, cotangents[layer], gradient)
                    adam.update(*four)
                if part:
                    for cotangent, (p, g, m, v) in biases:
                        dot(ones, cotangent, g)
                        adam.update(p, g, m, v)

            return job

        adam.advance()
        run([sweep(0), sweep(1)])
        run([descend(0), descend(1)])
        return losses[0] + losses[1]

    return Handwritten(step, first.products, flat, workload.params, adam.restart, threads=1)


def make_sweep(
    workload: Workload, flat: Flat, values: list[Array], cotangents: list[Array], part: slice
) -> Rows:
    """Forward, loss and reverse for the rows of `part`."""
    rows, classes = part.stop - part.start, workload.widths[-1]
    W1, b1, W2, b2, W3, b3 = flat.params.values()
    W2_T = W2.T
    h1, h2 = (value[part] for value in values)
    g_h1, g_h2, z = (cotangent[part] for cotangent in cotangents)
    z_T, h2_T, W3_T, b3_column = aligned(classes, rows), h2.T, W3.T, b3.reshape(classes, 1)
    h1_bits, h2_bits, g_h1_bits, g_h2_bits = (bits(array) for array in (h1, h2, g_h1, g_h2))
    mask1, mask2 = np.empty(h1.shape, np.int32), np.empty(h2.shape, np.int32)
    sign = np.array(31, np.int32)
    compute_loss = make_softmax_loss(z_T, len(workload.x))

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
        copy(z, z_T.T)
        dot(z, W3_T, g_h2)
        bitwise_and(g_h2_bits, mask2, g_h2_bits)
        dot(g_h2, W2_T, g_h1)
        bitwise_and(g_h1_bits, mask1, g_h1_bits)
        return loss

    return sweep


def cut_weights(workload: Workload, flat: Flat, part: int) -> list[tuple[int, slice, Array, Four]]:
    """A worker's stretches of rows of each weight: the layer, the columns of what comes before it,
    the gradient, and what Adam takes."""
    scratch, found = aligned(STRETCH), []
    names = [name for name in flat.params if name.startswith("W")]
    for layer, name in enumerate(names):
        fan_in, fan_out = flat.params[name].shape
        start = address(flat, name)
        middle = fan_in // 2
        first, last = (0, middle) if part == 0 else (middle, fan_in)
        count = max(1, STRETCH // fan_out)
        for row in range(first, last, count):
            columns = slice(row, min(row + count, last))
            size = (columns.stop - row) * fan_out
            here = slice(start + row * fan_out, start + row * fan_out + size)
            g = scratch[:size]
            found.append(
                (
                    layer,
                    columns,
                    g.reshape(-1, fan_out),
                    (flat.p[here], g, flat.m[here], flat.v[here]),
                )
            )
    return found


def list_biases(flat: Flat, cotangents: list[Array]) -> list[tuple[Array, Four]]:
    """Each bias, beside the cotangent whose columns add up to its gradient."""
    found = []
    for name, cotangent in zip(
        [n for n in flat.params if n.startswith("b")], cotangents, strict=True
    ):
        start = address(flat, name)
        here = slice(start, start + flat.params[name].size)
        found.append((cotangent, (flat.p[here], flat.g[here], flat.m[here], flat.v[here])))
    return found


def address(flat: Flat, name: str) -> int:
    """Where a parameter starts in the flat arrays."""
    return (flat.params[name].ctypes.data - flat.p.ctypes.data) // flat.p.itemsize
