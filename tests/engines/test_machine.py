"""How much memory the system, the shell and the container say there is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from graphdsl.engines import machine

GIB = 2**30


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of 64 GiB, 8 of them free and 2 more of swap, that limits nothing."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "groups").mkdir()
    (tmp_path / "proc/meminfo").write_text(
        f"MemTotal: {64 * 2**20} kB\nMemFree: 5 kB\nMemAvailable: {8 * 2**20} kB\n"
        f"SwapFree: {2 * 2**20} kB\nHugePages_Total: 0\n"
    )
    (tmp_path / "proc/self/statm").write_text("1000 500 1 1 0 1 0\n")
    monkeypatch.setattr(machine, "PROC", tmp_path / "proc")
    monkeypatch.setattr(machine, "GROUPS", tmp_path / "groups")
    monkeypatch.setattr(machine, "_physical", lambda: 64 * GIB)
    monkeypatch.setattr(
        machine.resource, "getrlimit", lambda _: (machine.resource.RLIM_INFINITY, 0)
    )
    return tmp_path


def have_group(folder: Path, **files: object) -> None:
    """Write a control group's files, `__` in their names standing for a point."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")


def test_what_other_processes_leave(system: Path) -> None:
    assert machine.machine_memory() == 64 * GIB
    assert machine.free_memory() == 10 * GIB
    (system / "proc/meminfo").unlink()
    assert machine.free_memory() == 64 * GIB  # a system that does not say


def test_the_shell_may_allow_less(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.resource, "getrlimit", lambda _: (GIB, GIB))
    assert machine.machine_memory() == GIB
    monkeypatch.setattr(machine, "count_cores", lambda: 3)  # each has a BLAS at work
    pages = 1000 * machine.os.sysconf("SC_PAGE_SIZE")
    assert machine.free_memory() == GIB - pages - 3 * machine.BLAS - 2 * machine.THREAD
    assert machine.free_memory(2**20) == machine.free_memory()  # it counts what is asked for


def test_what_is_yet_to_be_written_to_counts(system: Path) -> None:
    """The system says that it is free still."""
    assert machine.free_memory(3 * GIB) == 7 * GIB
    assert not machine.find_lack(7 * GIB, 9 * GIB, 3 * GIB)
    assert machine.find_lack(7 * GIB + 1, 9 * GIB, 3 * GIB).endswith(f"{7 * GIB:,} are free")


@pytest.mark.parametrize("place", ["", "a", "a/b"])
def test_a_container_of_version_2_may_allow_less(system: Path, place: str) -> None:
    """Its own group's limit, or that of one around it; files that were read can be let go."""
    (system / "proc/self/cgroup").write_text("0::/a/b\n")
    have_group(system / "groups", memory__max="max", memory__current=GIB)
    stat = f"anon 7\ninactive_file {GIB}\nactive_file {GIB // 2}\nfile 9"
    limits = {"memory__max": 6 * GIB, "memory__current": 4 * GIB, "memory__stat": stat}
    have_group(system / "groups" / place, **limits)
    assert machine.machine_memory() == 6 * GIB
    assert machine.free_memory() == 6 * GIB - (4 * GIB - GIB - GIB // 2)
    have_group(system / "groups" / place, memory__current=9 * GIB, memory__stat="anon 7")
    assert machine.free_memory() == 0


@pytest.mark.parametrize("place", ["", "job", "job/7"])
def test_a_container_of_version_1_may_allow_less(system: Path, place: str) -> None:
    (system / "proc/self/cgroup").write_text("5:cpu,cpuacct:/x\n4:memory:/job/7\n0::/\n")
    unlimited = {"memory__limit_in_bytes": 9223372036854771712, "memory__usage_in_bytes": 50 * GIB}
    have_group(system / "groups/memory", **unlimited)
    stat = f"inactive_file 1\ntotal_inactive_file {GIB}\ntotal_active_file 0"
    files = {"memory__limit_in_bytes": 5 * GIB, "memory__usage_in_bytes": 3 * GIB}
    have_group(system / "groups/memory" / place, **files, memory__stat=stat)
    assert machine.machine_memory() == 5 * GIB
    assert machine.free_memory() == 3 * GIB


def test_a_group_may_have_any_name(system: Path) -> None:
    """Names of files are bytes."""
    (system / "proc/self/cgroup").write_bytes(b"0::/job-\xff\n")
    have_group(system / "groups" / os.fsdecode(b"job-\xff"), memory__max=GIB)
    assert machine.machine_memory() == GIB


def test_a_group_that_says_its_limit_alone(system: Path) -> None:
    have_group(system / "groups", memory__max=GIB)
    assert (machine.machine_memory(), machine.free_memory()) == (GIB, GIB)


def test_this_machine_has_memory() -> None:
    assert 2**26 < machine.free_memory() <= machine.machine_memory()
