"""How functions are compiled: what all kernels and their helpers have in common."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from numba import njit
from numba.core.ccallback import CFunc
from numba.core.sigutils import normalize_signature

from graphdsl.engines.numba.intrinsics import KERNEL, TILES
from graphdsl.engines.numba.kept import find_kept

_OPTIONS: dict[str, Any] = {"error_model": "numpy", "boundscheck": False}

FUSED = {"contract"}
"""What may be rounded otherwise than written: a product and a sum at once."""


def compiled(function: Callable[..., Any]) -> Any:
    """A helper of kernels: it is kept on disk as part of them alone, whose place says what all of
    their sources are."""
    return njit(fastmath=FUSED, **_OPTIONS)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """A helper that becomes part of each loop that calls it."""
    return njit(fastmath=FUSED, forceinline=True, **_OPTIONS)(function)


@njit(fastmath={"reassoc", "contract"}, forceinline=True)
def summing(a, b):  # type: ignore[no-untyped-def]
    """The sum of two of many that are summed in whatever order is quick."""
    return a + b


def entry(function: Callable[..., Any]) -> Any:
    """The way in from Python: other threads of Python run meanwhile."""
    made = njit(nogil=True, **_OPTIONS)(function)
    made._cache = find_kept(function)
    return made


class Kernel:
    """A function that is called by its address, and compiled when that is first asked for."""

    def __init__(self, function: Callable[..., Any], signature: Any) -> None:
        self.function = function
        self._signature = signature
        self.found = False
        """Whether its machine code was on disk, once it has an address."""

    @cached_property
    def address(self) -> int:
        """Where its machine code begins."""
        options = {**_OPTIONS, "fastmath": FUSED}
        made: Any = CFunc(self.function, normalize_signature(self._signature), {}, options)
        made._cache = find_kept(self.function)
        made.compile()
        self.found = made.cache_hits > 0
        self._code = made._library
        # a copy for others to be linked with: nobody is linked with what is called by address
        self._code._shared_module = None
        address: int = made.address
        return address


def kernel(function: Callable[..., Any]) -> Kernel:
    """A kernel of a program."""
    return Kernel(function, KERNEL)


def tiles(function: Callable[..., Any]) -> Kernel:
    """A function that multiplies tiles."""
    return Kernel(function, TILES)
