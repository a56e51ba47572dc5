"""The folder a training run leaves behind: model, settings, weights, history, metrics.

model.gdl            the model's text as it was, and the files it imports from beside it
settings.json        constants, overrides, float, seed, versions, hashes: what a replay needs
weights.safetensors  what the model holds at the end: the best, where a valid part chose
history.csv, .jsonl  one row an epoch
metrics.json         how training ended, and the kept weights' losses and metrics
"""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from graphdsl.driver import Compilation
from graphdsl.language.diagnostics import Diagnostic, UsageError
from graphdsl.session import Session
from graphdsl.training import weights
from graphdsl.training.dataset import Dataset
from graphdsl.training.files import unwritable, write_text
from graphdsl.training.history import History
from graphdsl.training.options import FitSettings
from graphdsl.training.plain import finite
from graphdsl.training.version import version
from graphdsl.training.weights import model_hash

RUNS = "runs"
WEIGHTS = "weights.safetensors"
MODEL = "model.gdl"
SETTINGS = "settings.json"


def create(out: str | Path | None, model_name: str) -> Path:
    """A new folder: `out`, which must be new or empty, or else the next `runs/MODEL-N`.

    Of two runs that begin at once each gets a folder of its own. Raises `UsageError` if `out`
    holds something, `DataError` if the folder cannot be made.
    """
    if out is not None:
        return _create(Path(out))
    stem = re.sub(r"[^\w.-]+", "_", Path(model_name).stem).strip(".") or "model"
    runs = Path(RUNS)
    try:
        runs.mkdir(parents=True, exist_ok=True)
        taken = _numbers(runs, stem)
        for number in count(max(taken, default=0) + 1):
            try:
                (runs / f"{stem}-{number}").mkdir()
            except FileExistsError:
                continue
            return runs / f"{stem}-{number}"
    except OSError as problem:
        raise unwritable(runs, problem) from None
    raise AssertionError("numbers do not end")


def write_start(
    folder: Path,
    session: Session,
    dataset: Dataset,
    settings: FitSettings,
    overrides: Mapping[str, Any] | None = None,
) -> None:
    """Write the model's files and `settings.json`; `overrides` are those of the `data` block.

    Raises `DataError` if the disk refuses.
    """
    compilation = session.compilation
    source = compilation.program.source
    said = {
        "model": source.name,
        "model_hash": model_hash(compilation),
        "dtype": str(compilation.float),
        "constants": dict(compilation.lowered().constants),
        "overrides": dict(compilation.constants),
        "data": dict(overrides or {}),
        "data_hash": dataset.digest(),
        "rows": {name: part.rows for name, part in dataset.parts.items()},
        "categories": dict(dataset.categories),
        "train": asdict(settings),
        "versions": {
            "graphdsl": version(),
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }
    for path, text in _texts(folder, compilation):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise unwritable(path.parent, problem) from None
        write_text(path, text)
    write_text(folder / SETTINGS, _json(said))


def discard(folder: Path, session: Session) -> None:
    """Take back what `write_start` wrote, and the folder if it held nothing else."""
    written = [path for path, _ in _texts(folder, session.compilation)]
    for path in (*written, folder / SETTINGS):
        path.unlink(missing_ok=True)
    made = {up for path in written for up in path.parents if up.is_relative_to(folder)}
    runs = [Path(RUNS)] if folder.parent == Path(RUNS) else []
    for parent in (*sorted(made, key=lambda path: -len(path.parts)), *runs):
        with suppress(OSError):  # something else is in it
            parent.rmdir()


def write_end(folder: Path, session: Session, history: History) -> Path:
    """Write weights, history and metrics; where the weights are.

    Raises `DataError` if the disk refuses; what is there then is whole.
    """
    weights.save(folder / WEIGHTS, session)
    history.write(folder)
    write_text(folder / "metrics.json", _json(history.summary()))
    return folder / WEIGHTS


def _texts(folder: Path, compilation: Compilation) -> Iterator[tuple[Path, str]]:
    """The model's text and those it imports from: they stand where the imports look for them."""
    imported = compilation.lowered().imported
    names = (MODEL, *(f"model_{number}.gdl" for number in range(2, len(imported) + 3)))
    name = next(name for name in names if name not in imported)
    yield folder / name, compilation.program.source.text
    for name, program in imported.items():
        yield folder / name, program.source.text


def _create(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
        used = any(out.iterdir())
    except OSError as problem:
        raise unwritable(out, problem) from None
    if used:
        help = ("name a folder that is new or empty: a run never overwrites another",)
        raise UsageError(Diagnostic("E0813", f"the folder '{out}' is not empty", (), help))
    return out


def _numbers(runs: Path, stem: str) -> list[int]:
    ends = [path.name.removeprefix(f"{stem}-") for path in runs.glob("*-*")]
    return [int(end) for end in ends if end.isascii() and end.isdigit() and len(end) < 10]


def _json(value: object) -> str:
    return json.dumps(finite(value), indent=2, ensure_ascii=False, default=str) + "\n"
