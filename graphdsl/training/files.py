"""Files written whole or not at all: a temporary name in the same folder, then a rename."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from graphdsl.language.diagnostics import DataError, Diagnostic
from graphdsl.language.system_faults import writing_help

TEMPORARY = ".tmp"
"""The end of a temporary name, which begins with a dot."""


def read_bytes(path: Path) -> bytes:
    """The bytes of a file; raises `OSError`, for a pipe or a device too, which may have no end."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(errno.EINVAL, "it is not a file", str(path))
    return path.read_bytes()


def write_bytes(path: Path, *data: bytes | memoryview, mode: int | None = None) -> None:
    """Write pieces as a file whose name never stands for half of it, with `mode` or the umask's.

    The bytes and the name are on the disk when this returns. Raises `DataError` if the system
    refuses; what stood there before is then untouched.
    """
    with replacing(path, mode) as file:
        file.writelines(data)


def verify_folder(path: Path) -> None:
    """Raise `DataError` where there is no such folder as a file is to be written into, or where
    the system does not say."""
    try:
        is_there, is_folder = path.parent.exists(), path.parent.is_dir()
    except OSError as problem:  # such as a name that is too long
        raise unwritable(path, problem) from None
    if not is_folder:
        made = f"make it first: mkdir -p {path.parent}"
        help = "that is a file: name a folder" if is_there else made
        message = f"'{path}' cannot be written: there is no folder '{path.parent}'"
        raise DataError(Diagnostic("E0823", message, (), (help,)))


@contextlib.contextmanager
def replacing(path: Path, mode: int | None = None) -> Iterator[BinaryIO]:
    """A file to be written piece by piece, which takes its name when all of it is on the disk.

    Raises as `write_bytes` does; where it or the block raises, nothing is left of it.
    """
    try:
        with _replaced(path, mode) as file:
            yield file
    except OSError as problem:
        raise unwritable(path, problem) from None


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of UTF-8 text."""
    write_bytes(path, text.encode("utf-8", "replace"))


class Appended:
    """A file that grows at its end, which a crash may cut off; raises `DataError` as it is opened
    or written, if the system refuses."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = open(path, "ab", buffering=0)  # noqa: SIM115
        except OSError as problem:
            raise unwritable(path, problem) from None

    def write(self, text: str) -> None:
        """Add to the end, in one go."""
        try:
            self._file.write(text.encode("utf-8", "replace"))
        except OSError as problem:
            raise unwritable(self.path, problem) from None

    def close(self) -> None:
        """Close it; what was written stays."""
        self._file.close()


def make_folder(path: Path) -> None:
    """A folder that is on the disk when this returns; raises `DataError` if it cannot be made."""
    try:
        if path.is_dir():
            return
        path.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise unwritable(path, problem) from None
    sync_folder(path.parent)


def remove(path: Path) -> None:
    """Remove a file, if it is there; raises `DataError` if the system refuses."""
    try:
        path.unlink(missing_ok=True)
    except OSError as problem:
        raise unwritable(path, problem) from None


def remove_leftovers(folder: Path) -> None:
    """Remove what a process that was killed while it wrote here has left."""
    for path in folder.glob(f".*{TEMPORARY}"):
        remove(path)


def shortened(name: str) -> str:
    """The beginning of a file's name, to which more can be added: systems allow 255 bytes."""
    return os.fsencode(name)[:64].decode("utf-8", "ignore")


def unwritable(path: Path, problem: OSError) -> DataError:
    """The error for a file or folder that cannot be written."""
    reason = problem.strerror or str(problem)
    message = f"'{path}' cannot be written: {reason}"
    help = writing_help(problem)
    if problem.errno == errno.ENOENT and path.parent.is_dir():  # such as /proc
        help = (f"'{path.parent}' takes no new files: name a folder on a disk",)
    return DataError(Diagnostic("E0812", message, (), help))


@contextlib.contextmanager
def _replaced(path: Path, mode: int | None) -> Iterator[BinaryIO]:
    handle, temporary = tempfile.mkstemp(TEMPORARY, f".{shortened(path.name)}.", path.parent)
    try:
        with open(handle, "wb") as file:
            yield file
            file.flush()
            # mkstemp gives 0600 whatever the umask says
            os.fchmod(file.fileno(), 0o666 & ~_umask() if mode is None else mode)
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    sync_folder(path.parent)


def _umask() -> int:
    """The process's umask, which the system tells only by setting it."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Umask:")).split()[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def sync_folder(folder: Path) -> None:
    """Put a rename on the disk, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
