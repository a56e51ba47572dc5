"""IDX files, as MNIST and its kin come in: a path comes in, columns go out.

An IDX file holds one array: two zero bytes, a byte for the element type, one for the number of
axes, a big-endian 32-bit size for each axis, then the elements, big-endian, in C order. It is known
by its name: `.idx`, or `NAME-idx3-ubyte` with a hyphen or a point, either with `.gz` behind it.
"""

from __future__ import annotations

import gzip
import io
import math
import re
import struct
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from graphdsl.engines.feeds import refusal
from graphdsl.graph.kernel import Array
from graphdsl.training.columns import UNREADABLE, Column, Table, broken

_NAME = re.compile(
    r"(?P<stem>.+?)(\.idx|[-.]idx\d{1,3}-(ubyte|byte|short|int|float|double))(?P<gz>\.gz)?",
    re.IGNORECASE,
)
_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_AXES = 32
_HELP = "the file is damaged: fetch or write it anew"
_GZIP_HELP = "the file is damaged, or is no gzip file: fetch or write it anew"


@dataclass(frozen=True, slots=True)
class _Header:
    """What an IDX file declares of its array."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def length(self) -> int:
        return 4 + 4 * len(self.shape)

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def is_idx(path: Path) -> bool:
    """Whether a file's name is that of an IDX file."""
    return _NAME.fullmatch(path.name) is not None


def stem(path: Path) -> str:
    """The name without what says that it is an IDX file: `train-images` of
    `train-images-idx3-ubyte.gz`."""
    found = _NAME.fullmatch(path.name)
    assert found is not None
    return found["stem"]


def read_idx(path: Path) -> Table:
    """The array in an IDX file as a column, and those of the files that belong to it.

    `train-images-idx3-ubyte` is the column `images`, and `train-labels-idx1-ubyte` beside it is
    `labels`: the files whose names begin alike, up to the last hyphen of the stem. Without a
    hyphen the one column has the name of the file.
    """
    prefix, hyphen, _ = stem(path).rpartition("-")
    if not hyphen:
        return Table(str(path), {stem(path): read_idx_column(path)})
    columns: dict[str, Column] = {}
    for one in sorted(path.parent.iterdir(), key=lambda other: (other != path, other.name)):
        if not is_idx(one) or not one.is_file() or stem(one).rpartition("-")[0] != prefix:
            continue
        if not one.resolve().is_relative_to(path.parent.resolve()):
            raise refusal("E0508", f"'{one}' is a link that leads out of its folder")
        # the same array, packed and unpacked: the one that was named, or else the first
        columns.setdefault(stem(one).rpartition("-")[2], read_idx_column(one))
    return Table(str(path), columns)


def read_idx_column(path: Path) -> Column:
    """The array in an IDX file: memory-mapped, or unpacked when it is asked for.

    Raises `DataError` if the file is none, or declares what it does not hold.
    """
    packed = path.name.lower().endswith(".gz")
    try:
        with _open(path, packed) as file:
            header = _read_header(file, path)
    except UNREADABLE as problem:
        raise broken(str(path), str(problem), _GZIP_HELP if packed else _HELP) from None
    if packed:
        load = partial(_unpack, path, header)
        return Column(header.shape, "number", load, nbytes=header.nbytes)
    column = Column(header.shape, "number", partial(_map, path, header), mapped=True)
    held = path.stat().st_size - header.length
    if held == header.nbytes:
        return column
    found = f"'{path}' declares {header.nbytes:,} bytes of elements and holds {held:,}"
    return replace(column, fault=refusal("E0610", found, _HELP).diagnostics[0])


def _open(path: Path, packed: bool) -> gzip.GzipFile | io.BufferedReader:
    return gzip.open(path, "rb") if packed else path.open("rb")


def _read_header(file: gzip.GzipFile | io.BufferedReader, path: Path) -> _Header:
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0":
        why = f"it begins with {start.hex(' ') or 'nothing'}, and an IDX file with 00 00"
        raise broken(str(path), why)
    code, axes = start[2], start[3]
    if code not in _DTYPES:
        known = ", ".join(f"{one:02x}" for one in _DTYPES)
        why = f"its type of elements is {code:02x}: expected one of {known}"
        raise broken(str(path), why)
    if not 1 <= axes <= _MAX_AXES:
        raise broken(str(path), f"it declares {axes} axes: expected 1 to {_MAX_AXES}")
    sizes = file.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise broken(str(path), f"it ends within the sizes of its {axes} axes")
    return _Header(struct.unpack(f">{axes}I", sizes), np.dtype(_DTYPES[code]))


def _map(path: Path, header: _Header) -> Array:
    if not header.nbytes:
        return np.zeros(header.shape, header.dtype)  # an array without elements cannot be mapped
    return np.asarray(np.memmap(path, header.dtype, "r", header.length, header.shape))


def _unpack(path: Path, header: _Header) -> Array:
    """The elements of a packed file; no more is unpacked than the file declares."""
    try:
        array = _unpacked(path, header)
    except UNREADABLE as problem:  # told here: beside the file that was named it may be another
        raise broken(str(path), str(problem), _GZIP_HELP) from None
    return array.view(header.dtype).reshape(header.shape)


def _unpacked(path: Path, header: _Header) -> Array:
    array = np.empty(header.nbytes, np.uint8)
    view, filled = memoryview(array.data), 0
    with gzip.open(path, "rb") as file:
        file.read(header.length)
        while filled < header.nbytes and (count := file.readinto(view[filled : filled + 2**20])):
            filled += count
        if filled < header.nbytes:
            found = f"it declares {header.nbytes:,} bytes of elements and holds {filled:,}"
            raise broken(str(path), found, _HELP)
        if file.read(1):  # at the end gzip compares its checksum, too
            why = f"it holds more than the {header.nbytes:,} bytes of elements that it declares"
            raise broken(str(path), why, _HELP)
    return array
