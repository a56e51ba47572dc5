"""On what the bits of a run depend beside its model, its data and its seed."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from importlib import metadata

import numpy as np
from threadpoolctl import threadpool_info

from graphdsl.engines.blas import count_threads
from graphdsl.training.version import version


def versions() -> dict[str, str]:
    """Versions, machine, cores, and BLAS with the kernels that it has chosen for the machine and
    the threads that it takes for large products."""
    return {
        "graphdsl": version(),
        "numpy": np.__version__,
        "numba": _numba(),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": str(len(os.sched_getaffinity(0))),
        "blas": _blas(),
        "BLAS threads": str(count_threads()),
    }


def _blas() -> str:
    """The library that NumPy multiplies by: another one, SciPy's, may be loaded at any time."""
    found = [one for one in threadpool_info() if one["user_api"] == "blas"]
    own = [one for one in found if "numpy" in one["filepath"]] or found
    said = {
        f"{one['internal_api']} {one['version']} ({one.get('architecture', 'unknown')})"
        for one in own
    }
    return ", ".join(sorted(said)) or "unknown"


def _numba() -> str:
    """The version of numba, which a long training may have been compiled by."""
    try:
        return metadata.version("numba")
    except metadata.PackageNotFoundError:
        return "none"


def changed(before: Mapping[str, str]) -> Iterator[str]:
    """What is otherwise now than it was, such as `numpy 2.3.0 then, 2.4.0 now`."""
    for name, now in versions().items():
        if name in before and before[name] != now:
            yield f"{name} {before[name]} then, {now} now"
