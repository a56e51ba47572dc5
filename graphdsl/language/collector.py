"""Compiling without the cycle collector.

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
