"""NumPy's files: an `.npz` archive or an `.npy` file comes in, columns go out.

What a file declares of its sizes is checked before memory is taken for it, and no file can make
Python run anything: arrays of objects are refused.
"""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from graphdsl.engines.feeds import refusal
from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import DataError, Diagnostic
from graphdsl.training.columns import UNREADABLE, Column, Table, broken, kind_of

ARCHIVE_HELP = "write it anew: np.savez(path, images=images, labels=labels)"
ARRAY_HELP = "write it anew: np.save(path, array)"


@dataclass(frozen=True, slots=True)
class _Header:
    """What an `.npy` file declares of its array."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    length: int

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def read_npz(path: Path) -> Table:
    """The arrays of an archive; nothing is unpacked before it is asked for."""
    if not zipfile.is_zipfile(path):
        raise broken(str(path), "it is not a zip archive", ARCHIVE_HELP)
    try:
        with zipfile.ZipFile(path) as archive:
            columns = _members(path, archive)
    except OSError:  # the list of members stands at the end, and says where they begin
        why = "its list of members points outside of it: it is cut short or damaged"
        raise broken(str(path), why, ARCHIVE_HELP) from None
    except UNREADABLE as problem:
        raise broken(str(path), str(problem), ARCHIVE_HELP) from None
    if not columns:
        raise broken(str(path), "it holds no arrays", ARCHIVE_HELP)
    return Table(str(path), columns)


def _members(path: Path, archive: zipfile.ZipFile) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for member in archive.infolist():
        if not member.filename.endswith(".npy"):
            continue
        name = member.filename.removesuffix(".npy")
        if name in columns:
            help = f"write it anew with one array of each name: two are called '{name}'"
            raise broken(str(path), f"it holds '{name}' twice", help)
        with archive.open(member) as file:
            header = _header(file, path, ARCHIVE_HELP, f"'{name}': ")
        load = partial(_load_member, path, member.filename)
        column = Column(header.shape, kind_of(header.dtype), load, nbytes=header.nbytes)
        columns[name] = _checked(column, f"'{name}' of '{path}'", header, member.file_size)
    return columns


def _load_member(path: Path, member: str) -> Array:
    """The array of a member: unpacked piece by piece into memory of the size it declares."""
    with zipfile.ZipFile(path) as archive, archive.open(member) as file:
        array: Array = np.lib.format.read_array(file, allow_pickle=False)
        return array


def read_npy(path: Path) -> Column:
    """The array in an `.npy` file, memory-mapped."""
    with path.open("rb") as file:
        header = _header(file, path, ARRAY_HELP)
    load = partial(_map, path, math.prod(header.shape) > 0)
    column = Column(header.shape, kind_of(header.dtype), load, mapped=True)
    return _checked(column, f"'{path}'", header, path.stat().st_size)


def _map(path: Path, mapped: bool) -> Array:
    # an array without elements cannot be mapped
    return np.asarray(np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False))


def _header(file: IO[bytes], path: Path, help: str, which: str = "") -> _Header:
    """The header of an `.npy` stream; raises `DataError` if it is none. `which` of a file's arrays
    it is stands before the reason."""
    form: Any = np.lib.format
    try:
        version = form.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            why = f"version {version[0]}.{version[1]} of the format is unknown: expected 1.0 or 2.0"
            raise broken(str(path), f"{which}{why}", help)
        read = form.read_array_header_1_0 if version == (1, 0) else form.read_array_header_2_0
        shape, _, dtype = read(file)
    except DataError:
        raise
    except Exception as problem:  # NumPy parses the header as Python, and lets much through
        # of a header that is no literal NumPy names a Python object, with its address
        reason = str(problem).partition("\n")[0].partition(": <")[0]
        raise broken(str(path), f"{which}{reason:.120}", help) from None
    if any(size < 0 for size in shape):
        why = f"{which}it declares the shape {list(shape)}: sizes are at least 0"
        raise broken(str(path), why, help)
    return _Header(shape, dtype, file.tell())


def _checked(column: Column, what: str, header: _Header, size: int) -> Column:
    """The column, with its fault where what its header declares cannot be used or be true."""
    fault = _find_fault(what, header, size)
    return column if fault is None else replace(column, fault=fault)


def _find_fault(what: str, header: _Header, size: int) -> Diagnostic | None:
    if header.dtype.hasobject:
        help = "store numbers or text: np.asarray(values, dtype=np.float32)"
        problem = refusal("E0614", f"{what} holds Python objects, which only pickle can read", help)
    elif math.prod(header.shape) and not header.dtype.itemsize:
        help = "store numbers or text"
        problem = refusal("E0614", f"{what} holds elements of no bytes", help)
    elif header.nbytes + header.length != size:
        found = f"declares {header.nbytes:,} bytes of elements and holds {size - header.length:,}"
        problem = refusal("E0610", f"{what} {found}", "the file is damaged: write it anew")
    else:
        return None
    return problem.diagnostics[0]
