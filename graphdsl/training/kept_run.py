"""A run that is kept in a folder, from its first file to what it came to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from graphdsl.language.diagnostics import DataError, DivergedError, GraphdslError
from graphdsl.session import Session
from graphdsl.training import loop, run_folder
from graphdsl.training.dataset import Dataset
from graphdsl.training.history import History
from graphdsl.training.keeper import KEEP, Every, Keeper
from graphdsl.training.options import FitSettings
from graphdsl.training.progress import Listener
from graphdsl.training.recorded import Given, Recorded
from graphdsl.training.resuming import resume
from graphdsl.training.trainer import Trainer


@contextmanager
def begun(
    out: str | Path | None,
    session: Session,
    dataset: Dataset,
    settings: FitSettings,
    given: Given,
    every: Every | None = None,
    keep: int | None = None,
) -> Iterator[Keeper]:
    """The keeper of a new run in its folder (see `run_folder.create`), which is written down.

    The folder is held as long as this lasts. Nothing is left of it where it cannot be written.
    """
    folder = run_folder.create(out, session.compilation.program.source.name)
    with run_folder.held(folder):
        try:
            recorded = run_folder.write_start(folder, session, dataset, settings, given)
        except BaseException:
            run_folder.discard(folder, session)
            raise
        yield Keeper(folder, recorded.run, every or Every.default(), keep or KEEP)


@contextmanager
def gone_on(
    folder: Path,
    recorded: Recorded,
    session: Session,
    dataset: Dataset,
    settings: FitSettings,
    every: Every | None = None,
    keep: int | None = None,
) -> Iterator[Keeper]:
    """The keeper of a run that goes on in its folder; raises as `resume` does."""
    every, keep = every or Every.default(), keep or KEEP
    with run_folder.held(folder):
        yield resume(folder, recorded, session, dataset, settings, every, keep)


def fit_kept(
    trainer: Trainer,
    dataset: Dataset,
    settings: FitSettings,
    keeper: Keeper,
    listener: Listener | None = None,
    signals: Sequence[int] = (),
    debug_nan: bool = False,
) -> History:
    """`loop.fit`, and what it came to is left in the keeper's folder; a run that fails before it
    came to anything leaves no folder."""
    session, history = trainer.session, History()
    try:
        loop.fit(trainer, dataset, settings, listener, history, keeper, signals, debug_nan)
    except (GraphdslError, MemoryError) as error:
        if history.epochs or isinstance(error, DivergedError):
            with suppress(DataError):  # a full disk is what ended it, maybe, which is told already
                run_folder.write_end(keeper.folder, session, history)
        elif not keeper.resumable:
            run_folder.discard(keeper.folder, session)
        raise
    run_folder.write_end(keeper.folder, session, history)
    return history
