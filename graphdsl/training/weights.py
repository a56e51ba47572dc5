"""Parameters and states on disk: one safetensors file, written whole or not at all.

The tensors are those of the model by qualified name; the metadata says which model and version
wrote them. The header is checked here before the library reads it, which takes a name twice.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load
from safetensors.numpy import save as to_bytes

from graphdsl.driver import Compilation
from graphdsl.graph.kernel import Array
from graphdsl.graph.types import DType
from graphdsl.language import ast
from graphdsl.language.diagnostics import DataError, Diagnostic, suggest
from graphdsl.language.printer import format_program
from graphdsl.session import Session
from graphdsl.training.files import write_bytes
from graphdsl.training.version import version

MAX_HEADER = 100_000_000
"""Bytes of a header at most, as in the format's own library."""

_DTYPES = {"F32": "f32", "F64": "f64", "I32": "i32", "I64": "i64", "BOOL": "bool"}
_NAMES = {dtype.numpy.name: dtype.value for dtype in DType}
_METADATA = "__metadata__"


def save(path: str | Path, session: Session, metadata: Mapping[str, str] | None = None) -> None:
    """Write a model's parameters and states; raises `DataError` if the disk refuses."""
    compilation = session.compilation
    said = {
        "graphdsl": version(),
        "model": model_hash(compilation),
        "dtype": str(compilation.float),
        **(metadata or {}),
    }
    # 0.8.0 writes arrays that are not contiguous wrongly, without a word
    tensors = {
        name: np.ascontiguousarray(array).reshape(array.shape)
        for name, array in _live(session).items()
    }
    with session.lock:
        data = _in_order(to_bytes(tensors, said))
    write_bytes(Path(path), data)


def _in_order(data: bytes) -> bytes:
    """The same file with its header's keys sorted: safetensors writes the metadata in any order,
    and the same weights are to be the same bytes. Offsets count from the header's end."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def restore(path: str | Path, session: Session) -> dict[str, str]:
    """Set a model's parameters and states from a file; the file's metadata.

    Raises `DataError`, leaving the model as it is, if the file is not one or does not fit.
    """
    path = Path(path)
    data = _read(path)
    header = _header(path, data)
    live = _live(session)
    metadata = header.pop(_METADATA, {})
    if differences := list(_differences(header, live)):
        raise _unfit(path, differences, metadata, session)
    tensors = _tensors(path, data)
    with session.lock:
        for name, array in live.items():
            array[...] = tensors[name]
    return dict(metadata)


def model_hash(compilation: Compilation) -> str:
    """A hash of what a model says: its text and that of the files it imports from, both as the
    formatter has them, its constants' values and its float."""
    constants = sorted((n, repr(v)) for n, v in compilation.lowered().constants.items())
    said = [_canonical(compilation.program), repr(constants), str(compilation.float)]
    for name, program in compilation.lowered().imported.items():
        said += [name, _canonical(program)]
    return hashlib.blake2b("\0".join(said).encode(), digest_size=16).hexdigest()


def _canonical(program: ast.Program) -> str:
    return format_program(replace(program, comments=()))


def _live(session: Session) -> dict[str, Array]:
    return {**session.memory.params, **session.memory.states}


# --- reading -------------------------------------------------------------------------------------


def _read(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise _broken(path, "it is a folder" if path.is_dir() else "it is not a file")
        return path.read_bytes()
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        message = f"the weights '{path}' cannot be read: {reason}"
        raise DataError(Diagnostic("E0620", message)) from None
    except MemoryError:
        raise _broken(path, "it is larger than this machine's memory") from None


def _header(path: Path, data: bytes) -> dict[str, Any]:
    """The header, its entries checked against one another and against the file's length."""
    if len(data) < 8:
        raise _broken(path, "it is empty" if not data else "it is cut short")
    length = int.from_bytes(data[:8], "little")
    if length > min(MAX_HEADER, len(data) - 8):
        raise _broken(path, f"it declares a header of {length:,} bytes in a file of {len(data):,}")
    try:
        header = json.loads(data[8 : 8 + length], object_pairs_hook=_unique)
    except (ValueError, RecursionError) as problem:
        raise _broken(path, f"its header: {problem}") from None
    if not isinstance(header, dict):
        raise _broken(path, "its header is no map")
    body = len(data) - 8 - length
    for name, entry in header.items():
        if not (_is_text_map(entry) if name == _METADATA else _is_entry(entry, body)):
            raise _broken(path, f"the entry '{name:.80}' of its header is malformed")
    return header


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"'{key:.80}' stands there twice")
        found[key] = value
    return found


def _is_text_map(entry: Any) -> bool:
    return isinstance(entry, dict) and all(isinstance(value, str) for value in entry.values())


def _is_entry(entry: Any, body: int) -> bool:
    match entry:
        case {"dtype": str(), "shape": [*shape], "data_offsets": [int(start), int(end)]}:
            sizes = all(type(size) is int and size >= 0 for size in shape)
            return sizes and 0 <= start <= end <= body
    return False


def _tensors(path: Path, data: bytes) -> dict[str, Array]:
    try:
        return load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as problem:
        raise _broken(path, str(problem)) from None


def _differences(header: Mapping[str, Any], live: Mapping[str, Array]) -> Iterable[str]:
    """What a file lacks, has too much, or has otherwise than the model."""
    for name, array in live.items():
        if name not in header:
            near = suggest(name, [other for other in header if other not in live])
            yield f"'{name}' is missing" + (f"; is it '{near}' in the file?" if near else "")
            continue
        entry = header[name]
        found = _type(_DTYPES.get(entry["dtype"], entry["dtype"]), entry["shape"])
        wanted = _type(_NAMES.get(array.dtype.name, array.dtype.name), list(array.shape))
        if found != wanted:
            yield f"'{name}' is {found} in the file and {wanted} in the model"
        elif entry["data_offsets"][1] - entry["data_offsets"][0] != (
            math.prod(array.shape) * array.itemsize
        ):
            yield f"'{name}' has another number of bytes than its shape"
    for name in header:
        if name not in live:
            yield f"'{name:.80}' is no parameter or state of the model"


def _type(dtype: str, shape: list[int]) -> str:
    return f"{dtype}[{', '.join(map(str, shape))}]" if shape else dtype


def _broken(path: Path, why: str) -> DataError:
    help = ("weights are safetensors files, as model.save and a run's folder have them",)
    return DataError(Diagnostic("E0620", f"'{path}' is no weights file: {why}", (), help))


def _unfit(
    path: Path, differences: list[str], metadata: Mapping[str, str], session: Session
) -> DataError:
    shown = differences[:8]
    if len(differences) > 8:
        shown.append(f"and {len(differences) - 8} more differences")
    if metadata.get("model") not in (None, model_hash(session.compilation)):
        shown.append("they were saved by another model, or by this one with other constants")
    message = f"the weights '{path}' do not fit the model"
    return DataError(Diagnostic("E0621", message, (), tuple(shown)))
