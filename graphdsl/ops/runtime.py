"""What emitted programs call besides NumPy: checks of values that are known only while running."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class IndexFault(Exception):
    """An index that was fed or computed lies outside the axis it indexes."""

    def __init__(self, where: str, found: int, least: int, size: int) -> None:
        super().__init__(
            f"{where}: index {found} is out of range: expected {least} to {size - 1}"
            if size
            else f"{where}: index {found} is out of range: the axis is empty"
        )
        self.where = where
        self.found = found
        self.least = least
        self.size = size


def check_index(unsigned: Array, size: int, where: str) -> None:
    """Raise `IndexFault` unless 0 <= index < size for every index.

    `unsigned` are the indices, viewed as unsigned: what is negative is then beyond every size,
    and one pass finds both faults. `argmax` is several times faster than `max`.
    """
    if unsigned.item(unsigned.argmax()) >= size:
        _refuse(unsigned, 0, size, where)


def check_signed_index(unsigned: Array, size: int, where: str) -> None:
    """Raise `IndexFault` unless -size <= index < size for every index (see `check_index`)."""
    if unsigned.item(unsigned.argmax()) >= size:
        _refuse(unsigned, -size, size, where)


def _refuse(unsigned: Array, least: int, size: int, where: str) -> None:
    indices = unsigned.view(np.dtype(f"i{unsigned.itemsize}"))
    low, high = int(indices.min()), int(indices.max())
    if low < least or high >= size:
        raise IndexFault(where, low if low < least else high, least, size)
