"""Replaying a run from its folder, to see whether it comes out bit for bit as it did."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from graphdsl.driver import Compilation
from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import DataError, Diagnostic, DivergedError
from graphdsl.language.settings import DATA
from graphdsl.session import Session
from graphdsl.training import loop, weights
from graphdsl.training.data import load_dataset
from graphdsl.training.dataset import Dataset
from graphdsl.training.history import History, Row
from graphdsl.training.options import data_settings, fit_settings
from graphdsl.training.progress import Listener
from graphdsl.training.recorded import START, Recorded, compile_recorded, read_recorded
from graphdsl.training.resuming import verify_data
from graphdsl.training.run_folder import METRICS, WEIGHTS
from graphdsl.training.trainer import Trainer
from graphdsl.training.versions import changed

REPLAYED = ("epochs", "early", "diverged")
"""The endings that a replay comes to by itself."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a replay came to. `differences` are lines about what differs, `reasons` what may be
    why; both are empty where every bit is the same."""

    weights: str
    """The hash of the weights that the run left."""
    replayed: str
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
    metrics = _read_metrics(folder)
    compilation = compile_recorded(folder, recorded)
    session = Session(compilation, recorded.seed)
    if recorded.given.start is not None:
        weights.restore(folder / START, session)
    stored = _stored_weights(folder, compilation, recorded, metrics)
    dataset = _dataset(session, recorded, source)
    verify_data(recorded, dataset)
    history = _train(session, dataset, recorded, listener)
    found = weights.live(session)
    differences = (*_weights_differ(stored, found), *_history_differs(folder, history))
    reasons = (*changed(recorded.versions), *_extensions(recorded)) if differences else ()
    return Verdict(weights.digest(stored), weights.digest(found), differences, reasons)


def _train(
    session: Session, dataset: Dataset, recorded: Recorded, listener: Listener | None
) -> History:
    settings = fit_settings(session.compilation, recorded.given.train, recorded.seed)
    trainer, history = Trainer(session, settings.recipe, settings.accumulate), History()
    try:
        loop.fit(trainer, dataset, settings, listener, history)
    except DivergedError:
        assert history.ending == "diverged"  # the run may have done so too: its history tells
    return history


def _dataset(session: Session, recorded: Recorded, source: Path | None) -> Dataset:
    """The data of a run: the block's files are looked for in the folder of the model."""
    given, folder = recorded.given, Path(recorded.folder)
    path = source if source is not None else given.source
    overrides: dict[str, Any] = {}
    if path is None and session.compilation.lowered().data is not None:
        values = data_settings(session.compilation, overrides)
        for key in (one.key for one in DATA if one.kind == "path"):
            if values[key]:
                overrides[key] = str(folder / values[key])
    return load_dataset(session, overrides, path)


def _read_metrics(folder: Path) -> Mapping[str, Any]:
    """How the run ended; raises `DataError` unless it came to an end of its own."""
    try:
        said = json.loads((folder / METRICS).read_text("utf-8"))
        ending, _ = said["ending"], said["weights"]
    except FileNotFoundError:
        raise _unfinished(folder, "it has not ended") from None
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as problem:
        raise _unfinished(folder, f"its {METRICS} cannot be read: {problem}") from None
    if ending not in REPLAYED:
        raise _unfinished(folder, f"its ending was '{ending}'")
    return dict(said)


def _unfinished(folder: Path, why: str) -> DataError:
    help = ("go on with it first: graphdsl run FILE --resume RUN",)
    message = f"the run in '{folder}' cannot be verified: {why}"
    return DataError(Diagnostic("E0838", message, (), help))


def _stored_weights(
    folder: Path, compilation: Compilation, recorded: Recorded, metrics: Mapping[str, Any]
) -> dict[str, Array]:
    """The weights that the run left; raises `DataError` if they are no longer those."""
    session = Session(compilation, recorded.seed)
    weights.restore(folder / WEIGHTS, session)
    stored = weights.live(session)
    if weights.digest(stored) != metrics["weights"]:
        message = f"'{folder / WEIGHTS}' is not what the run left: its hash is another"
        help = ("it was changed after the run: restore it from a copy, or train again",)
        raise DataError(Diagnostic("E0838", message, (), help))
    return stored


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


def _same(then: Mapping[str, Any], now: Row, name: str) -> bool:
    """Whether a row of the file holds this value; what is not finite stands there as null."""
    value = now[name] if math.isfinite(now[name]) else None
    return name in then and then[name] == value


def _extensions(recorded: Recorded) -> Iterator[str]:
    for one in recorded.extended:
        yield (
            f"the run went on to {one['epochs']} epochs at step {one['step']}: until then a "
            "schedule over total_steps saw another end"
        )
