"""The folder a training run leaves behind: model, settings, weights, history, metrics.

model.gdl            the model's text with its settings overridden, what it imports beside it
settings.json        constants, overrides, float, seed, versions, hashes: what a replay needs
start.safetensors    the weights it began with, where those were not the seed's
checkpoints          what it can go on from (see `keeper`)
history.csv, .jsonl  one row an epoch
weights.safetensors  what the model holds at the end: the best, where a valid part chose
metrics.json         how training ended, the kept weights' losses and metrics, and their hash
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path

from graphdsl.driver import Compilation
from graphdsl.language.diagnostics import (
    DataError,
    Diagnostic,
    GraphdslError,
    UsageError,
    did_you_mean,
)
from graphdsl.language.overridden_text import overridden_settings, overridden_text
from graphdsl.language.parser import parse
from graphdsl.language.source import Source
from graphdsl.language.system_faults import reading_help
from graphdsl.session import Session
from graphdsl.training import checkpoint, weights
from graphdsl.training.dataset import Dataset
from graphdsl.training.files import make_folder, remove, unwritable, write_text
from graphdsl.training.history import History
from graphdsl.training.identity import canonical, model_hash
from graphdsl.training.keeper import BEGINNING, CHECKPOINTS
from graphdsl.training.leftovers import LIST
from graphdsl.training.options import FitSettings
from graphdsl.training.paths import model_folder
from graphdsl.training.plain import finite
from graphdsl.training.position import Position, Progress
from graphdsl.training.recorded import (
    SETTINGS,
    START,
    Given,
    Recorded,
    altered,
    no_run,
    read_settings,
)
from graphdsl.training.weights import WEIGHTS

RUNS = "runs"
MODEL = "model.gdl"
METRICS = "metrics.json"
_IS_FILE = "is a file"
_NAME_ONE = "name the folder of a run, such as runs/digits-1"


def numbered(model_name: str) -> Iterator[Path]:
    """The folders that a new run of a model may have, `runs/MODEL-N`, from the next one on."""
    stem = _stem(model_name)
    yield from (_run(stem, n) for n in count(max(_numbers(Path(RUNS), stem), default=0) + 1))


def first_files(compilation: Compilation) -> list[str]:
    """The names of all that `write_start` may write, in its order."""
    names = [str(path) for path, _ in _texts(Path(), compilation)]
    return [*names, START, BEGINNING, SETTINGS]


def write_start(
    folder: Path,
    session: Session,
    dataset: Dataset,
    settings: FitSettings,
    given: Given | None = None,
) -> Recorded:
    """Write the model's files, the weights the run begins with where those are `given`, the
    checkpoint of its beginning, and last `settings.json`; what was recorded.

    Raises `DataError` if the disk refuses.
    """
    compilation, given = session.compilation, given or Given()
    files = dict(_texts(folder, compilation))
    recorded = Recorded(
        model=compilation.program.source.name,
        file=next(iter(files)).name,
        folder=str(model_folder(compilation.program.source).resolve()),
        model_hash=model_hash(compilation),
        dtype=str(compilation.float),
        overrides=dict(compilation.constants),
        seed=settings.seed,
        engine=session.engine,
        workers=session.workers,
        given=given,
        data_hash=dataset.digest(),
        train=asdict(settings),
        settings=overridden_settings(compilation.program),
    )
    for path, text in files.items():
        make_folder(path.parent)
        write_text(path, text)
    if given.start is not None:
        weights.save(folder / START, session)
    make_folder(folder / CHECKPOINTS)
    beginning = Progress(0, 0, Position(), 0.0)
    checkpoint.write(folder / BEGINNING, session, None, beginning, recorded.run)
    more = {
        "constants": finite(dict(compilation.lowered().constants)),
        "rows": {name: part.rows for name, part in dataset.parts.items()},
        "learned": finite(dataset.learned.to_plain()),
    }
    recorded.write(folder, more)
    return recorded


def extend(folder: Path, recorded: Recorded, epochs: int, step: int) -> Recorded:
    """Record that a run goes on to more epochs, from a step on; raises `DataError`."""
    remove(folder / METRICS)  # it has not ended any more
    extended = replace(
        recorded,
        train={**recorded.train, "epochs": epochs},
        given=replace(recorded.given, train={**recorded.given.train, "epochs": epochs}),
        extended=(*recorded.extended, {"step": step, "epochs": epochs}),
    )
    plain = read_settings(folder)
    extended.write(folder, {key: plain[key] for key in plain.keys() - asdict(extended).keys()})
    return extended


def restore_model(folder: Path, recorded: Recorded, compilation: Compilation) -> list[Path]:
    """Write anew those of the model's files that are missing in a run's folder; which they were.

    `compilation` is the run's model. Raises `DataError` for a file that has been changed, which may
    be somebody's work.
    """
    expected = dict(_texts(folder, compilation))
    for path, text in expected.items():
        if path.exists() and not _says(path, text):
            raise altered(folder, recorded, path)
    missing = [path for path in expected if not path.exists()]
    for path in missing:
        make_folder(path.parent)
        write_text(path, expected[path])
    return missing


def _says(path: Path, text: str) -> bool:
    """Whether a model's file says what a text does, whatever its comments."""
    try:
        found = path.read_bytes().decode("utf-8")
        return found == text or canonical(parse(Source(found))) == canonical(parse(Source(text)))
    except (OSError, ValueError, GraphdslError):
        return False


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Let nobody else train in a folder, for as long as this lasts or the process lives.

    Raises `UsageError` if someone does.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as problem:
        raise unwritable(folder, problem) from None
    try:
        with suppress(OSError):  # some systems lock nothing
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise under_way(folder) from None
        yield
    finally:
        os.close(handle)


def find_run(named: str, model_name: str) -> Path:
    """The folder of a run to go on with: the one that is named, or else the model's newest.

    Raises `DataError` if nothing can be there; what a folder holds is not read.
    """
    folder = Path(named) if named else latest(model_name)
    try:
        lacks = _find_lack(folder)
    except OSError as problem:
        help = reading_help(problem) or (_NAME_ONE,)
        raise no_run(folder, f"it cannot be read: {problem.strerror}", *help) from None
    if lacks is None:
        return folder
    message = f"'{folder}' {lacks}: there is no run to go on with"
    runs = [path.parent.name for path in folder.parent.glob(f"*/{SETTINGS}")]
    begin = f"to begin a run: graphdsl run {model_name} --out {folder}"
    advice = (*did_you_mean(folder.name, runs), _NAME_ONE if lacks == _IS_FILE else begin)
    raise DataError(Diagnostic("E0836", message, (), advice))


def _find_lack(folder: Path) -> str | None:
    """Why a place cannot be the folder of a run that has begun, if it cannot."""
    if not folder.is_dir():
        return _IS_FILE if folder.exists() else "is not there"
    if (folder / LIST).exists() and not (folder / SETTINGS).exists():
        return "holds half of a beginning"
    return None if any(folder.iterdir()) else "is empty"


def latest(model_name: str) -> Path:
    """The newest run of a model in `runs`; raises `DataError` if there is none."""
    stem = _stem(model_name)
    numbers = [n for n in _numbers(Path(RUNS), stem) if (_run(stem, n) / SETTINGS).is_file()]
    if not numbers:
        help = (f"train it first: graphdsl run {model_name}", "or name the run's folder")
        message = f"'{RUNS}' holds no run of {Path(model_name).name} to go on with"
        raise DataError(Diagnostic("E0836", message, (), help))
    return _run(stem, max(numbers))


def write_end(folder: Path, session: Session, history: History) -> Path:
    """Write weights, history and metrics; where the weights are.

    Raises `DataError` if the disk refuses; what is there then is whole.
    """
    weights.save(folder / WEIGHTS, session)
    history.write(folder)
    said = {**history.summary(), "weights": weights.digest(weights.live(session))}
    write_text(folder / METRICS, _json(said))
    return folder / WEIGHTS


def _texts(folder: Path, compilation: Compilation) -> Iterator[tuple[Path, str]]:
    """The model's text and those it imports from: they stand where the imports look for them."""
    imported = compilation.lowered().imported
    names = (MODEL, *(f"model_{number}.gdl" for number in range(2, len(imported) + 3)))
    name = next(name for name in names if name not in imported)
    yield folder / name, overridden_text(compilation.program)
    for name, program in imported.items():
        yield folder / name, program.source.text


def _stem(model_name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", Path(model_name).stem).strip(".") or "model"


def _run(stem: str, number: int) -> Path:
    return Path(RUNS) / f"{stem}-{number}"


def under_way(folder: Path) -> UsageError:
    """The error for a folder that another process trains in."""
    help = ("wait for it to end, or begin another run",)
    return UsageError(Diagnostic("E0837", f"the run in '{folder}' is under way", (), help))


def _numbers(runs: Path, stem: str) -> list[int]:
    ends = [path.name.removeprefix(f"{stem}-") for path in runs.glob("*-*")]
    return [int(end) for end in ends if end.isascii() and end.isdigit() and len(end) < 10]


def _json(value: object) -> str:
    return json.dumps(finite(value), indent=2, ensure_ascii=False, default=str) + "\n"
