"""Arrays of which shape, strides and place alone count: to see what views of them would be."""

from __future__ import annotations

import numpy as np

from graphdsl.graph.kernel import Array, ArrayType


class StandIns:
    """Makes arrays whose elements nobody reads or writes. All lie in the same memory: apart, they
    would take as much as the program whose arrays they stand for, since the C library writes
    beside each of them."""

    def __init__(self) -> None:
        self._room: Array = np.empty(0, np.uint8)

    def make(self, type: ArrayType) -> Array:
        """An array of a type."""
        if self._room.nbytes < type.nbytes:
            self._room = np.empty(type.nbytes, np.uint8)
        raw: Array = self._room[: type.nbytes]
        return raw.view(type.dtype.numpy).reshape(type.shape)
