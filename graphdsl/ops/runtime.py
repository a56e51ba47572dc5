"""What emitted programs call besides NumPy: checks of values that are known only while running."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from graphdsl.ops.erf_arrays import erf, erfc, erfinv, normal_cdf
from graphdsl.ops.gamma_arrays import digamma, lgamma
from graphdsl.ops.matrices import (
    cholesky_of,
    cofactors,
    determinant,
    inverse,
    log_determinant,
    solution,
    triangular_solution,
)
from graphdsl.ops.polygamma_arrays import polygamma
from graphdsl.ops.recurrences import recur
from graphdsl.ops.run_fault import RunFault
from graphdsl.ops.unit_arrays import gated_unit, gelu_gate

__all__ = [
    "IndexFault",
    "RunFault",
    "Stream",
    "check_index",
    "check_signed_index",
    "cholesky_of",
    "cofactors",
    "determinant",
    "digamma",
    "erf",
    "erfc",
    "erfinv",
    "gated_unit",
    "gelu_gate",
    "inverse",
    "lgamma",
    "log_determinant",
    "normal_cdf",
    "polygamma",
    "recur",
    "solution",
    "stream_key",
    "triangular_solution",
]

Array = np.ndarray[Any, np.dtype[Any]]


class IndexFault(RunFault):
    """An index that was fed or computed lies outside the axis it indexes."""

    code = "E0607"

    def __init__(self, where: str, found: int, least: int, size: int, indices: Array) -> None:
        super().__init__(
            where,
            f"index {found} is out of range: expected {least} to {size - 1}"
            if size
            else f"index {found} is out of range: the axis is empty",
        )
        self.found = found
        self.least = least
        self.size = size
        self.indices = indices


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
        raise IndexFault(where, low if low < least else high, least, size, indices)


def stream_key(seed: int, name: str) -> int:
    """The Philox key of a node's random stream: a digest of the seed and the qualified name."""
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=16).digest()
    return int.from_bytes(digest, "little")


class Stream:
    """The random numbers of one node: Philox keyed by (seed, qualified name), counted by the step.

    What step `t` draws does not depend on the steps before it (Salmon et al., 2011).
    """

    def __init__(self, seed: int, name: str) -> None:
        self._bits = np.random.Philox(key=stream_key(seed, name))
        self._generator = np.random.Generator(self._bits)
        self._state = self._bits.state

    def at(self, t: float) -> np.random.Generator:
        """The generator at the beginning of step `t`."""
        state = self._state
        state["state"]["counter"][:] = (0, 0, 0, int(t))
        state["buffer_pos"], state["has_uint32"], state["uinteger"] = 4, 0, 0
        self._bits.state = state
        return self._generator
