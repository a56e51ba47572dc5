"""Which graphdsl this is."""

from __future__ import annotations

import sys


def version() -> str:
    """The version of this package; it is the top of the package, loaded before any part of it."""
    return str(sys.modules["graphdsl"].__dict__["__version__"])
