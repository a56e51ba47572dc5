"""A folder of files that is there whole or not at all: names and what writes them come in.

It is filled under a temporary name beside the place it is for, and renamed. A folder that is there
already, and empty, may be a disk of its own, or have an owner and rights that were meant: it is
filled where it is, and the last of the names says that it is whole. Either way a list of the names
comes first, by which a later run removes what a killed one has left (see `leftovers`).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TypeVar

from graphdsl.language.diagnostics import DataError, Diagnostic, UsageError
from graphdsl.training.files import make_folder, remove, sync_folder, unwritable
from graphdsl.training.leftovers import (
    LIST,
    is_temporary,
    listed,
    remove_empty,
    sweep,
    take_back,
    temporary_name,
    write_list,
)
from graphdsl.training.run_folder import held

T = TypeVar("T")


@contextmanager
def made(
    places: Iterator[Path], names: Sequence[str], fill: Callable[[Path], T]
) -> Iterator[tuple[Path, T]]:
    """The first of `places`, all in one folder, that is free, as a folder that was filled before
    it had the name; and what `fill` returned. It is held as long as this lasts.

    Raises `UsageError` where none is free, `DataError` where the system refuses; nothing is left
    then.
    """
    place = next(places)
    real = Path(os.path.realpath(place))  # a link may lead to where nothing is yet
    new = [up for up in real.parents if not os.path.lexists(up)]
    try:
        with _told_of(place.parent, real.parent):
            make_folder(real.parent)
        sweep(real)
        temporary = _make_temporary(real, place)
        with held(temporary):
            try:
                with _told_of(place, temporary):
                    write_list(temporary, names)
                    value = fill(temporary)
                folder = _take(temporary, chain((place,), places))
            except BaseException:
                take_back(temporary, names)
                remove_empty([temporary])
                raise
            sync_folder(real.parent)
            remove(folder / LIST)
            yield folder, value
    except BaseException:
        remove_empty(new)  # a run that has come to something is in them
        raise


@contextmanager
def found_empty(
    places: Iterator[Path], names: Sequence[str], fill: Callable[[Path], T]
) -> Iterator[tuple[Path, T]]:
    """The same for a place that is a folder, and holds at most what a killed process left here."""
    folder = next(places)
    with held(folder):
        if (folder / LIST).exists() and not (folder / names[-1]).exists():
            take_back(folder, listed(folder))
        _verify_empty(folder)
        try:
            write_list(folder, names)
            value = fill(folder)
        except BaseException:
            take_back(folder, names)
            raise
        remove(folder / LIST)
        yield folder, value


def discard(folder: Path, names: Sequence[str], was_made: bool) -> None:
    """Take back what filled a folder, and the folder if it was made; all of it stays where
    something else is in it."""
    ours = {folder / name for name in names}
    files = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    if any(path not in ours and not is_temporary(path) for path in files):
        return
    with suppress(DataError):  # on a full disk it goes without
        write_list(folder, names)
    gone = _moved_aside(folder) if was_made else folder
    take_back(gone, names)
    if was_made:
        remove_empty([gone])


def _moved_aside(folder: Path) -> Path:
    """Take a folder's name from it, so that nobody finds half of it; where it is then."""
    real = Path(os.path.realpath(folder))
    gone = temporary_name(real)
    try:
        os.rename(real, gone)
    except OSError:
        return folder
    return gone


def _take(temporary: Path, places: Iterator[Path]) -> Path:
    """Give a folder the first of the places that is free."""
    for place in places:
        try:
            os.rename(temporary, os.path.realpath(place))
        except OSError as problem:
            if problem.errno == errno.ENOTDIR:
                problem = FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            elif problem.errno in (errno.ENOTEMPTY, errno.EEXIST):
                continue
            raise unwritable(place, problem) from None
        else:
            return place
    raise _in_use(place)


def _verify_empty(folder: Path) -> None:
    try:
        used = any(folder.iterdir())
    except OSError as problem:
        raise unwritable(folder, problem) from None
    if used:
        raise _in_use(folder)


def _in_use(folder: Path) -> UsageError:
    help = ("name a folder that is new or empty: a run never overwrites another",)
    return UsageError(Diagnostic("E0813", f"the folder '{folder}' is not empty", (), help))


def _make_temporary(real: Path, place: Path) -> Path:
    """A new folder beside a place; raises `DataError` for the place."""
    temporary = temporary_name(real)
    try:
        temporary.mkdir()
    except OSError as problem:
        raise unwritable(place, problem) from None
    return temporary


@contextmanager
def _told_of(place: Path, temporary: Path) -> Iterator[None]:
    """What cannot be written is told of the place that it is for, as it was named."""
    try:
        yield
    except DataError as error:
        was, now = str(temporary), str(place)
        raise DataError(
            replace(
                one,
                message=one.message.replace(was, now),
                help=tuple(line.replace(was, now) for line in one.help),
            )
            for one in error.diagnostics
        ) from None
