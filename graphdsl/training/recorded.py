"""What a run was: the `settings.json` of its folder, written at its start and read again.

It says all that a run needs to be gone on with or replayed: the model's file and overrides, the
data and its hash, the seed, what the command line changed, and the versions.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from graphdsl.driver import Compilation, compile_source
from graphdsl.engines.workers import check_workers
from graphdsl.graph.types import DType
from graphdsl.language.diagnostics import DataError, Diagnostic, GraphdslError, Label
from graphdsl.language.source import read_source
from graphdsl.training.files import read_bytes, write_text
from graphdsl.training.identity import model_hash
from graphdsl.training.plain import finite
from graphdsl.training.versions import versions

SETTINGS = "settings.json"
START = "start.safetensors"


@dataclass(frozen=True, slots=True)
class Given:
    """What a run was given beside its model: settings of the train block that are not compiled in,
    a path to data in the source's place, and the hash of the weights to begin with."""

    train: Mapping[str, Any] = field(default_factory=dict)
    source: str | None = None
    start: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """The settings of a run; paths in it are absolute."""

    model: str
    file: str
    """The model's file in the run's folder; what it imports stands beside it."""
    folder: str
    """The folder of the model, which its data is looked for in."""
    model_hash: str
    dtype: str
    overrides: Mapping[str, Any]
    seed: int
    engine: str
    """The engine that was asked for."""
    workers: int
    """Those that steps of large kernels were shared among, where NumPy ran them."""
    given: Given
    data_hash: str
    train: Mapping[str, Any]
    """Every setting of the train block, as it was used."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """The settings that took the place of those of the model's file; those of `file` are these."""
    versions: Mapping[str, str] = field(default_factory=versions)
    extended: tuple[Mapping[str, int], ...] = ()
    """The `step` at which a run went on to more `epochs` than it had."""

    @property
    def run(self) -> str:
        """A hash of what decides the bits of the run, as far as it has got."""
        given = {**asdict(self.given), "train": {**self.given.train, "epochs": 0}}
        said = [self.model_hash, self.data_hash, self.seed, self.engine, given]
        return hashlib.blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=8).hexdigest()

    @property
    def epochs(self) -> int:
        """How many epochs the run was to have."""
        return int(self.train["epochs"])

    def write(self, folder: Path, more: Mapping[str, Any]) -> None:
        """Write `settings.json`, with what else a reader may want; raises `DataError`."""
        plain = finite(asdict(self)) | {"overrides": _spelled(dict(self.overrides))} | dict(more)
        write_text(folder / SETTINGS, json.dumps(plain, indent=2, ensure_ascii=False) + "\n")

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """What `write` wrote; raises `ValueError`, `TypeError` or `KeyError` for anything else."""
        kept = {one.name: plain[one.name] for one in fields(cls)}
        for name, kind in _KINDS.items():
            if not isinstance(kept[name], kind) or isinstance(kept[name], bool):
                raise ValueError(f"its '{name}' makes no sense")
        if not 0 <= kept["seed"] < 2**63:
            raise ValueError("its 'seed' makes no sense")
        check_workers(kept["workers"])
        given = Given(**kept["given"])
        texts = (given.source, given.start)
        if not isinstance(given.train, dict) or not all(
            isinstance(one, str | None) for one in texts
        ):
            raise ValueError("its 'given' makes no sense")
        if type(kept["train"].get("epochs")) is not int:
            raise ValueError("its 'train' makes no sense")
        overrides = {name: _read(value) for name, value in kept["overrides"].items()}
        extended = tuple(kept["extended"])
        return cls(**{**kept, "given": given, "overrides": overrides, "extended": extended})


_KINDS: dict[str, type] = {
    **dict.fromkeys(("model", "file", "folder", "model_hash", "dtype", "data_hash", "engine"), str),
    **dict.fromkeys(("overrides", "given", "train", "settings", "versions"), dict),
    **dict.fromkeys(("seed", "workers"), int),
    "extended": list,
}


def read_settings(folder: Path) -> dict[str, Any]:
    """The settings of a run as plain data; raises `DataError` if the folder has none."""
    path = folder / SETTINGS
    try:
        plain = json.loads(read_bytes(path).decode("utf-8"))
    except FileNotFoundError:
        raise no_run(folder, f"it has no {SETTINGS}") from None
    except (OSError, ValueError, RecursionError) as problem:
        raise no_run(folder, f"its {SETTINGS} cannot be read: {problem}") from None
    if not isinstance(plain, dict):
        raise no_run(folder, f"its {SETTINGS} is no map")
    return plain


def read_recorded(folder: Path) -> Recorded:
    """The settings of the run in a folder; raises `DataError` if it holds none."""
    plain = read_settings(folder)
    try:
        recorded = Recorded.from_plain(plain)
    except KeyError as missing:
        why = f"its {SETTINGS} lacks {missing}: another version of graphdsl wrote it"
        raise no_run(folder, why, _anew(folder)) from None
    except (ValueError, TypeError, AttributeError) as problem:
        raise no_run(folder, f"its {SETTINGS} cannot be read: {problem}") from None
    if Path(recorded.file).name != recorded.file or recorded.dtype not in ("f32", "f64"):
        raise no_run(folder, f"its {SETTINGS} names no model file or float")
    return recorded


def compile_recorded(folder: Path, recorded: Recorded) -> Compilation:
    """The model of a run as it was; raises `DataError` if its files are no longer those."""
    path = folder / recorded.file
    try:
        source = read_source(path)
        compilation = compile_source(source, recorded.overrides, DType[recorded.dtype])
    except GraphdslError as error:
        first = error.diagnostics[0]
        why = f"its copy of the model: {first.message}"
        raise _other_model(folder, recorded, why, first.labels) from None
    if model_hash(compilation) != recorded.model_hash:
        why = f"'{path}', or a file that it imports from, is not what the run had"
        raise _other_model(folder, recorded, why)
    return compilation


def _other_model(
    folder: Path, recorded: Recorded, why: str, labels: tuple[Label, ...] = ()
) -> DataError:
    command = f"graphdsl run {recorded.model} --resume {folder}"
    help = (
        "put the files back as they were",
        f"or remove what was changed: {command} says which, and writes anew what is missing",
    )
    message = f"the run in '{folder}' is not as it was: {why}"
    return DataError(Diagnostic("E0836", message, labels, help))


def altered(folder: Path, recorded: Recorded, path: Path) -> DataError:
    """The error for a copy of one of a model's files that says something else than the model."""
    message = f"the run in '{folder}' is not as it was: '{path}' is not the model's any more"
    help = ("put the file back as it was", f"or remove it: {way_back(recorded, folder)}")
    return DataError(Diagnostic("E0836", message, (), help))


def way_back(recorded: Recorded, folder: Path) -> str:
    """What writes anew that which can be told from the model and the last checkpoint."""
    return f"graphdsl run {recorded.model} --resume {folder} writes it anew"


def no_run(folder: Path, why: str, *help: str) -> DataError:
    """The error for a folder that is no run's, or no longer."""
    if not help and (folder / SETTINGS).exists():
        help = (f"put '{folder / SETTINGS}' back as it was", f"or {_anew(folder)}")
    help = help or ("name the folder of a run, such as runs/digits-1",)
    message = f"'{folder}' is no run's folder, or no longer: {why}"
    return DataError(Diagnostic("E0836", message, (), help))


def _anew(folder: Path) -> str:
    return f"begin a new run with the weights that this one reached: --warm-start {folder}"


def _spelled(value: Any) -> Any:
    """A constant as JSON can hold it: nan and infinities as texts, which no constant is."""
    match value:
        case float():
            return value if math.isfinite(value) else str(value)
        case list() | tuple():
            return [_spelled(one) for one in value]
        case dict():
            return {name: _spelled(one) for name, one in value.items()}
    return value


def _read(value: Any) -> Any:
    """A constant that `_spelled` wrote."""
    match value:
        case "nan" | "inf" | "-inf":
            return float(value)
        case list():
            return tuple(_read(one) for one in value)
    return value
