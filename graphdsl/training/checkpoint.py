"""One checkpoint: a safetensors file with all that a run needs to go on bit for bit.

Parameters and states stand under their qualified names, so that the file also serves as weights;
`memory:…` are the flat arrays of the optimizer, `kept:…` the weights that training would go back
to, left out where they are those of the model, `history:rows` the rows of the history. The metadata
holds the run's `Progress`, the hashes of the model, the run and the memory's layout, the engine,
the workers, the versions, and a digest of it all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from graphdsl.engines.choice import Engine, read_engine
from graphdsl.engines.workers import check_workers
from graphdsl.graph.flat_arrays import flat_array
from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import DataError, Diagnostic
from graphdsl.language.system_faults import reading_help
from graphdsl.session import Session
from graphdsl.training import tensor_file, weights
from graphdsl.training.identity import model_hash
from graphdsl.training.position import Progress
from graphdsl.training.snapshot import Snapshot
from graphdsl.training.tensor_file import Broken, TensorFile, type_of
from graphdsl.training.versions import versions

FORMAT = "graphdsl checkpoint 1"
PIECE = 2**20
"""Bytes that are compared at once."""
MEMORY, KEPT = f"memory{weights.APART}", f"kept{weights.APART}"
HISTORY = f"history{weights.APART}rows"
_RANDOM = "streams are keyed by seed and name and counted by step: no generator has a state"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that was read, and found to fit the model."""

    path: Path
    progress: Progress
    versions: Mapping[str, str]
    tensors: Mapping[str, Array]
    engine: Engine | None
    """The one that was asked for; None where the file does not say, as `workers`."""
    workers: int | None
    """Those that steps were shared among."""

    def apply(self, session: Session, snapshot: Snapshot) -> None:
        """Give the model, its optimizer and the snapshot what they held."""
        with session.lock:
            targets = _everything(session)
            snapshot.put({name: self._kept(name) for name in weights.live(session)})
            for name, array in targets.items():
                array[...] = self.tensors[name]

    def _kept(self, name: str) -> Array:
        return self.tensors.get(KEPT + name, self.tensors[name])


def write(
    path: Path, session: Session, snapshot: Snapshot | None, progress: Progress, run: str
) -> None:
    """Write a checkpoint of the `run` of that hash, which would go back to the weights of the
    snapshot, or else to those of the model; raises `DataError` if the disk refuses."""
    with session.lock:
        tensors = _everything(session)
        kept = snapshot.tensors() if snapshot is not None else {}
        if any(not _same_bits(kept[name], tensors[name]) for name in kept):
            tensors |= {KEPT + name: array for name, array in kept.items()}
        tensors[HISTORY] = progress.table()
        said = {
            "format": FORMAT,
            "model": model_hash(session.compilation),
            "run": run,
            "layout": _layout(session),
            "engine": session.engine,
            "workers": str(session.workers),
            "versions": json.dumps(versions()),
            "random": _RANDOM,
            "progress": json.dumps(progress.to_plain()),
        }
        tensor_file.write(path, tensors, {**said, weights.DIGEST: weights.seal(tensors, said)})


def read(path: Path, session: Session, run: str) -> Checkpoint:
    """A checkpoint of that run and of the model as it is; raises `DataError` for any other file.

    Nothing is changed: `apply` sets what it holds.
    """
    try:
        file = tensor_file.read(path)
        _verify_belongs(file, session, run)
        _verify_complete(file, session)
        tensors, said = _verify_sealed(file), file.metadata
        progress = Progress.from_plain(json.loads(said["progress"]), tensors[HISTORY])
        found = _texts(json.loads(said["versions"]))
        engine = read_engine(said["engine"]) if "engine" in said else None
        workers = check_workers(int(said["workers"])) if "workers" in said else None
    except Outdated as outdated:
        raise unusable(path, str(outdated), *_new_run(path, outdated.version)) from None
    except Broken as broken:
        raise unusable(path, str(broken)) from None
    except OSError as problem:
        raise unusable(path, problem.strerror or str(problem), *reading_help(problem)) from None
    except KeyError as missing:
        raise unusable(path, f"its header lacks {missing}") from None
    except json.JSONDecodeError as problem:
        raise unusable(path, f"its header holds what is no JSON: {problem}") from None
    except (ValueError, OverflowError, RecursionError) as problem:
        raise unusable(path, str(problem)) from None
    return Checkpoint(path, progress, found, tensors, engine, workers)


class Outdated(Broken):
    """Whole, but of another version of graphdsl; so are the other checkpoints of its run."""

    def __init__(self, why: str, version: str) -> None:
        super().__init__(why)
        self.version = version


def _new_run(path: Path, version: str) -> Iterator[str]:
    """What can be done with a checkpoint of another version."""
    yield f"begin a new run with the weights that it holds: --warm-start {path}"
    if version:
        yield f"or go on with the version that wrote it, graphdsl {version}"


def unusable(path: Path, why: str, *mends: str) -> DataError:
    """The error for a file that a run cannot go on from; by default it is to be left behind."""
    help = mends or (
        "remove it: the run then goes on from the checkpoint before it, or from its beginning",
        "or take the weights that fit into a new run: --warm-start",
    )
    return DataError(
        Diagnostic("E0626", f"the checkpoint '{path}' cannot be used: {why}", (), help)
    )


def _verify_belongs(file: TensorFile, session: Session, run: str) -> None:
    """Raise `Broken` for a file of another kind, another model or another run."""
    said = file.metadata
    if said.get("format") != FORMAT:
        raise Broken("it is no checkpoint, or one of another version of graphdsl")
    if said.get("model") != model_hash(session.compilation):
        raise Broken("it was written by another model")
    if said.get("run") != run:
        raise Broken("it was written by another run of this model")
    if said.get("layout") != _layout(session):
        _verify_sealed(file)
        raise Outdated(_explain_layout(said["layout"], session), _version(said))


def _verify_sealed(file: TensorFile) -> dict[str, Array]:
    """The tensors of a file; raises `Broken` unless all in it is as it was written."""
    tensors = file.tensors()
    said = {key: text for key, text in file.metadata.items() if key != weights.DIGEST}
    if file.metadata.get(weights.DIGEST) != weights.seal(tensors, said):
        raise Broken("its bytes are not those that were written")
    return tensors


def _explain_layout(layout: str, session: Session) -> str:
    """Why tensors of another layout cannot be taken."""
    if layout == _hash_places(session):
        return "an earlier version of graphdsl wrote it, with the optimizer's states in other units"
    return "another version of graphdsl wrote it, which stores tensors otherwise"


def _version(metadata: Mapping[str, str]) -> str:
    """That of the graphdsl which wrote a file, where it is not the one that reads it."""
    found = _texts(json.loads(metadata["versions"])).get("graphdsl", "")
    return found if found != versions()["graphdsl"] else ""


def _verify_complete(file: TensorFile, session: Session) -> None:
    """Raise `Broken` unless the tensors are those that the model holds."""
    wanted = _everything(session)
    allowed = wanted | {KEPT + name: array for name, array in weights.live(session).items()}
    for name, array in allowed.items():
        if name not in file.entries:
            if name in wanted:
                raise Broken(f"'{name}' is missing")
        elif file.type(name) != type_of(array) or file.nbytes(name) != array.nbytes:
            raise Broken(f"'{name}' is {file.type(name)}, and {type_of(array)} in the model")
    if HISTORY not in file.entries:
        raise Broken(f"'{HISTORY}' is missing")
    for name in file.entries:
        if name not in allowed and name != HISTORY:
            raise Broken(f"'{name:.80}' is nothing that the model holds")


def _everything(session: Session) -> dict[str, Array]:
    """What a step reads and writes and the next step finds; gradients are made anew by each."""
    slots = {MEMORY + flat_array("slot", name): array for name, array in session.memory.slots()}
    return {**weights.live(session), **slots}


def _layout(session: Session) -> str:
    """A hash of where tensors lie in the flat arrays, which the optimizer's are parallel to, and
    of what those are measured in."""
    units = sorted(item for item in session.memory.units.items() if item[1])
    return _hash_places(session, repr(units) if units else "")


def _hash_places(session: Session, units: str = "") -> str:
    """The same with units in words; without any it is what versions wrote that had none."""
    places = [(p.name, str(p.dtype), p.offset) for p in session.memory.layout.params.values()]
    return hashlib.blake2b((repr(places) + units).encode(), digest_size=8).hexdigest()


def _same_bits(one: Array, other: Array) -> bool:
    """Whether two arrays of a type have the same bits, seen a piece at a time: what NumPy finds of
    each byte takes another one."""
    a, b = weights.bits(one), weights.bits(other)
    starts = range(0, len(a), PIECE)
    return all(np.array_equal(a[at : at + PIECE], b[at : at + PIECE]) for at in starts)


def _texts(plain: Any) -> dict[str, str]:
    if not isinstance(plain, dict) or not all(isinstance(v, str) for v in plain.values()):
        raise ValueError("its versions are no map of texts")
    return plain
