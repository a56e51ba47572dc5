"""Copies of a model's parameters and states, taken and put back in place."""

from __future__ import annotations

import numpy as np

from graphdsl.graph.kernel import Array
from graphdsl.session import Session


class Snapshot:
    """One copy of every parameter and state, made anew with each `take`, between two calls."""

    def __init__(self, session: Session) -> None:
        kept = ("param_", "state_")
        arrays = session.memory.arrays
        self._lock = session.lock
        self._live = [array for name, array in arrays.items() if name.startswith(kept)]
        self._copies: list[Array] = [np.empty_like(array) for array in self._live]
        self.take()

    def take(self) -> None:
        """Keep the values as they are now."""
        with self._lock:
            for live, copy in zip(self._live, self._copies, strict=True):
                np.copyto(copy, live)

    def restore(self) -> None:
        """Give the model the values that were kept last."""
        with self._lock:
            for live, copy in zip(self._live, self._copies, strict=True):
                np.copyto(live, copy)
