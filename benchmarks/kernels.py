"""The kernels that NumPy multiplies matrices by: OpenBLAS picks them for the processor it finds,
unless the environment pins others. The peers bring libraries of their own, which go on choosing.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy  # noqa: F401  its BLAS is found because it is loaded
from threadpoolctl import threadpool_info

# What OpenBLAS reads in place of asking the processor: its type, and its second cache's KiB.
PINS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


@dataclass(frozen=True, slots=True)
class Kernels:
    """NumPy's BLAS as it is loaded; `pinned` has the variables that were set for it."""

    library: str
    version: str | None
    architecture: str | None
    threads: int
    pinned: dict[str, str]

    def __str__(self) -> str:
        version = f" {self.version}" if self.version else ""
        which = f"{self.architecture} kernels" if self.architecture else "kernels it does not name"
        by = "its own choice"
        if self.pinned:
            said = " ".join(f"{name}={value}" for name, value in self.pinned.items())
            by = f"pinned by {said}, while peers' libraries choose theirs"
        return f"NumPy multiplies by {self.library}{version}, {which}: {by}"


def find_kernels(environment: Mapping[str, str] = os.environ) -> Kernels | None:
    """Those of NumPy's BLAS; None where it is of a kind that does not tell."""
    found: list[dict[str, Any]] = [one for one in threadpool_info() if one["user_api"] == "blas"]
    found.sort(key=lambda one: "numpy" not in one["filepath"])  # others may have brought theirs
    if not found:
        return None
    one = found[0]
    pinned = {name: environment[name] for name in PINS if environment.get(name)}
    return Kernels(
        one["internal_api"],
        one["version"],
        one.get("architecture"),
        one["num_threads"],
        pinned if one["internal_api"] == "openblas" else {},
    )


def describe_kernels() -> str:
    """Them in a line, for the eye."""
    return str(find_kernels() or "NumPy multiplies by a library that does not tell its kernels")


def record_kernels() -> dict[str, Any] | None:
    """Them for programs."""
    found = find_kernels()
    return None if found is None else asdict(found)
