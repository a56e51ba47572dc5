"""wide by hand: the classifier of digits with Adam in stretches; and a step by two workers."""

import numpy as np

from handwritten.adam import STRETCH, Four, cut_stretches, make_adam
from handwritten.classifier import make_sweep
from handwritten.digits import make_classifier
from handwritten.flat import Flat, aligned, make_flat
from handwritten.pair import Job, make_run
from handwritten.step import Handwritten
from workloads import Array, Workload

dot, copy = np.dot, np.copyto


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
    halves = [slice(0, half), slice(half, rows)]
    z_T = [aligned(widths[-1], half) for _ in halves]
    sweeps = [
        make_sweep(
            flat.params,
            [value[here] for value in values],
            [cotangent[here] for cotangent in cotangents[:-1]],
            z_T[part],
            rows,
        )
        for part, here in enumerate(halves)
    ]
    ones = np.ones(rows, np.float32)
    cuts = [cut_weights(workload, flat, part) for part in (0, 1)]
    biases = list_biases(flat, cotangents)

    def step(x: Array, y: Array) -> float:
        losses = [0.0, 0.0]

        def sweep(part: int) -> Job:
            here = halves[part]

            def job() -> None:
                losses[part] = sweeps[part](x[here], y[here])
                copy(cotangents[-1][here], z_T[part].T)

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
