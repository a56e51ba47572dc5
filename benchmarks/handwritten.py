"""The workloads' training steps as a good engineer writes them by hand: straight-line NumPy.

In, a `Workload`; out, a `Handwritten` step. Everything is allocated once; a step makes one call
for each kernel, into a buffer that waits for it. Compiled programs are measured against this.
What measuring has shown to matter, and each step below therefore does:

- Parameters, gradients and each of Adam's moments are one flat array: Adam is ten calls in all.
- `out` is passed by position, and a scalar is an array made beforehand: both save 0.3 µs a call.
- `dot` starts sooner than `matmul`, and `dot(ones, X)` sums columns sooner than `X.sum(axis=0)`.
- ReLU by the sign bit, on a view as integers, is quicker than `maximum` and leaves the mask that
  the reverse sweep needs. (It takes a NaN of negative sign for 0.)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from workloads import BETA1, BETA2, EPSILON, LEARNING_RATE, Array, Workload

ALIGNMENT = 64  # bytes; a cache line, and the widest vector register

add, subtract, multiply, divide = np.add, np.subtract, np.multiply, np.divide
dot, exp, log, sqrt = np.dot, np.exp, np.log, np.sqrt
negative, shift, bitwise_and = np.negative, np.right_shift, np.bitwise_and


@dataclass(frozen=True, slots=True)
class Handwritten:
    """A step, its parameters as live views, and the products of one step on their own."""

    step: Callable[[Array, Array], float]
    products: Callable[[Array], None]
    params: Mapping[str, Array]
    reset: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Flat:
    """Parameters `p`, gradients `g` and Adam's moments `m`, `v`: named views of four flat arrays.

    Every tensor starts at a multiple of `ALIGNMENT`; the gaps between them stay zero.
    """

    p: Array
    g: Array
    m: Array
    v: Array
    params: dict[str, Array]
    gradients: dict[str, Array]


def make_flat(params: Mapping[str, Array]) -> Flat:
    """Lay `params` out one behind the other and copy them in."""
    offsets, size = {}, 0
    for name, value in params.items():
        offsets[name] = size
        size += -(-value.nbytes // ALIGNMENT) * ALIGNMENT // value.itemsize
    p, g, m, v = (aligned(size) for _ in range(4))

    def name_views(flat: Array) -> dict[str, Array]:
        return {
            name: flat[start : start + params[name].size].reshape(params[name].shape)
            for name, start in offsets.items()
        }

    flat = Flat(p, g, m, v, name_views(p), name_views(g))
    restore(flat, params)
    return flat


def restore(flat: Flat, params: Mapping[str, Array]) -> None:
    """Back to the state before the first step, but for its count."""
    for name, value in params.items():
        flat.params[name][...] = value
    flat.m.fill(0)
    flat.v.fill(0)


def aligned(*shape: int) -> Array:
    """Zeros of float32 that start at a multiple of `ALIGNMENT`."""
    count = int(np.prod(shape))
    memory = np.zeros(4 * count + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + 4 * count].view(np.float32).reshape(shape)


def scalar(value: float) -> Array:
    """A float32 array without axes."""
    return np.array(value, np.float32)


def make_adam(flat: Flat) -> tuple[Callable[[], None], Callable[[], None]]:
    """One Adam update of all parameters, and what starts its count again. It uses up `flat.g`.

    The moments are kept without their factors 1 - β, and the corrections 1 - βᵗ are moved into
    the step size and ε: M = m/(1-β₁), V = v/(1-β₂), q = √((1-β₂ᵗ)/(1-β₂)) give
    p ← p - γ(1-β₁)q/(1-β₁ᵗ) · M/(√V + εq), which is Adam's update in ten passes.
    """
    p, g, m, v = flat.p, flat.g, flat.m, flat.v
    beta1, beta2, rate, epsilon = scalar(BETA1), scalar(BETA2), scalar(0), scalar(0)
    t = 0

    def update() -> None:
        nonlocal t
        t += 1
        q = ((1 - BETA2**t) / (1 - BETA2)) ** 0.5
        rate[()] = LEARNING_RATE * (1 - BETA1) * q / (1 - BETA1**t)
        epsilon[()] = EPSILON * q
        multiply(m, beta1, m)
        add(m, g, m)
        multiply(g, g, g)
        multiply(v, beta2, v)
        add(v, g, v)
        sqrt(v, g)
        add(g, epsilon, g)
        divide(m, g, g)
        multiply(g, rate, g)
        subtract(p, g, p)

    def restart() -> None:
        nonlocal t
        t = 0

    return update, restart


def make_micro(workload: Workload) -> Handwritten:
    """relu(x W1 + b1) W2 + b2, mean squared error; x: [32, 2], y: [32, 1]."""
    rows, (_, units, _) = len(workload.x), workload.widths
    flat = make_flat(workload.params)
    update, restart = make_adam(flat)
    W1, b1, W2, b2 = flat.params.values()
    g_W1, g_b1, g_W2, g_b2 = flat.gradients.values()
    W2_T, b2_0 = W2.T, b2.reshape(())

    h, g_h, z = aligned(rows, units), aligned(rows, units), aligned(rows, 1)
    h_T, z_1 = h.T, z.reshape(-1)
    mask = np.empty((rows, units), np.int32)
    h_bits, g_h_bits = h.view(np.int32), g_h.view(np.int32)
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
        update()
        return loss

    def products(x: Array) -> None:
        dot(x, W1, h)
        dot(h, W2, z)
        dot(h_T, z, g_W2)
        dot(z, W2_T, g_h)
        dot(x.T, g_h, g_W1)

    def reset() -> None:
        restore(flat, workload.params)
        restart()

    return Handwritten(step, products, flat.params, reset)


def make_digits(workload: Workload) -> Handwritten:
    """Two hidden layers of ReLU and a softmax, mean cross entropy; x: [64, 64], y: i64[64].

    The last layer is computed as its transpose z_T: [10, 64]. A softmax over the first axis runs
    along rows of 64, over the last along rows of 10.
    """
    rows, (_, units1, units2, classes) = len(workload.x), workload.widths
    flat = make_flat(workload.params)
    update, restart = make_adam(flat)
    W1, b1, W2, b2, W3, b3 = flat.params.values()
    g_W1, g_b1, g_W2, g_b2, g_W3, g_b3 = flat.gradients.values()
    W2_T, W3_T, b3_column = W2.T, W3.T, b3.reshape(classes, 1)

    h1, g_h1 = aligned(rows, units1), aligned(rows, units1)
    h2, g_h2 = aligned(rows, units2), aligned(rows, units2)
    h1_T, h2_T = h1.T, h2.T
    mask1, mask2 = np.empty((rows, units1), np.int32), np.empty((rows, units2), np.int32)
    h1_bits, h2_bits = h1.view(np.int32), h2.view(np.int32)
    g_h1_bits, g_h2_bits = g_h1.view(np.int32), g_h2.view(np.int32)
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
        update()
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

    def reset() -> None:
        restore(flat, workload.params)
        restart()

    return Handwritten(step, products, flat.params, reset)


HANDWRITTEN = {"micro": make_micro, "digits": make_digits}
