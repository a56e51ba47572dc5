"""Functions of arrays that NumPy lacks: what they share. They compute in f64, block by block, in
`work`: rows of f64 that stay in the cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
ROWS = 8
"""The rows of `work` that the functions need at most."""
BLOCK = 4096
"""How many elements fit into the cache with all their rows."""


def in_blocks(function: Callable[[Array], None], x: Array, out: Array, work: Array) -> None:
    """Apply `function` to a block at a time: it reads row 0 of `work` and writes row 1."""
    width = work.shape[1]
    for start in range(0, x.size, width):
        part = x[start : start + width]
        rows = work[:, : part.size]
        np.copyto(rows[0], part)
        function(rows)
        np.copyto(out[start : start + width], rows[1], casting="same_kind")


def horner(coefficients: Sequence[float], t: Array, out: Array) -> None:
    """The polynomial with these coefficients, the constant first, at `t`."""
    np.multiply(t, coefficients[-1], out)
    for coefficient in coefficients[-2:0:-1]:
        np.add(out, coefficient, out)
        np.multiply(out, t, out)
    np.add(out, coefficients[0], out)
