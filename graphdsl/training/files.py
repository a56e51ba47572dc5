"""Files written whole or not at all: a temporary name in the same folder, then a rename."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from graphdsl.language.diagnostics import DataError, Diagnostic


def write_bytes(path: Path, data: bytes, mode: int | None = None) -> None:
    """Write a file so that its name never stands for half of it, with `mode` or the umask's.

    The bytes and the name are on the disk when this returns. Raises `DataError` if the system
    refuses; what stood there before is then untouched.
    """
    try:
        _replace(path, data, mode)
    except OSError as problem:
        raise unwritable(path, problem) from None


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of UTF-8 text."""
    write_bytes(path, text.encode("utf-8", "replace"))


def unwritable(path: Path, problem: OSError) -> DataError:
    """The error for a file or folder that cannot be written."""
    reason = problem.strerror or str(problem)
    help = ("free some space, or name a folder on another disk",)
    if isinstance(problem, PermissionError):
        help = ("name a folder that you may write to",)
    return DataError(Diagnostic("E0812", f"'{path}' cannot be written: {reason}", (), help))


def _replace(path: Path, data: bytes, mode: int | None) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:64]}.", dir=path.parent)
    try:
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            # mkstemp gives 0600 whatever the umask says
            os.fchmod(file.fileno(), 0o666 & ~_umask() if mode is None else mode)
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(path.parent)


def _umask() -> int:
    """The process's umask, which the system tells only by setting it."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Umask:")).split()[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Put a rename on the disk, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
