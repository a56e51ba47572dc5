"""Copies of a model's parameters and states, taken and put back in place."""

from __future__ import annotations

import numpy as np

from graphdsl.engines.memory import Memory
from graphdsl.graph.kernel import Array


class Snapshot:
    """One copy of every parameter and state, made anew with each `take`."""

    def __init__(self, memory: Memory) -> None:
        kept = ("param_", "state_")
        self._live = [array for name, array in memory.arrays.items() if name.startswith(kept)]
        self._copies: list[Array] = [array.copy() for array in self._live]

    def take(self) -> None:
        """Keep the values as they are now."""
        for live, copy in zip(self._live, self._copies, strict=True):
            np.copyto(copy, live)

    def restore(self) -> None:
        """Give the model the values that were kept last."""
        for live, copy in zip(self._live, self._copies, strict=True):
            np.copyto(live, copy)
