"""Copies of a model's parameters and states, taken and put back in place."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphdsl.engines.memory import cut
from graphdsl.graph.flat_arrays import Kind, flat_array, is_kind
from graphdsl.graph.kernel import Array
from graphdsl.graph.layout import Place
from graphdsl.session import Session


class Snapshot:
    """One copy of every parameter and state, made anew with each `take`, between two calls."""

    def __init__(self, session: Session) -> None:
        arrays = session.memory.arrays
        self._lock = session.lock
        self._layout = session.memory.layout
        self._live = {n: array for n, array in arrays.items() if is_kind(n, "param", "state")}
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
        places: dict[Kind, dict[str, Place]]
        places = {"param": self._layout.params, "state": self._layout.states}
        return {
            name: cut(self._copies[flat_array(kind, place.dtype)], place)
            for kind, held in places.items()
            for name, place in held.items()
        }

    def put(self, tensors: Mapping[str, Array]) -> None:
        """Keep these values, of every parameter and state by name."""
        for name, view in self.tensors().items():
            view[...] = tensors[name]
