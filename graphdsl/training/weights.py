"""Parameters and states on disk: one safetensors file, written whole or not at all.

The tensors are those of the model by qualified name; the metadata says which model and version
wrote them, with a digest of it all that is compared when they are read. A checkpoint holds them
under the same names, beside more, and is taken for weights, as is the folder of a run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import DataError, Diagnostic, did_you_mean
from graphdsl.language.system_faults import reading_help
from graphdsl.session import Session
from graphdsl.training import tensor_file
from graphdsl.training.identity import model_hash
from graphdsl.training.tensor_file import Broken, TensorFile
from graphdsl.training.version import version
from graphdsl.training.weight_checks import find_differences, find_not_finite, fits, unfit

WEIGHTS = "weights.safetensors"
"""The weights that a run leaves in its folder."""

DIGEST = "digest"
"""The text of a file that is a hash of all else in it."""

_KIND = "weights are safetensors files, as model.save and a run's folder have them"
_NAMED = "name a .safetensors file, or the folder of a run that has ended, such as runs/digits-1"

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
    tensor_file.write(Path(path), tensors, {**said, DIGEST: seal(tensors, said)})


def restore(path: str | Path, session: Session) -> tuple[Diagnostic, ...]:
    """Set a model's parameters and states from a file or a run's folder; warnings of what is in it.

    Raises `DataError`, leaving the model as it is, if the file is not one or does not fit.
    """
    path = _file_of(Path(path))
    file, found = _read(path), live(session)
    if differences := list(find_differences(file, found, _names(file))):
        raise unfit(path, differences, _is_another(file, session))
    tensors = _tensors(path, file)
    with session.lock:
        for name, array in found.items():
            array[...] = tensors[name]
    return tuple(find_not_finite(path, found, session.memory.states))


@dataclass(frozen=True, slots=True)
class Taken:
    """What `take_fitting` took: the names of tensors, a line for each other one, of the model or
    the file, and warnings of what is in those taken."""

    path: Path
    names: Sequence[str]
    left: Sequence[str]
    warnings: Sequence[Diagnostic]


def take_fitting(path: str | Path, session: Session) -> Taken:
    """Set those parameters and states that a file, or a run's folder, has with their name and type.

    Raises `DataError` if the file is not one or nothing in it fits.
    """
    path = _file_of(Path(path))
    file, found = _read(path), live(session)
    left = list(find_differences(file, found, _names(file)))
    names = [name for name, array in found.items() if fits(file, name, array)]
    if not names:
        raise unfit(path, left, _is_another(file, session))
    tensors = _tensors(path, file)
    with session.lock:
        for name in names:
            found[name][...] = tensors[name]
    taken = {name: found[name] for name in names}
    return Taken(path, names, left, tuple(find_not_finite(path, taken, session.memory.states)))


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


def seal(tensors: Mapping[str, Array], texts: Mapping[str, str]) -> str:
    """A hash of all that a file holds: its tensors and its texts."""
    said = f"{digest(tensors)}\0{json.dumps(dict(texts), sort_keys=True)}"
    return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()


# --- files ---------------------------------------------------------------------------------------


def _file_of(path: Path) -> Path:
    """The weights file that a path stands for; raises `DataError` for a folder without one."""
    if not path.is_dir():
        return path
    file = path / WEIGHTS
    if file.exists():
        return file
    saved = sorted(path.glob("checkpoints/*.safetensors"))
    help = f"name one of its checkpoints: {saved[-1]}" if saved else _NAMED
    message = f"the folder '{path}' holds no {WEIGHTS}, as that of a run that has ended does"
    raise DataError(Diagnostic("E0620", message, (), (help,)))


def _names(file: TensorFile) -> list[str]:
    """The tensors of a file that stand for parameters and states."""
    return [name for name in file.entries if APART not in name]


def _is_another(file: TensorFile, session: Session) -> bool:
    """Whether a file says that another model wrote it."""
    return file.metadata.get("model") not in (None, model_hash(session.compilation))


def _read(path: Path) -> TensorFile:
    try:
        return tensor_file.read(path)
    except Broken as broken:
        raise _no_weights(path, broken) from None
    except FileNotFoundError:
        raise _missing(path) from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        message = f"the weights '{path}' cannot be read: {reason}"
        help = reading_help(problem) or (_NAMED,)
        raise DataError(Diagnostic("E0620", message, (), help)) from None


def _missing(path: Path) -> DataError:
    """The error for a path that nothing is at, with the name near it."""
    names: list[str] = []
    with suppress(OSError):
        names = [one.name for one in islice(path.parent.iterdir(), 1000)]
    message = f"there is no weights file '{path}'"
    return DataError(Diagnostic("E0620", message, (), did_you_mean(path.name, names) or (_NAMED,)))


def _tensors(path: Path, file: TensorFile) -> dict[str, Array]:
    """The arrays, found to be those that were written where the file can tell."""
    try:
        tensors = file.tensors()
    except Broken as broken:
        raise _no_weights(path, broken) from None
    said = {key: text for key, text in file.metadata.items() if key != DIGEST}
    if _is_sealed(file.metadata) and file.metadata[DIGEST] != seal(tensors, said):
        message = f"the weights '{path}' are not those that were written: their digest is another"
        help = ("the file was damaged or changed: take a copy of it, or train again",)
        raise DataError(Diagnostic("E0620", message, (), help))
    return tensors


def _is_sealed(metadata: Mapping[str, str]) -> bool:
    """Whether a file holds a digest of ours; other programs may mean something else by the name."""
    ours = "graphdsl" in metadata or metadata.get("format", "").startswith("graphdsl")
    return ours and DIGEST in metadata


def _no_weights(path: Path, broken: Broken) -> DataError:
    message = f"'{path}' is no weights file: {broken}"
    return DataError(Diagnostic("E0620", message, (), (_KIND, _NAMED)))
