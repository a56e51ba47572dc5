"""Memory that compiling has freed, handed back to the system.

The C library keeps pages that are free between others that are not. Behind a compiler, which makes
many lists and tables and lets go of nearly all of them, that is more than a small model takes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache


def hand_back() -> None:
    """Give the system the free pages of the heap, where the C library can: glibc's `malloc_trim`.
    It takes 60 to 600 µs behind programs that took 50 to 350 ms to compile, and brings a step's
    resident memory down by 0.3 to 4 MB."""
    trim = _find_trim()
    if trim is not None:
        trim(0)


@cache
def _find_trim() -> Callable[[int], int] | None:
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):  # another system, or another C library
        return None
    return found
