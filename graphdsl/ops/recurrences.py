"""Linear recurrences on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def recur(a: Array, b: Array, out: Array) -> None:
    """out₀ = b₀, outᵢ = aᵢ outᵢ₋₁ + bᵢ along the first axis."""
    if len(out):
        np.copyto(out[0, ...], b[0])
    for i in range(1, len(out)):
        np.multiply(a[i], out[i - 1], out[i, ...])
        np.add(out[i], b[i], out[i, ...])
