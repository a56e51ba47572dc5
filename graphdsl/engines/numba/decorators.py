"""How functions are compiled: what all kernels and their helpers have in common."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from numba import cfunc, njit

from graphdsl.engines.numba.intrinsics import KERNEL, TILES

_OPTIONS: dict[str, Any] = {"error_model": "numpy", "boundscheck": False}

FUSED = {"contract"}
"""What may be rounded otherwise than written: a product and a sum at once."""


def compiled(function: Callable[..., Any]) -> Any:
    """A helper of kernels."""
    return njit(fastmath=FUSED, cache=_is_kept(function), **_OPTIONS)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """A helper that becomes part of each loop that calls it."""
    return njit(fastmath=FUSED, forceinline=True, **_OPTIONS)(function)


@njit(fastmath={"reassoc", "contract"}, forceinline=True)
def summing(a, b):  # type: ignore[no-untyped-def]
    """The sum of two of many that are summed in whatever order is quick."""
    return a + b


def entry(function: Callable[..., Any]) -> Any:
    """The way in from Python: other threads of Python run meanwhile."""
    return njit(nogil=True, cache=_is_kept(function), **_OPTIONS)(function)


class Kernel:
    """A function that is called by its address, and compiled when that is first asked for."""

    def __init__(self, function: Callable[..., Any], signature: Any) -> None:
        self.function = function
        self._signature = signature

    @cached_property
    def address(self) -> int:
        """Where its machine code begins."""
        options = {**_OPTIONS, "fastmath": FUSED, "cache": _is_kept(self.function)}
        self._made = cfunc(self._signature, **options)(self.function)
        address: int = self._made.address
        return address


def kernel(function: Callable[..., Any]) -> Kernel:
    """A kernel of a program."""
    return Kernel(function, KERNEL)


def tiles(function: Callable[..., Any]) -> Kernel:
    """A function that multiplies tiles."""
    return Kernel(function, TILES)


def _is_kept(function: Callable[..., Any]) -> bool:
    """Whether machine code can be kept on disk: it is put beside the file of its source."""
    return Path(function.__code__.co_filename).exists()
