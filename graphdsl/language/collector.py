"""Compiling without the cycle collector, and without what it alone lets go of.

A compiler makes millions of small objects that live on. Python's collector visits them again and
again as their number grows, which makes compiling slower than linear; none of them is garbage.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collector() -> Iterator[None]:
    """No collection of cycles meanwhile; afterwards as it was before."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def release_spares() -> None:
    """Free the tuples that Python keeps for new ones, some thousands of each length, between two
    phases of a compiler: those of the next one have other lengths, and would take new memory.

    Only a full collection of cycles does it. Every object is set aside meanwhile, so that it takes
    microseconds; where somebody has set objects aside for good, nothing is done.
    """
    if gc.get_freeze_count():
        return
    gc.freeze()
    try:
        gc.collect()
    finally:
        gc.unfreeze()
