"""One safetensors file: named arrays and a map of texts, written whole or not at all.

The header is checked here before the library reads it: the library takes a name twice, and its
errors don't say what is wrong. Whoever reads a file says what kind of file it should have been.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load
from safetensors.numpy import save as to_bytes

from graphdsl.engines.feeds import refusal
from graphdsl.engines.machine import find_lack
from graphdsl.graph.kernel import Array
from graphdsl.graph.types import DType
from graphdsl.training.files import write_bytes

MAX_HEADER = 100_000_000
"""Bytes of a header at most, as in the format's own library."""

_DTYPES = {"F32": "f32", "F64": "f64", "I32": "i32", "I64": "i64", "BOOL": "bool"}
_NAMES = {dtype.numpy.name: dtype.value for dtype in DType}
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
    """Write a file, the same content as the same bytes; raises `DataError` if the disk refuses, and
    for more than memory has room for."""
    needed = 2 * sum(array.nbytes for array in tensors.values())
    if lack := find_lack(needed):  # the library would panic, which is no exception
        raise refusal("E0802", f"to write '{path}' takes {needed:,} bytes beside; {lack}")
    # 0.8.0 writes arrays that are not contiguous wrongly, without a word
    whole = {name: np.ascontiguousarray(a).reshape(a.shape) for name, a in tensors.items()}
    write_bytes(path, *_in_order(to_bytes(whole, dict(metadata))))


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


def _in_order(data: bytes) -> tuple[bytes, memoryview]:
    """The same file, in two pieces, with its header's keys sorted: safetensors writes the metadata
    in any order, and the same content is to be the same bytes. Offsets count from the header's
    end."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text, memoryview(data)[8 + length :]


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
