"""Memory of hand-written steps: aligned buffers, and parameters that lie one behind the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from workloads import Array

ALIGNMENT = 64  # bytes; a cache line, and the widest vector register


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
    moments: dict[str, Array]


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

    flat = Flat(p, g, m, v, name_views(p), name_views(g), name_views(m))
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
    size = 4 * prod(shape)
    memory = np.zeros(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(np.float32).reshape(shape)


def bits(array: Array) -> Array:
    """A float32 array's memory as integers."""
    return array.view(np.int32)


def scalar(value: float) -> Array:
    """A float32 array without axes."""
    return np.array(value, np.float32)
