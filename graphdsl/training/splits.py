"""Which rows go to which part: drawn from a seed, the same for ever.

The draw uses nothing but Philox's raw 64-bit words, which NumPy keeps stable (its generators'
methods may change): row i gets word i of the stream keyed by [seed, 0] at counter [0, 0, 0, 1],
and the rows are taken in the order of their words. A part holds its rows in the source's order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import DataError, Diagnostic, did_you_mean

NAMES = ("train", "valid", "test")
SPLIT, ORDER, BLOCKS, WINDOW = 1, 2, 3, 4
"""What a stream is for: the last word of its counter, so that no two ever meet."""


def shuffled(rows: int, seed: int, number: int, purpose: int, turn: int = 0) -> Array:
    """The rows 0, …, rows - 1 in the order that (seed, number, purpose, turn) gives: i64[rows]."""
    key = np.array([seed, number], np.uint64)
    words = np.random.Philox(key=key, counter=[0, 0, turn, purpose]).random_raw(rows)
    # a quarter of the stable sort's time; equal words, one chance in 2**64 a pair, are put right
    order = np.argsort(words)
    ascending = words[order]
    if (ascending[1:] == ascending[:-1]).any():
        order = np.argsort(words, kind="stable")
    return order


def split(
    rows: int, fractions: Sequence[float], seed: int, classes: Array | None = None
) -> dict[str, Array]:
    """The rows of each part, ascending; `classes`, one of each row, are spread evenly.

    Sizes are rounded to the largest remainder, within each class where there are classes. Raises
    `DataError` for a part without rows and for a class with fewer members than there are parts.
    """
    order = shuffled(rows, seed, 0, SPLIT)
    if classes is None:
        chosen = [list(_cut(order, _sizes(rows, fractions, least=0)))]
    else:
        chosen = [
            list(_cut(members, _sizes(len(members), fractions, least=1)))
            for members in _members(order, classes, len(fractions))
        ]
    parts = [np.sort(np.concatenate(pieces)) for pieces in zip(*chosen, strict=True)]
    for name, part in zip(NAMES, parts, strict=False):
        if not len(part):
            message = f"the {name} part is empty: {rows} rows are split as {list(fractions)}"
            help = ("choose other fractions, or give the data more rows",)
            raise DataError(Diagnostic("E0616", message, (), help))
    return dict(zip(NAMES, parts, strict=False))


def split_by(values: Array, column: str, place: Callable[[int], str]) -> dict[str, Array]:
    """The rows of each part as a column names it, ascending; `place` names a row in a message.

    Raises `DataError` for a value that is no part's name, and if no row is to be trained on.
    """
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    strange = np.flatnonzero(~np.isin(values, NAMES))
    if len(strange):
        found = f"column '{column}' holds '{values[strange[0]]!s:.40}' in {place(int(strange[0]))}"
        help = (*did_you_mean(str(values[strange[0]]), NAMES), f"parts are {', '.join(NAMES)}")
        message = f"{found}, which is no part of the data"
        raise DataError(Diagnostic("E0623", message, (), help))
    parts = {name: np.flatnonzero(values == name) for name in NAMES}
    if not len(parts["train"]):
        message = f"the train part is empty: no row of column '{column}' says train"
        raise DataError(Diagnostic("E0616", message, (), ("give some rows the value train",)))
    return {name: rows for name, rows in parts.items() if len(rows)}


def _members(order: Array, classes: Array, parts: int) -> Iterator[Array]:
    """The rows of each class, in the order drawn."""
    values, codes = np.unique(classes, return_inverse=True)
    counts = np.bincount(codes, minlength=len(values))
    few = np.flatnonzero(counts < parts)
    if len(few):
        value, count = values[few[0]], counts[few[0]]
        held = "1 row" if count == 1 else f"{count} rows"
        message = f"class {value!s} has {held}, fewer than the {parts} parts of the split"
        help = ("stratify takes a column of classes, each with rows enough for every part",)
        raise DataError(Diagnostic("E0617", message, (), help))
    codes = codes[order]
    by_class = order[np.argsort(codes, kind="stable")]
    yield from np.split(by_class, np.cumsum(counts)[:-1])


def _sizes(rows: int, fractions: Sequence[float], least: int) -> list[int]:
    """How many rows each part gets: the largest remainders are rounded up."""
    exact = [rows * fraction for fraction in fractions]
    sizes = [int(size + 1e-9) for size in exact]
    by_remainder = sorted(range(len(sizes)), key=lambda i: (sizes[i] - exact[i], i))
    for index in by_remainder[: rows - sum(sizes)]:
        sizes[index] += 1
    while least and 0 in sizes:
        sizes[sizes.index(max(sizes))] -= 1
        sizes[sizes.index(0)] += 1
    return sizes


def _cut(order: Array, sizes: Sequence[int]) -> Iterator[Array]:
    start = 0
    for size in sizes:
        yield order[start : start + size]
        start += size
