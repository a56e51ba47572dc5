"""Compiling without the cycle collector, and without what it alone lets go of.

A compiler makes millions of small objects that live on. Python's collector visits them again and
again as their number grows, which makes compiling slower than linear; none of them is garbage.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

MANY = 2**12
"""Objects made since the last collection from which on it pays to free what is kept for new ones:
a small model leaves few, and what it is made of is soon garbage where models are made in a loop."""


@contextmanager
def paused_collector() -> Iterator[None]:
    """No collection of cycles meanwhile; afterwards as it was before."""
    enabled, before = gc.isenabled(), _count_full()
    try:
        gc.disable()
        yield
    finally:
        if enabled:
            gc.enable()
            if _count_full() != before:
                _make_up()


def release_spares() -> None:
    """Free the tuples that Python keeps for new ones, some thousands of each length, between two
    phases of a compiler: those of the next one have other lengths, and would take new memory.

    Only a full collection of cycles does it. Every object is set aside meanwhile, so that it takes
    microseconds; where few were made, or somebody has set objects aside for good, nothing is done.
    """
    made, _, due = gc.get_count()
    if made < MANY or gc.get_freeze_count():
        return
    try:
        gc.freeze()
        gc.collect()
    finally:
        gc.unfreeze()
    for _ in range(min(due, gc.get_threshold()[2] + 1)):  # as Python had counted them
        gc.collect(1)


def _count_full() -> int:
    """The full collections so far."""
    found: int = gc.get_stats()[2]["collections"]
    return found


def _make_up() -> None:
    """Collect what was set aside and taken back, all of it as objects that have lived long: Python
    looks at those in a full collection alone, and its count of when one is due began anew."""
    due = gc.get_count()[2] > gc.get_threshold()[2]
    gc.collect(2 if due else 1)  # which counts towards the next full one
