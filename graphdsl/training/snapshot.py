"""Copies of a model's parameters and states, taken and put back in place."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphdsl.engines.memory import cut
from graphdsl.graph.kernel import Array
from graphdsl.session import Session


class Snapshot:
    """One copy of every parameter and state, made anew with each `take`, between two calls."""

    def __init__(self, session: Session) -> None:
        kept = ("param_", "state_")
        arrays = session.memory.arrays
        self._lock = session.lock
        self._layout = session.memory.layout
        self._live = {name: array for name, array in arrays.items() if name.startswith(kept)}
        self._copies = {name: np.empty_like(array) for name, array in self._live.items()}
        self.take()

    def take(self) -> None:
        """Keep the values as they are now."""
        with self._lock:
            for name, live in self._live.items():
                np.copyto(self._copies[name], live)

    def restore(self) -> None:
        """Give the model the values that were kept last."""
        with self._lock:
            for name, live in self._live.items():
                np.copyto(live, self._copies[name])

    def tensors(self) -> dict[str, Array]:
        """Views of the values that are kept, by qualified name."""
        places = (("param", self._layout.params), ("state", self._layout.states))
        return {
            name: cut(self._copies[f"{kind}_{place.dtype}"], place)
            for kind, held in places
            for name, place in held.items()
        }

    def put(self, tensors: Mapping[str, Array]) -> None:
        """Keep these values, of every parameter and state by name."""
        for name, view in self.tensors().items():
            view[...] = tensors[name]
