"""One safetensors file: named arrays and a map of texts, written whole or not at all.

The header is checked here before the library reads it: the library takes a name twice, and its
errors don't say what is wrong. Whoever reads a file says what kind of file it should have been.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from graphdsl.engines.machine import find_lack
from graphdsl.graph.kernel import Array
from graphdsl.graph.types import DType
from graphdsl.training.files import replacing

MAX_HEADER = 100_000_000
"""Bytes of a header at most, as in the format's own library."""

_DTYPES = {"F32": "f32", "F64": "f64", "I32": "i32", "I64": "i64", "BOOL": "bool"}
_NAMES = {dtype.numpy.name: dtype.value for dtype in DType}
_SPELLED = {DType[own].numpy.name: spelled for spelled, own in _DTYPES.items()}
_RANKS = {name: rank for rank, name in enumerate(("int64", "float64", "float32", "int32", "bool"))}
"""The order in which the format's library puts elements of each type."""
_METADATA = "__metadata__"
_TOO_LARGE = "it is more than memory can hold"
_OTHERS = {
    b"PK\x03\x04": "a zip archive, as .npz files and those of PyTorch are",
    b"\x93NUMPY": "an array, as .npy files are",
    b"\x89HDF\r\n": "an HDF5 file",
    b"PAR1": "a parquet file",
    b"\x80\x02": "a pickle, which could run anything",
    b"\x80\x03": "a pickle, which could run anything",
    b"\x80\x04": "a pickle, which could run anything",
    b"\x80\x05": "a pickle, which could run anything",
    b"\x1f\x8b": "a gzip file",
}
"""How files of other kinds begin."""


class Broken(Exception):
    """Why a file is no safetensors file."""


@dataclass(frozen=True, slots=True)
class TensorFile:
    """A file that was read: its header's entries by name, its texts, its bytes."""

    entries: Mapping[str, Any]
    metadata: Mapping[str, str]
    data: bytes

    def type(self, name: str) -> str:
        """The type of a tensor as the language writes it, `f32[3, 2]`."""
        entry = self.entries[name]
        return _type(_DTYPES.get(entry["dtype"], entry["dtype"]), entry["shape"])

    def nbytes(self, name: str) -> int:
        """The bytes that a tensor takes in the file."""
        start, end = self.entries[name]["data_offsets"]
        return int(end - start)

    def tensors(self) -> dict[str, Array]:
        """The arrays by name; raises `Broken`."""
        try:
            return load(self.data)
        except MemoryError:
            raise Broken(_TOO_LARGE) from None
        except (SafetensorError, ValueError, KeyError, TypeError) as problem:
            raise Broken(str(problem)) from None


def write(path: Path, tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> None:
    """Write a file, the same content as the same bytes; raises `DataError` if the disk refuses.

    It is written array by array, as a copy of them all may have no room: what is trained where
    memory is short can be saved there too. The bytes are those of the format's own library, which
    takes two such copies, but for the order of the header's keys, which it draws.
    """
    placed = sorted(tensors.items(), key=lambda item: (_RANKS[item[1].dtype.name], item[0]))
    ends = [0, *accumulate(array.nbytes for _, array in placed)]
    header: dict[str, Any] = {
        name: {
            "dtype": _SPELLED[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [start, end],
        }
        for (name, array), (start, end) in zip(placed, pairwise(ends), strict=True)
    }
    header[_METADATA] = dict(metadata)
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with replacing(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, array in placed:
            whole = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            file.write(whole.reshape(-1).view(np.uint8).data)


def read(path: Path) -> TensorFile:
    """A file with its header checked; raises `Broken`, or `OSError` if it cannot be opened."""
    if path.exists() and not path.is_file():
        raise Broken("it is a folder" if path.is_dir() else "it is not a file")
    try:
        with path.open("rb") as file:
            header = _header(file, path.stat().st_size)
            file.seek(0)
            data = file.read()
    except MemoryError:
        raise Broken(_TOO_LARGE) from None
    metadata = header.pop(_METADATA, {})
    return TensorFile(header, metadata, data)


def type_of(array: Array) -> str:
    """The type of an array as the language writes it."""
    return _type(_NAMES.get(array.dtype.name, array.dtype.name), list(array.shape))


def _type(dtype: str, shape: list[int]) -> str:
    return f"{dtype}[{', '.join(map(str, shape))}]" if shape else dtype


def _header(file: BinaryIO, size: int) -> dict[str, Any]:
    """The header, its entries checked against one another and against the file's size."""
    start = file.read(8)
    if len(start) < 8:
        raise Broken("it is cut short" if start else "it is empty")
    length = int.from_bytes(start, "little")
    if length > min(MAX_HEADER, size - 8):
        declared = f"it declares a header of {length:,} bytes in a file of {size:,}"
        raise Broken(_other_kind(start) or declared)
    if lack := find_lack(size):
        raise Broken(f"{_TOO_LARGE}: {lack}")
    try:
        header = json.loads(file.read(length), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as problem:
        raise Broken(f"its header is no JSON text: {problem}") from None
    if not isinstance(header, dict):
        raise Broken("its header is no map")
    for name, entry in header.items():
        if not (_is_text_map(entry) if name == _METADATA else _is_entry(entry)):
            raise Broken(f"the entry '{name:.80}' of its header is malformed")
        if name != _METADATA and entry["data_offsets"][1] > size - 8 - length:
            raise Broken(f"it is cut short: it ends before '{name:.80}' does")
    return header


def _other_kind(start: bytes) -> str | None:
    """What a file is that begins so, if that is known; as lengths these beginnings are absurd."""
    return next((f"it is {kind}" for key, kind in _OTHERS.items() if start.startswith(key)), None)


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"'{key:.80}' stands there twice")
        found[key] = value
    return found


def _is_text_map(entry: Any) -> bool:
    return isinstance(entry, dict) and all(isinstance(value, str) for value in entry.values())


def _is_entry(entry: Any) -> bool:
    match entry:
        case {"dtype": str(), "shape": [*shape], "data_offsets": [int(start), int(end)]}:
            sizes = all(type(size) is int and size >= 0 for size in shape)
            return sizes and 0 <= start <= end
    return False
