"""What a run's folder does not hold and its model tells: the learning rate by epoch, and the
gradients of its first batches at the weights it began with and at those it kept."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from graphdsl.driver import Compilation
from graphdsl.engines.choice import check_engine
from graphdsl.language.diagnostics import GraphdslError
from graphdsl.session import Session
from graphdsl.training import weights
from graphdsl.training.batches import Batches
from graphdsl.training.history import History
from graphdsl.training.options import fit_settings
from graphdsl.training.rate import find_rate
from graphdsl.training.recorded import START, Recorded
from graphdsl.training.replay import recorded_data
from graphdsl.training.resuming import verify_data
from graphdsl.training.statistics import LayerStatistics, measure_gradients
from graphdsl.training.trainer import Trainer
from graphdsl.training.weights import WEIGHTS
from graphdsl.views.report.chart import Curve
from graphdsl.views.report.reading import MOST_EPOCHS, ReportedRun

BATCHES = 5
"""Batches that gradients are measured on."""
POINTS = 1200
"""Epochs that the learning rate is asked for."""


@dataclass(frozen=True, slots=True)
class Gradients:
    """Statistics by parameter at the beginning and at the kept weights; None where there are none,
    and then `notes` say why."""

    start: Sequence[LayerStatistics] | None
    kept: Sequence[LayerStatistics] | None
    notes: tuple[str, ...]


def rate_curve(compilation: Compilation, recorded: Recorded, history: History) -> Curve | None:
    """The learning rate after each epoch; None for an optimizer that has none."""
    rate, rows = find_rate(Session(compilation, recorded.seed)), history.epochs
    if rate is None or not rows or "step" not in rows[-1]:
        return None
    chosen = [*rows[: -1 : max(1, len(rows) // POINTS)], rows[-1]]
    total = min(recorded.epochs, MOST_EPOCHS) * rows[-1]["step"] / max(rows[-1]["epoch"], 1)
    values = [
        rate(row.get("step", math.nan), row["epoch"], total) if callable(rate) else rate
        for row in chosen
    ]
    epochs = [row["epoch"] for row in chosen]
    return Curve("learning rate", np.array(epochs), np.array(values))


def measure_run(run: ReportedRun, source: Path | None = None) -> Gradients:
    """The gradients of a run, none of one whose model is gone; `source` takes the place of its
    data."""
    if run.compilation is None:
        return Gradients(None, None, ())
    try:
        session = Session(run.compilation, run.recorded.seed, check_engine(run.recorded.engine))
        batches = list(_batches(session, run.recorded, source))
        trainer = _trainer(session, run.recorded)
    except GraphdslError as error:
        return Gradients(None, None, (f"No gradients were taken: {_reason(error)}.",))
    notes: list[str] = []
    start = _measure(run, session, trainer, batches, START, notes)
    kept = _measure(run, session, trainer, batches, WEIGHTS, notes)
    return Gradients(start, kept, tuple(notes))


def _measure(
    run: ReportedRun,
    session: Session,
    trainer: Trainer,
    batches: Sequence[Mapping[str, Any]],
    file: str,
    notes: list[str],
) -> list[LayerStatistics] | None:
    """The statistics at the weights of a file; a run without a file of its start began with the
    seed's, which a new session holds."""
    try:
        if file == WEIGHTS or run.recorded.given.start is not None:
            weights.restore(run.folder / file, session)
        return measure_gradients(session, batches, trainer)
    except GraphdslError as error:
        when = "at the beginning" if file == START else "at the kept weights"
        notes.append(f"No gradients {when}: {_reason(error)}.")
        return None


def _batches(session: Session, recorded: Recorded, source: Path | None) -> Iterator[dict[str, Any]]:
    """The first batches of the first epoch."""
    dataset = recorded_data(session, recorded, source)
    verify_data(recorded, dataset)
    settings = fit_settings(session.compilation, recorded.given.train, recorded.seed)
    batches = Batches(dataset.train, settings.batch, seed=settings.seed)
    for fed, _ in islice(batches.epoch(0), BATCHES):
        yield {name: array.copy() for name, array in fed.items()}


def _trainer(session: Session, recorded: Recorded) -> Trainer:
    settings = fit_settings(session.compilation, recorded.given.train, recorded.seed)
    return Trainer(session, settings.recipe, settings.accumulate)


def _reason(error: GraphdslError) -> str:
    return error.diagnostics[0].message
