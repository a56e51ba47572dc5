"""What is left of folders whose filling was cut short: found by the list that was written first.

The list names every file that is to come, stands in the folder until all of them are there, and is
written before any of them: what it names in a folder that nobody fills is nobody's, and may go.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePath

from graphdsl.training.files import TEMPORARY, shortened, unwritable

LIST = f".begun{TEMPORARY}"
HOUR = 3600.0
"""Seconds after which nobody is about to write the list of a folder that has none."""


def temporary_name(place: Path) -> Path:
    """A name beside a place, for what is to stand there or no longer does."""
    return place.with_name(f".{shortened(place.name)}.{secrets.token_hex(4)}{TEMPORARY}")


def write_list(folder: Path, names: Sequence[str]) -> None:
    """Say what is to be written; raises `DataError` if the disk refuses.

    It needs no temporary name, for half a list is none, and nothing else is there yet.
    """
    text = json.dumps([*names], ensure_ascii=False)
    try:
        (folder / LIST).write_text(text, "utf-8", "surrogateescape")
    except OSError as problem:
        raise unwritable(folder, problem) from None


def listed(folder: Path) -> list[str]:
    """The names in the list of a folder that stay in it; none where it was cut short."""
    try:
        said = json.loads((folder / LIST).read_text("utf-8", "surrogateescape"))
    except (OSError, ValueError, RecursionError):
        return []
    names = [name for name in said if isinstance(name, str)] if isinstance(said, list) else []
    return [name for name in names if _stays(folder, name)]


def take_back(folder: Path, names: Sequence[str]) -> None:
    """Remove the files of these names, the last one first, what a write that was cut short left of
    them, the folders that are empty then, and the list."""
    inner = {up for name in names for up in PurePath(name).parents}
    folders = [folder / up for up in sorted(inner, key=lambda up: -len(up.parts))] or [folder]
    for path in (*(folder / name for name in reversed(names)), *_half_written(folders)):
        with suppress(OSError):  # what it was that failed is told
            path.unlink()
    remove_empty(one for one in folders if one != folder)
    with suppress(OSError):
        (folder / LIST).unlink()


def sweep(place: Path) -> None:
    """Remove what was left beside a place by those who were killed as they filled a folder for it,
    or for one that differs in its number."""
    stem = re.escape(f".{shortened(re.sub('-[0-9]+$', '', place.name))}")
    wanted = re.compile(rf"{stem}(-[0-9]*)?\.[0-9a-f]{{8}}{re.escape(TEMPORARY)}")
    with suppress(OSError), os.scandir(place.parent) as entries:
        for one in [entry for entry in entries if wanted.fullmatch(entry.name)]:
            _sweep_one(Path(one))


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove those folders that hold nothing, in their order."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def is_temporary(path: Path) -> bool:
    """Whether a file has a name that it was to lose."""
    return path.name.startswith(".") and path.name.endswith(TEMPORARY)


def _sweep_one(folder: Path) -> None:
    """Remove a folder that nobody fills any more."""
    with suppress(OSError):  # somebody fills it, or this system locks nothing, or it is no folder
        handle = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
        try:
            # who has just made it is about to lock it, and would be refused
            if (folder / LIST).exists() or time.time() - os.fstat(handle).st_mtime > HOUR:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                take_back(folder, listed(folder))
                remove_empty([folder])
        finally:
            os.close(handle)


def _stays(folder: Path, name: str) -> bool:
    """Whether the system takes a name, and it leads to no other folder, by dots or by a link."""
    try:
        os.fsencode(name)
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    if "\0" in name:
        return False
    inside = os.path.realpath((folder / name).parent)
    return Path(inside).is_relative_to(os.path.realpath(folder))


def _half_written(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in folder.glob(f".*{TEMPORARY}") if path.name != LIST)
