"""Arrays of which shape, strides and place alone count: to see what views of them would be."""

from __future__ import annotations

import numpy as np

from graphdsl.graph.kernel import Array, ArrayType
from graphdsl.language.diagnostics import InternalError


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


def view_of(stand_in: Array, suffix: str) -> Array:
    """The view that a suffix of ours (".T", ".reshape(-1)") makes; it may not be a copy, which
    would not see what is written later."""
    made: Array = eval(f"x{suffix}", {"x": stand_in})
    if made.size and not np.may_share_memory(made, stand_in):
        raise InternalError(f"{suffix} of strides {stand_in.strides} is no view")
    return made
