"""How quick this machine is: its matrix product, and its clock."""

from __future__ import annotations

import time

import numpy as np

from graphdsl.graph.types import DType

SIDE = 512
"""Rows and columns of the product by which a machine is measured."""
TRIES = 10
"""How often a thing is timed at least: on a busy machine most of them wait for a core."""


def product_rate(dtype: DType, seconds: float = 0.05) -> float:
    """The multiplications and additions a second of this machine's matrix product, at its best in
    so many seconds, and in `TRIES`."""
    generator = np.random.Generator(np.random.Philox(key=1))
    a, b = (generator.random((SIDE, SIDE)).astype(dtype.numpy) for _ in range(2))
    out = np.empty_like(a)
    took: list[float] = []
    end = time.perf_counter() + seconds
    while len(took) < TRIES or time.perf_counter() < end:
        start = time.perf_counter()
        np.dot(a, b, out)
        took.append(time.perf_counter() - start)
    return 2 * SIDE**3 / min(took)


def reading_cost(readings: int = 400) -> float:
    """The seconds that one reading of the clock takes, at its best in `TRIES`."""
    space = {"now": time.perf_counter, "took": [0.0] * readings, "count": readings}
    code = compile("for i in range(count):\n    took[i] = now()\n", "<clock>", "exec")
    took: list[float] = []
    for _ in range(TRIES):
        start = time.perf_counter()
        exec(code, space)
        took.append(time.perf_counter() - start)
    return min(took) / readings
