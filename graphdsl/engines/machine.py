"""How much memory there is, and how much of it is free: the machine's, or what the shell or a
container leaves of it.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from graphdsl.engines.workers import count_cores

PROC, GROUPS = Path("/proc"), Path("/sys/fs/cgroup")
LITTLE = 2**20
"""Bytes that any machine has: to look for what is free takes as long as to fill them."""
BLAS, THREAD = 2**25, 2**26 + 2**23
"""Bytes of addresses that OpenBLAS asks the system for at each core's first product, and those that
a thread takes before: its stack, and what the C library keeps for it. OpenBLAS ends the process
where it is refused."""


@dataclass(frozen=True, slots=True)
class _Version:
    """Where one version of Linux's control groups says what, and what the kernel would give back
    of what is used: files that were read, and can be read again."""

    folder: str
    controller: str
    limit: str
    used: str
    kept: tuple[str, str]


_VERSIONS = (
    _Version("", "", "memory.max", "memory.current", ("active_file", "inactive_file")),
    _Version(
        "memory",
        "memory",
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        ("total_active_file", "total_inactive_file"),
    ),
)


def machine_memory() -> int:
    """The bytes of memory this machine has, or fewer where this process may not have them all."""
    return min([_physical(), *_shell_limit(), *(limit for limit, *_ in _group_limits())])


def free_memory(promised: int = 0) -> int:
    """The bytes that this process may take now: what other processes leave of the machine's memory,
    swap too, and what is left of the limits of the shell and the container. Of what the process has
    already, `promised` is yet to be written to: the system counts it only then."""
    unused = (free - promised for free in _unused())
    return max(0, min([machine_memory(), *unused, *_shell_rest()]))


def find_lack(nbytes: int, held: int = 0, promised: int = 0) -> str:
    """Why so many bytes beside those that are `held` cannot be had, with what there is; empty if
    they can. Nothing is allocated; what is little is not even asked for."""
    if held + nbytes <= LITTLE:
        return ""
    whole, free = machine_memory(), free_memory(promised)
    if held + nbytes <= whole and nbytes <= free:
        return ""
    return f"this machine has {whole:,}, of which {free:,} are free"


def _unused() -> Iterator[int]:
    with suppress(OSError, KeyError, ValueError):  # no Linux
        said = _read_fields(PROC / "meminfo")
        yield 1024 * (said["MemAvailable:"] + said["SwapFree:"])
    for limit, folder, version in _group_limits():
        if limit < _physical():
            yield limit - _used(folder, version)


def _shell_rest() -> Iterator[int]:
    """What is left of the shell's limit, which counts what is asked for, written to or not."""
    threads = count_cores()
    beside = BLAS * threads + THREAD * (threads - 1)
    with suppress(OSError, ValueError):
        pages = int((PROC / "self/statm").read_text("ascii").split()[0])
        for allowed in _shell_limit():
            yield allowed - pages * os.sysconf("SC_PAGE_SIZE") - beside


def _physical() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _shell_limit() -> Iterator[int]:
    """What `ulimit -v` allows."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    if allowed != resource.RLIM_INFINITY:
        yield allowed


def _group_limits() -> Iterator[tuple[int, Path, _Version]]:
    """What each control group of this process is allowed, and where it stands."""
    for version in _VERSIONS:
        for folder in _group_folders(version):
            with suppress(OSError, ValueError):  # there is no such file, or it says "max"
                yield int((folder / version.limit).read_text("ascii")), folder, version


def _group_folders(version: _Version) -> Iterator[Path]:
    """The folder of this process's own group, and those of the groups around it: the outermost one
    that a container sees is the container's."""
    top = GROUPS / version.folder
    yield top
    with suppress(OSError):
        for line in (PROC / "self/cgroup").read_text("utf-8", "surrogateescape").splitlines():
            _, controllers, path = line.split(":", 2)
            if version.controller in controllers.split(","):
                inner = PurePosixPath(path).relative_to("/")
                yield from (top / one for one in (inner, *inner.parents) if one.name)


def _used(folder: Path, version: _Version) -> int:
    """The bytes that a group has, without what the kernel would give back; 0 if nothing says."""
    try:
        used, said = int((folder / version.used).read_text("ascii")), folder / "memory.stat"
        return used - sum(_read_fields(said).get(name, 0) for name in version.kept)
    except (OSError, ValueError):
        return 0


def _read_fields(path: Path) -> dict[str, int]:
    """The lines of a file by their first word, each with its second, a number."""
    words = (line.split() for line in path.read_text("ascii").splitlines())
    return {line[0]: int(line[1]) for line in words if len(line) > 1}
