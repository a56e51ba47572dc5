"""Going on with a run: what has to be as it was, and what may be otherwise.

Everything that decides the bits of a run is taken from its folder or has to be the same: the
model, its data, the seed, the batch. The number of epochs may grow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from graphdsl.driver import Compilation
from graphdsl.engines.choice import Engine, check_engine
from graphdsl.language.diagnostics import DataError, Diagnostic, UsageError
from graphdsl.session import Session
from graphdsl.training import keeper, run_folder
from graphdsl.training.dataset import Dataset
from graphdsl.training.files import make_folder
from graphdsl.training.identity import find_differences, model_hash
from graphdsl.training.keeper import Every, Keeper
from graphdsl.training.options import FitSettings
from graphdsl.training.recorded import START, Recorded, compile_recorded
from graphdsl.training.weights import digest, live, restore

_ANEW = "or begin a new run with the weights that fit: --warm-start"


def resume(
    folder: Path,
    recorded: Recorded,
    session: Session,
    dataset: Dataset,
    settings: FitSettings,
    every: Every,
    keep: int,
) -> Keeper:
    """The keeper of a run that goes on where its newest checkpoint stands, or else begins again.

    Records more epochs where `settings` have more. Raises `UsageError` for another model or other
    settings, `DataError` for other data or a checkpoint that is unfit.
    """
    verify_model(folder, recorded, session.compilation)
    verify_settings(recorded, settings)
    verify_engine(recorded, session)
    verify_data(recorded, dataset, _ANEW)
    restored = run_folder.restore_model(folder, recorded, session.compilation)
    start = keeper.newest(folder, session, recorded.run)
    if start is None and recorded.given.start is not None:
        restore(folder / START, session)
    if settings.epochs > recorded.epochs:
        step = start.progress.t if start is not None else 0
        recorded = run_folder.extend(folder, recorded, settings.epochs, step)
    return Keeper(
        folder, recorded.run, every, keep, start, resumable=True, restored=tuple(restored)
    )


@contextmanager
def kept_in(
    folder: str | Path | None,
    session: Session,
    dataset: Dataset,
    settings: FitSettings,
    looking: bool = False,
) -> Iterator[Keeper | None]:
    """The keeper of a run that a program begins in a folder, or goes on with; None without one.

    The same model with the same weights, data and settings, but for `epochs`, are the same run: it
    goes on from its newest checkpoint. Inside, the session has the engine and the workers that the
    run began with: its own, or NumPy and one, if it is `looking` between the statements of a step.
    Raises `DataError` where the folder holds checkpoints of another run, `UsageError` where it is
    in use, or the session asks for another engine and not for any.
    """
    if folder is None:
        yield None
        return
    hashes = (model_hash(session.compilation), digest(live(session)), dataset.digest())
    said = repr((*hashes, replace(settings, epochs=0)))
    run, folder = hashlib.blake2b(said.encode(), digest_size=8).hexdigest(), Path(folder)
    make_folder(folder)
    with run_folder.held(folder):
        start = keeper.newest(folder, session, run)
        now: _Means = ("numpy", 1) if looking else (session.engine, session.workers)
        was = (start.engine, start.workers) if start is not None else (None, None)
        if was[0] is not None and now[0] not in ("auto", was[0]) and not looking:
            raise _otherwise(
                f"the run has the engine {was[0]}, and cannot go on with {now[0]}",
                "load the model without an engine: the run goes on with its own",
                "or begin a new run in another folder",
            )
        with _by(session, (check_engine(was[0] or now[0]), was[1] or now[1])):
            yield Keeper(folder, run, start=start, resumable=True)


_Means = tuple[Engine, int]
"""An engine, and as how many workers NumPy shares a step among."""


@contextmanager
def _by(session: Session, means: _Means) -> Iterator[None]:
    """Inside, programs are loaded for an engine and so many workers."""
    before = session.engine, session.workers

    def change(to: _Means) -> None:
        if to != (session.engine, session.workers):
            session.engine, session.workers = to
            session.forget_programs()

    change(means)
    try:
        yield
    finally:
        change(before)


def verify_model(folder: Path, recorded: Recorded, now: Compilation) -> None:
    """Raise `UsageError`, with the difference, if a model is not that of the run."""
    if model_hash(now) == recorded.model_hash:
        return
    lines = list(find_differences(compile_recorded(folder, recorded), now))
    note = "\n".join(lines) or "its imported files stand elsewhere"
    help = (f"go on with the model as it was, which is in {folder}", _ANEW)
    message = f"the model is not that of the run in '{folder}'"
    raise UsageError(Diagnostic("E0834", message, (), help, notes=(note,)))


def verify_settings(recorded: Recorded, settings: FitSettings) -> None:
    """Raise `UsageError` for settings under which the run would take another course."""
    for name in ("seed", "batch"):
        was, now = recorded.train.get(name), getattr(settings, name)
        if was != now:
            message = f"the run has {name} = {was}, and cannot go on with {now}"
            raise _otherwise(message, f"leave --{name} out", _ANEW)
    if settings.epochs < recorded.epochs:
        message = f"the run has {recorded.epochs} epochs, and cannot go on to {settings.epochs}"
        raise _otherwise(message, "leave --epochs out, or give a larger number", _ANEW)


def verify_engine(recorded: Recorded, session: Session) -> None:
    """Raise `UsageError` for another engine: its last digits are others."""
    if session.engine != recorded.engine:
        was, now = recorded.engine, session.engine
        message = f"the run has the engine {was}, and cannot go on with {now}"
        raise _otherwise(message, "leave --engine out", _ANEW)


def verify_data(recorded: Recorded, dataset: Dataset, *help: str) -> None:
    """Raise `DataError` if the data is not what the run has been trained on."""
    if dataset.digest() != recorded.data_hash:
        message = "the data is not what the run has been trained on: its hash is another"
        advice = ("put the files back as they were", *help)
        raise DataError(Diagnostic("E0835", message, (), advice))


def _otherwise(message: str, *help: str) -> UsageError:
    return UsageError(Diagnostic("E0835", message, (), help))
