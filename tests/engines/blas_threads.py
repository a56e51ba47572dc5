"""How many threads NumPy's own BLAS takes now."""

from __future__ import annotations

import threadpoolctl


def threads() -> int:
    """The number, as threadpoolctl finds it."""
    return max(
        lib["num_threads"]
        for lib in threadpoolctl.threadpool_info()
        if lib["user_api"] == "blas" and "numpy" in lib["filepath"]
    )
