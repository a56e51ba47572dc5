"""Disks that are full, fail or may not be written: nothing that was saved is lost."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.runs import TREE, contents, left
from graphdsl.training.keeper import find_checkpoints

LIMITED = """
import resource, signal, sys
from graphdsl.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, 4_000))
sys.exit(main(sys.argv[1:]))
"""


MOUNT = "mount -t tmpfs -o size=100k none disk"
FILLED = f"""set -e
{MOUNT}
code=0
python -m graphdsl run m.gdl -q --out disk/o --checkpoint-every 1 --keep 99 || code=$?
echo code $code
find disk -name '.*.tmp'
mount -o remount,size=2m disk
python -m graphdsl run m.gdl -q --resume disk/o
cp disk/o/weights.safetensors filled.safetensors
"""


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("which", ["step-", "best", "history", "metrics", "weights", "settings"])
def test_a_full_disk_is_said_and_costs_nothing_that_was_saved(
    call, path: Path, which: str, fault: int
) -> None:
    assert call("run", path, "-q", "--out", "whole").code == 0
    real, calls = os.replace, []

    def fail(source: str, target: Path) -> None:
        if Path(target).name.startswith(which):
            calls.append(target)
            beginning = which == "step-"  # which is written before anything can be gone on with
            if len(calls) > 1 + beginning or which in ("metrics", "weights", "settings"):
                raise OSError(fault, os.strerror(fault))
        real(source, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", fail)
        done = call("run", path, "-q", "--out", "o", "--checkpoint-every", 5)
    if which == "settings":
        assert (done.code, Path("o").exists()) == (1, False)
        return
    assert done.code == 1
    assert f"cannot be written: {os.strerror(fault)}" in done.err
    assert "E0812" in done.err
    assert find_checkpoints(Path("o"))
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert left("o") == left("whole")


def test_a_limit_of_the_system_is_a_full_disk(path: Path, tmp_path: Path) -> None:
    """RLIMIT_FSIZE: the kernel refuses to let a file grow, within the write."""
    environment = {**os.environ, "PYTHONPATH": str(TREE)}
    words = ["run", path.name, "-q", "--out", "o", "--checkpoint-every", "3"]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *words],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stderr
    assert re.search(
        r"E0812.*step-000003.safetensors' cannot be written: File too large", done.stderr
    )
    assert not (tmp_path / "o").exists()


def test_a_disk_that_is_full_in_earnest(call, path: Path, tmp_path: Path) -> None:
    """A file system of 100 KiB, in a name space of its own, which then grows."""
    unshare = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    (tmp_path / "disk").mkdir()
    try:
        subprocess.run([*unshare, MOUNT], cwd=tmp_path, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as problem:
        pytest.skip(f"this system lets nobody mount a file system: {problem}")
    bin = str(Path(sys.executable).parent)
    path_of = {"PYTHONPATH": str(TREE), "PATH": f"{bin}:{os.environ['PATH']}"}
    done = subprocess.run(
        [*unshare, FILLED],
        cwd=tmp_path,
        env={**os.environ, **path_of},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"error.E0812.: '.*' cannot be written: No space left", done.stderr)
    assert "free some space" in done.stderr
    assert "code 1\nvalid J" in done.stdout  # and no temporary file between the two
    assert call("run", path, "-q", "--out", "whole").code == 0
    assert (tmp_path / "filled.safetensors").read_bytes() == left("whole")[0]


def test_a_folder_that_may_not_be_written(call, path: Path, stopped: Path) -> None:
    """As far as the system heeds the mode: the superuser may write everywhere."""
    real = os.open

    def refuse(name: object, flags: int, *rest: object, **named: object) -> int:
        if "checkpoints/.step-" in os.fspath(name):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(name, flags, *rest, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", refuse)
        done = call("run", path, "--resume", "o")
    assert done.code == 1
    assert (
        "'o/checkpoints/step-000028.safetensors' cannot be written: Permission denied" in done.err
    )
    assert "name a folder that you may write to" in done.err


def test_a_folder_that_became_read_only(call, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("run", path, "-q", "--out", "o").code == 0
    before = left("o")

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        done = call("run", path, "-q", "--resume", "o", "--epochs", 99)
    assert done.code == 1
    assert "E0812" in done.err
    assert "nothing can be written to this disk" in done.err
    assert left("o") == before


def test_a_folder_that_can_only_be_read(
    call, path: Path, stopped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run's folder on a disk that was mounted so, with what a killed process left in it."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    (stopped / "checkpoints" / ".step-1.x.tmp").write_text("half")
    held = contents(stopped)
    with monkeypatch.context() as patch:
        for name in ("unlink", "replace", "mkdir", "rmdir"):
            patch.setattr(os, name, refuse)
        for words in ((), ("--epochs", 9)):
            done = call("run", path, "--resume", "o", *words)
            assert done.code == 1
            assert "E0812" in done.err
            assert "Read-only file system" in done.err
    kept = contents(stopped)
    assert all(kept[name] == data for name, data in held.items())
