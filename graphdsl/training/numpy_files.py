"""NumPy's files: an `.npz` archive or an `.npy` file comes in, columns go out.

What a file declares of its sizes is checked before memory is taken for it, and no file can make
Python run anything: arrays of objects are refused.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from graphdsl.engines.feeds import refusal
from graphdsl.engines.memory import machine_memory
from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import DataError
from graphdsl.training.columns import UNREADABLE, Column, Table, broken, kind_of, too_large


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
        raise broken(str(path), "it is not a zip archive", "np.savez writes .npz files")
    columns: dict[str, Column] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if not member.filename.endswith(".npy"):
                    continue
                name = member.filename.removesuffix(".npy")
                if name in columns:
                    raise broken(str(path), f"it holds '{name}' twice")
                with archive.open(member) as file:
                    header = _header(file, f"{path}: '{name}'")
                load = partial(_load_member, path, member.filename)
                columns[name] = _column(f"'{name}' of '{path}'", header, member.file_size, load)
    except UNREADABLE as problem:
        raise broken(str(path), str(problem)) from None
    if not columns:
        raise broken(str(path), "it holds no arrays", "np.savez writes .npz files")
    return Table(str(path), columns)


def _load_member(path: Path, member: str) -> Array:
    with zipfile.ZipFile(path) as archive, archive.open(member) as file:
        array: Array = np.lib.format.read_array(file, allow_pickle=False)
        return array


def read_npy(path: Path) -> Column:
    """The array in an `.npy` file, memory-mapped."""
    with path.open("rb") as file:
        header = _header(file, str(path))
    load = partial(_map, path, math.prod(header.shape) > 0)
    return _column(f"'{path}'", header, path.stat().st_size, load, mapped=True)


def _map(path: Path, mapped: bool) -> Array:
    # an array without elements cannot be mapped
    return np.asarray(np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False))


def _header(file: IO[bytes], what: str) -> _Header:
    """The header of an `.npy` stream; raises `DataError` if it is none."""
    form: Any = np.lib.format
    try:
        version = form.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise broken(what, f"version {version[0]}.{version[1]} of the format is unknown")
        read = form.read_array_header_1_0 if version == (1, 0) else form.read_array_header_2_0
        shape, _, dtype = read(file)
    except DataError:
        raise
    except Exception as problem:  # NumPy parses the header as Python, and lets much through
        reason = str(problem).partition("\n")[0]
        raise broken(what, reason, "np.save writes .npy files") from None
    if any(size < 0 for size in shape):
        raise broken(what, f"it declares the shape {list(shape)}")
    return _Header(shape, dtype, file.tell())


def _column(
    what: str, header: _Header, size: int, load: Callable[[], Array], *, mapped: bool = False
) -> Column:
    """The column a header declares; its fault where the declaration cannot be true."""
    made = Column(header.shape, kind_of(header.dtype), load, mapped=mapped)
    problem = None
    if header.dtype.hasobject:
        help = "store numbers or text: np.asarray(values, dtype=np.float32)"
        problem = refusal("E0614", f"{what} holds Python objects, which only pickle can read", help)
    elif header.nbytes + header.length != size:
        found = f"declares {header.nbytes:,} bytes of elements and holds {size - header.length:,}"
        problem = refusal("E0610", f"{what} {found}", "the file is damaged: write it anew")
    elif not mapped and header.nbytes > machine_memory():
        problem = too_large(what, header.nbytes)
    return made if problem is None else replace(made, fault=problem.diagnostics[0])
