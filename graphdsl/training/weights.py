"""Parameters and states on disk: one safetensors file, written whole or not at all.

The tensors are those of the model by qualified name; the metadata says which model and version
wrote them. A checkpoint holds them under the same names, beside more, and is taken for weights.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import DataError, Diagnostic
from graphdsl.language.near import nearest
from graphdsl.language.system_faults import reading_help
from graphdsl.session import Session
from graphdsl.training import tensor_file
from graphdsl.training.identity import model_hash
from graphdsl.training.tensor_file import Broken, TensorFile, type_of
from graphdsl.training.version import version

APART = ":"
"""Stands in no qualified name: what a checkpoint holds beside the weights has it in its name."""


def save(path: str | Path, session: Session, metadata: Mapping[str, str] | None = None) -> None:
    """Write a model's parameters and states; raises `DataError` if the disk refuses."""
    with session.lock:
        write(path, session, live(session), metadata)


def write(
    path: str | Path,
    session: Session,
    tensors: Mapping[str, Array],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write tensors as those of a model; raises `DataError` if the disk refuses."""
    said = {
        "graphdsl": version(),
        "model": model_hash(session.compilation),
        "dtype": str(session.compilation.float),
        **(metadata or {}),
    }
    tensor_file.write(Path(path), tensors, said)


def restore(path: str | Path, session: Session) -> dict[str, str]:
    """Set a model's parameters and states from a file; the file's metadata.

    Raises `DataError`, leaving the model as it is, if the file is not one or does not fit.
    """
    path = Path(path)
    file, found = _read(path), live(session)
    if differences := list(find_differences(file, found)):
        raise _unfit(path, differences, file.metadata, session)
    tensors = _tensors(path, file)
    with session.lock:
        for name, array in found.items():
            array[...] = tensors[name]
    return dict(file.metadata)


def take_fitting(path: str | Path, session: Session) -> tuple[list[str], list[str]]:
    """Set those parameters and states that a file has with their name and type; the names of
    those, and a line for each other, of the model or the file.

    Raises `DataError` if the file is not one or nothing in it fits.
    """
    path = Path(path)
    file, found = _read(path), live(session)
    left = list(find_differences(file, found))
    taken = [name for name, array in found.items() if _fits(file, name, array)]
    if not taken:
        raise _unfit(path, left, file.metadata, session)
    tensors = _tensors(path, file)
    with session.lock:
        for name in taken:
            found[name][...] = tensors[name]
    return taken, left


def live(session: Session) -> dict[str, Array]:
    """A model's parameters and states by name, as they are."""
    return {**session.memory.params, **session.memory.states}


def digest(tensors: Mapping[str, Array]) -> str:
    """A hash of names, types and bits."""
    found = hashlib.blake2b(digest_size=16)
    for name, array in sorted(tensors.items()):
        found.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        found.update(bits(array).data)
    return found.hexdigest()


def bits(array: Array) -> Array:
    """The bytes of an array, which compare where nan and -0 would not."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def find_differences(file: TensorFile, wanted: Mapping[str, Array]) -> Iterable[str]:
    """What a file lacks, has too much, or has otherwise than the model, a line each."""
    entries = [name for name in file.entries if APART not in name]
    for name, array in wanted.items():
        if name not in file.entries:
            near = nearest(name, [other for other in entries if other not in wanted])
            yield f"'{name}' is missing" + (f"; is it '{near}' in the file?" if near else "")
        elif file.type(name) != type_of(array):
            yield f"'{name}' is {file.type(name)} in the file and {type_of(array)} in the model"
        elif not _fits(file, name, array):
            yield f"'{name}' has another number of bytes than its shape"
    for name in entries:
        if name not in wanted:
            yield f"'{name:.80}' is no parameter or state of the model"


def _fits(file: TensorFile, name: str, array: Array) -> bool:
    if name not in file.entries or file.type(name) != type_of(array):
        return False
    return file.nbytes(name) == math.prod(array.shape) * array.itemsize


def _read(path: Path) -> TensorFile:
    try:
        return tensor_file.read(path)
    except Broken as broken:
        raise _no_weights(path, broken) from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        message = f"the weights '{path}' cannot be read: {reason}"
        raise DataError(Diagnostic("E0620", message, (), reading_help(problem))) from None


def _tensors(path: Path, file: TensorFile) -> dict[str, Array]:
    try:
        return file.tensors()
    except Broken as broken:
        raise _no_weights(path, broken) from None


def _no_weights(path: Path, broken: Broken) -> DataError:
    help = ("weights are safetensors files, as model.save and a run's folder have them",)
    return DataError(Diagnostic("E0620", f"'{path}' is no weights file: {broken}", (), help))


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
