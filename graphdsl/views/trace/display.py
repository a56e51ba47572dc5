"""Values for a reader: an array comes in, lines of text go out. Small ones are shown whole, of
large ones the shape, the range and the norm are told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from graphdsl.graph.kernel import Array
from graphdsl.graph.types import DType

COLUMNS = 8
"""Columns of the widest matrix that is shown whole."""
LINES = 12
"""Rows of the longest one."""
NAMES = {dtype.numpy: str(dtype) for dtype in DType}
EXACT = {DType.f32.numpy: 7, DType.f64.numpy: 15}
"""Digits of a number that stands alone: what its type holds."""
DIGITS = 6
"""Digits of a number among others."""


def is_small(value: Array) -> bool:
    """Whether an array is shown whole."""
    shape = value.shape
    wide, high = shape[-1] if shape else 1, shape[0] if len(shape) == 2 else 1
    return value.ndim <= 2 and 0 < wide <= COLUMNS and 0 < high <= LINES


def value_lines(value: Array, room: int) -> list[str]:
    """An array: a number, a row, a line for each row of a matrix; what it is like, if it is large
    or its lines are longer than `room`."""
    if not is_small(value):
        return summary_lines(value)
    if value.ndim == 0:
        return [exact_number(value)]
    lines = matrix_lines([[number(x) for x in row] for row in np.atleast_2d(value)])
    return lines if len(lines[0]) <= room else summary_lines(value)


def number(value: Array, digits: int = DIGITS) -> str:
    """One element."""
    if value.dtype.kind == "b":
        return "true" if value else "false"
    return f"{float(value):.{digits}g}" if value.dtype.kind == "f" else str(value)


def exact_number(value: Array) -> str:
    """The one element of a scalar, in all the digits that its type holds."""
    return number(value, EXACT.get(value.dtype, DIGITS))


def summary_lines(value: Array) -> list[str]:
    """Type, shape and Euclidean norm; least and largest number; how many are not finite."""
    kind = f"{NAMES[value.dtype]}[{', '.join(map(str, value.shape))}]"
    if not value.size:
        return [kind]
    if value.dtype.kind == "b":
        return [kind, f"{int(value.sum()):,} of {value.size:,} true"]
    numbers = value.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    lines = [kind]
    if finite.size:
        lines = [f"{kind}, ‖·‖ {_norm(finite):.{DIGITS}g}"]
        lines.append(f"{finite.min():.{DIGITS}g} … {finite.max():.{DIGITS}g}")
    if finite.size < value.size:
        lines.append(f"{value.size - finite.size:,} not finite")
    return lines


def matrix_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """Cells in columns, between brackets."""
    return [f"[{'  '.join(row)}]" for row in _aligned(rows)]


def _norm(values: Array) -> float:
    """The Euclidean norm; nothing overflows on the way."""
    largest = float(np.abs(values).max())
    if largest == 0:
        return 0.0
    with np.errstate(under="ignore"):
        return largest * float(np.sqrt(np.square(values / largest).sum()))


def _aligned(table: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    """Cells padded so that the points of a column stand below one another."""
    columns = list(zip(*table, strict=True))
    padded = [_on_point(column) for column in columns]
    for row in zip(*padded, strict=True):
        yield list(row)


def _on_point(column: Sequence[str]) -> list[str]:
    split = [_parted(cell) for cell in column]
    left, right = (max(len(pair[i]) for pair in split) for i in (0, 1))
    return [f"{before:>{left}}{behind:<{right}}" for before, behind in split]


def _parted(cell: str) -> tuple[str, str]:
    """What stands before the point, and the rest."""
    at = next((i for i, character in enumerate(cell) if character in ".e"), len(cell))
    return cell[:at], cell[at:]
