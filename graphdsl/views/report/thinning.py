"""Fewer points that look the same: a curve of any length comes in, what a picture shows goes out.

A column of pixels shows of a curve no more than where it enters, where it leaves and how far it
reaches: its first, least, greatest and last value (M4; Jugel, Jerzak, Hackenbroich and Markl,
VLDB 2014). A curve of no more points than that is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from graphdsl.graph.kernel import Array

COLUMNS = 600
"""Columns of pixels that a curve is thinned for: what a panel of the page is wide."""


def thin(x: Array, y: Array, columns: int = COLUMNS) -> Array:
    """The indices, rising, of the points that are drawn; `x` rises. Where a value is not finite
    one such point stays, so that the curve has its gap."""
    if not is_thinned(x, columns):
        return np.arange(len(x))
    kept: set[int] = set()
    for start, end in spans(x, x[0], x[-1], columns):
        kept.update(_telling(y[start:end], start))
    return np.array(sorted(kept))


def is_thinned(x: Array, columns: int = COLUMNS) -> bool:
    """Whether a curve has more points than a picture shows."""
    return len(x) > 4 * columns


def medians(x: Array, y: Array, columns: int = COLUMNS) -> tuple[Array, Array]:
    """The middle of each column that holds points, and the median of its finite values; nan where
    there are none."""
    found = list(spans(x, x[0], x[-1], columns))
    places = np.array([(x[start] + x[end - 1]) / 2 for start, end in found])
    inside = (y[start:end][np.isfinite(y[start:end])] for start, end in found)
    with np.errstate(over="ignore"):  # the middle of two huge numbers may be beyond any float
        values = np.array([np.median(one) if len(one) else np.nan for one in inside])
    return places, values


def spans(x: Array, low: float, high: float, columns: int = COLUMNS) -> Iterator[tuple[int, int]]:
    """The columns that hold points, each as the indices from its first up to behind its last."""
    at = np.minimum(((x - low) / (high - low) * columns).astype(np.int64), columns - 1)
    starts = [0, *(np.flatnonzero(np.diff(at)) + 1).tolist(), len(x)]
    return pairwise(starts)


def _telling(values: Array, start: int) -> Iterator[int]:
    finite = np.isfinite(values)
    inside = np.flatnonzero(finite)
    if len(inside) < len(values):
        yield start + int(np.flatnonzero(~finite)[0])
    if len(inside):
        numbers = values[inside]
        for at in (0, int(numbers.argmin()), int(numbers.argmax()), len(inside) - 1):
            yield start + int(inside[at])


def ranges(
    x: Array, y: Array, columns: Sequence[tuple[float, float]]
) -> Iterator[tuple[float, float] | None]:
    """The least and the greatest value of a curve between the ends of each column."""
    for first, last in columns:
        start, end = np.searchsorted(x, first, "left"), np.searchsorted(x, last, "right")
        numbers = y[start:end][np.isfinite(y[start:end])]
        yield (float(numbers.min()), float(numbers.max())) if len(numbers) else None


def find_columns(x: Array, columns: int = COLUMNS) -> list[tuple[float, float]]:
    """What a reader can point at: each of few values of `x`, or stretches of many."""
    if len(x) <= columns:
        return [(float(one), float(one)) for one in x]
    return [(float(x[start]), float(x[end - 1])) for start, end in spans(x, x[0], x[-1], columns)]
