"""Adam on flat arrays, whole or in stretches that a cache holds."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from handwritten.flat import Flat, scalar
from workloads import BETA1, BETA2, EPSILON, LEARNING_RATE, Array

add, subtract, multiply, divide, sqrt = np.add, np.subtract, np.multiply, np.divide, np.sqrt

# Elements of a stretch: its p, g, m and v are 1 MiB.
STRETCH = 1 << 16

# A parameter's p, g, m and v, or those of a part of it.
Four = tuple[Array, Array, Array, Array]


@dataclass(frozen=True, slots=True)
class Adam:
    """`advance` comes first in a step; `update` takes p, g, m, v and uses up g; `restart` starts
    the count of steps again."""

    advance: Callable[[], None]
    update: Callable[[Array, Array, Array, Array], None]
    restart: Callable[[], None]


def make_adam() -> Adam:
    """An Adam with its own count.

    The moments are kept without their factors 1 - β, and the corrections 1 - βᵗ are moved into
    the step size and ε: M = m/(1-β₁), V = v/(1-β₂), q = √((1-β₂ᵗ)/(1-β₂)) give
    p ← p - γ(1-β₁)q/(1-β₁ᵗ) · M/(√V + εq), which is Adam's update in ten passes.
    """
    beta1, beta2, rate, epsilon = scalar(BETA1), scalar(BETA2), scalar(0), scalar(0)
    t = 0

    def advance() -> None:
        nonlocal t
        t += 1
        q = ((1 - BETA2**t) / (1 - BETA2)) ** 0.5
        rate[()] = LEARNING_RATE * (1 - BETA1) * q / (1 - BETA1**t)
        epsilon[()] = EPSILON * q

    def update(p: Array, g: Array, m: Array, v: Array) -> None:
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

    return Adam(advance, update, restart)


def cut_stretches(flat: Flat) -> list[Four]:
    """All parameters, in stretches of `STRETCH`."""
    p, g, m, v = flat.p, flat.g, flat.m, flat.v
    cuts = [slice(start, start + STRETCH) for start in range(0, len(p), STRETCH)]
    return [(p[cut], g[cut], m[cut], v[cut]) for cut in cuts]
