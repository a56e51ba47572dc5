"""Results for the eye and for programs: a table in text, and JSON that says what it was run on."""

import importlib.metadata
import json
import os
import platform
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from contenders import BY_HAND, PRODUCTS
from kernels import record_kernels
from results import Result, describe

LIBRARIES = ("numpy", "torch", "jax", "numba")
COLUMNS = (
    "µs a step",
    "/ by hand",
    "/ products",
    "/ peer",
    "first, s",
    "imports, s",
    "beyond, KiB",
)


def format_table(result: Result) -> str:
    """One line a contender; a dash where nothing was measured."""
    header = f"{result.workload:20}" + "".join(f"{column:>13}" for column in COLUMNS)
    lines = [
        f"  {name:18}" + "".join(f"{cell:>13}" for cell in format_cells(result, name))
        for name in result.rounds
    ]
    return "\n".join([header, *lines, *(f"  {fault}" for fault in result.faults), ""])


def format_cells(result: Result, name: str) -> Iterator[str]:
    """A contender's numbers, in the order of `COLUMNS`."""
    yield f"{median(result.rounds[name]):.1f}"
    for base in (BY_HAND, PRODUCTS, result.fastest_peer):
        yield f"{result.ratio(name, base):.2f}" if base in result.rounds else "-"
    first, beyond = result.first.get(name), result.bytes_beyond(name)
    yield from (
        ("-", "-")
        if first is None
        else (
            f"{first['seconds']:.2f}",
            f"{first['import_seconds']:.2f}",
        )
    )
    yield "-" if beyond is None else f"{beyond / 1024:,.0f}"


def describe_machine() -> dict[str, Any]:
    """What the numbers depend on; nothing that names the machine."""
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": read_processor(),
        "cores": os.cpu_count(),
        "blas": record_kernels(),
        "libraries": {name: version for name in LIBRARIES if (version := find_version(name))},
    }


def read_processor() -> str:
    """The processor's model, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")


def find_version(library: str) -> str | None:
    """Of an installed library."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def write_json(results: Iterable[Result], rounds: int, path: Path) -> None:
    """Everything, every round, in one file."""
    data = {
        "machine": describe_machine(),
        "rounds": rounds,
        "workloads": {result.workload: describe(result) for result in results},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=2) + "\n", "utf-8")
