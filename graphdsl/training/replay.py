"""Replaying a run from its folder, to see whether it comes out bit for bit as it did."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from graphdsl.compiler.lower.criteria import After, Both, Criterion, Either, leaves
from graphdsl.driver import Compilation
from graphdsl.engines.choice import check_engine
from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import DataError, Diagnostic, DivergedError
from graphdsl.language.settings import DATA
from graphdsl.session import Session
from graphdsl.training import loop, weights
from graphdsl.training.data import load_dataset
from graphdsl.training.dataset import Dataset
from graphdsl.training.history import CSV, History, Row
from graphdsl.training.options import FitSettings, data_settings, fit_settings
from graphdsl.training.progress import Listener
from graphdsl.training.recorded import (
    START,
    Recorded,
    compile_recorded,
    read_recorded,
    way_back,
)
from graphdsl.training.resuming import verify_data
from graphdsl.training.run_folder import METRICS
from graphdsl.training.trainer import Trainer
from graphdsl.training.versions import changed
from graphdsl.training.weights import WEIGHTS

REPLAYED = ("epochs", "early", "diverged")
"""The endings that a replay comes to by itself."""
_CANNOT = "the run in '{}' cannot be verified"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a replay came to. `differences` are lines about what differs, `reasons` what may be
    why; both are empty where every bit is the same."""

    weights: str
    """The hash of the weights that the run left."""
    replayed: str
    clock_steps: int | None = None
    """The steps that the run took, which were replayed, where it may have been the clock that ended
    it: no replay goes by the clock."""
    differences: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether every bit of the weights and of the history is the same."""
        return not self.differences


def replay(folder: Path, source: Path | None = None, listener: Listener | None = None) -> Verdict:
    """Train again what the run in a folder trained, and compare weights and history.

    Nothing is written. `source` takes the place of the run's data, which is looked for where it
    was, and has to be the same. Raises `DataError` if the folder is not that of a run that has
    ended, or its model, weights or data are not what they were.
    """
    recorded = read_recorded(folder)
    metrics = _read_metrics(folder, recorded)
    compilation = compile_recorded(folder, recorded)
    session = Session(compilation, recorded.seed, check_engine(recorded.engine))
    session.workers = recorded.workers
    if recorded.given.start is not None:
        weights.restore(folder / START, session)
    stored = _stored_weights(folder, compilation, recorded, metrics)
    dataset = recorded_data(session, recorded, source)
    verify_data(recorded, dataset, "or say where they are now: --data PATH")
    settings = fit_settings(compilation, recorded.given.train, recorded.seed)
    clock_steps = None
    if settings.stop is not None and any(map(_is_clock, leaves(settings.stop))):
        clock_steps = metrics["steps"] if metrics["ending"] == "early" else None
        last = math.inf if clock_steps is None else clock_steps
        settings = replace(settings, stop=_without_clock(settings.stop, last))
    history = _train(session, dataset, settings, listener)
    found = weights.live(session)
    differences = (
        *_weights_differ(stored, found),
        *_history_differs(folder, history),
        *_table_differs(folder, history),
    )
    reasons = (*changed(recorded.versions), *_extensions(recorded)) if differences else ()
    return Verdict(
        weights.digest(stored),
        weights.digest(found),
        clock_steps,
        differences,
        reasons,
    )


def _is_clock(stop: Criterion) -> bool:
    return isinstance(stop, After) and stop.counted == "seconds"


def _without_clock(stop: Criterion, steps: float) -> Criterion:
    """The same with the step a run ended after in the place of its seconds."""
    match stop:
        case Both(criteria) | Either(criteria):
            return replace(stop, criteria=tuple(_without_clock(one, steps) for one in criteria))
    return After("steps", steps) if _is_clock(stop) else stop


def _train(
    session: Session, dataset: Dataset, settings: FitSettings, listener: Listener | None
) -> History:
    trainer, history = Trainer(session, settings.recipe, settings.accumulate), History()
    try:
        loop.fit(trainer, dataset, settings, listener, history)
    except DivergedError:
        assert history.ending == "diverged"  # the run may have done so too: its history tells
    if history.interrupted:
        raise KeyboardInterrupt  # half a replay says nothing
    return history


def recorded_data(session: Session, recorded: Recorded, source: Path | None = None) -> Dataset:
    """The data of a run, or that of `source`: the block's files are looked for in the folder of the
    model. Raises `DataError` where it cannot be read."""
    given, folder = recorded.given, Path(recorded.folder)
    path = source if source is not None else given.source
    overrides: dict[str, Any] = {}
    if path is None and session.compilation.lowered().data is not None:
        values = data_settings(session.compilation, overrides)
        for key in (one.key for one in DATA if one.kind == "path"):
            if values[key]:
                overrides[key] = str(folder / values[key])
    return load_dataset(session, overrides, path)


def _read_metrics(folder: Path, recorded: Recorded) -> Mapping[str, Any]:
    """How the run ended; raises `DataError` unless it came to an end of its own."""
    path = folder / METRICS
    try:
        said = json.loads(path.read_text("utf-8"))
        wanted = {"ending": str, "steps": int, "weights": str}
        if not isinstance(said, dict) or any(type(said.get(n)) is not k for n, k in wanted.items()):
            raise ValueError(f"it does not say its {', '.join(wanted)}")
    except FileNotFoundError:
        raise _unfinished(folder, recorded, "it has not ended") from None
    except (OSError, ValueError, RecursionError) as problem:
        no_json = "it is no JSON: " if isinstance(problem, json.JSONDecodeError) else ""
        why = f"'{path}' cannot be read: {no_json}{problem}"
        raise _refusal(f"{_CANNOT.format(folder)}: {why}", way_back(recorded, folder)) from None
    if said["ending"] not in REPLAYED:
        raise _unfinished(folder, recorded, f"its ending was '{said['ending']}'")
    return said


def _unfinished(folder: Path, recorded: Recorded, why: str) -> DataError:
    help = f"go on with it first: graphdsl run {recorded.model} --resume {folder}"
    return _refusal(f"{_CANNOT.format(folder)}: {why}", help)


def _stored_weights(
    folder: Path, compilation: Compilation, recorded: Recorded, metrics: Mapping[str, Any]
) -> dict[str, Array]:
    """The weights that the run left; raises `DataError` if they are no longer those."""
    path, session = folder / WEIGHTS, Session(compilation, recorded.seed)
    try:
        weights.restore(path, session)
    except DataError as error:
        first = error.diagnostics[0]
        raise DataError(replace(first, help=(*first.help, way_back(recorded, folder)))) from None
    stored = weights.live(session)
    if weights.digest(stored) != metrics["weights"]:
        message = f"'{path}' is not what the run left: its hash is another"
        raise _refusal(message, f"it was changed after the run: {way_back(recorded, folder)}")
    return stored


def _refusal(message: str, *help: str) -> DataError:
    return DataError(Diagnostic("E0838", message, (), help))


# --- comparing -----------------------------------------------------------------------------------


def _weights_differ(stored: Mapping[str, Array], found: Mapping[str, Array]) -> Iterator[str]:
    for name, array in stored.items():
        other = found[name]
        count = int((weights.bits(array) != weights.bits(other)).any()) and _unequal(array, other)
        if count:
            gap = np.max(np.abs(array.astype(np.float64) - other.astype(np.float64)))
            yield f"'{name}': {count:,} of {array.size:,} values, by {gap:.3g} at most"


def _unequal(one: Array, other: Array) -> int:
    """How many elements differ in their bits."""
    rows = [weights.bits(array).reshape(array.size, -1) for array in (one, other)]
    return int((rows[0] != rows[1]).any(axis=1).sum())


def _history_differs(folder: Path, history: History) -> Iterator[str]:
    """The first value of the history that is another; the seconds are never the same."""
    try:
        text = (folder / "history.jsonl").read_text("utf-8")
        rows = [json.loads(line) for line in text.splitlines()]
    except (OSError, ValueError, RecursionError) as problem:
        yield f"history.jsonl cannot be read: {problem}"
        return
    if len(rows) != len(history.epochs):
        yield f"history.jsonl: {len(rows):,} epochs then, {len(history.epochs):,} now"
    for then, now in zip(rows, history.epochs, strict=False):
        for name in now:
            if name != "seconds" and not _same(then, now, name):
                said = f"{then.get(name)} then, {now[name]} now"
                yield f"history.jsonl: epoch {now['epoch']}, {name}: {said}"
                return


def _table_differs(folder: Path, history: History) -> Iterator[str]:
    """The first line of `history.csv` that has another value; its seconds are never the same."""
    try:
        then = list(csv.reader((folder / CSV).read_text("utf-8").splitlines()))
    except (OSError, ValueError, csv.Error) as problem:
        yield f"{CSV} cannot be read: {problem}"
        return
    now = list(csv.reader(history.table().splitlines()))
    if len(then) != len(now):
        yield f"{CSV}: {len(then):,} lines then, {len(now):,} now"
    clock = history.columns.index("seconds") if "seconds" in history.columns else None
    for line, rows in enumerate(zip(then, now, strict=False), 1):
        one, other = (row[:clock] + row[clock + 1 :] if clock else row for row in rows)
        if one != other:
            yield f"{CSV}: line {line} holds {','.join(one)} then, {','.join(other)} now"
            return


def _same(then: Mapping[str, Any], now: Row, name: str) -> bool:
    """Whether a row of the file holds this value; what is not finite stands there as null."""
    value = now[name] if math.isfinite(now[name]) else None
    return name in then and then[name] == value


def _extensions(recorded: Recorded) -> Iterator[str]:
    """What else may have been different until a run went on to more epochs than it began with."""
    engine = ", and 'auto' may have chosen another engine" if recorded.engine == "auto" else ""
    for one in recorded.extended:
        yield (
            f"the run went on to {one['epochs']} epochs at step {one['step']}: until then a "
            f"schedule over total_steps saw another end{engine}"
        )
