"""A run that is kept in a folder, from its first file to what it came to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from graphdsl.language.diagnostics import DataError, DivergedError, GraphdslError
from graphdsl.session import Session
from graphdsl.training import loop, new_folder, run_folder
from graphdsl.training.dataset import Dataset
from graphdsl.training.history import History
from graphdsl.training.keeper import KEEP, Every, Keeper
from graphdsl.training.options import FitSettings
from graphdsl.training.progress import Listener
from graphdsl.training.recorded import Given, Recorded, read_recorded
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
    """The keeper of a new run in its folder: `out`, which must be new or empty, or else the next
    `runs/MODEL-N`. From the moment the folder is there, it holds a checkpoint to go on from; one
    that was empty holds it before its settings.

    The folder is held as long as this lasts. Raises `UsageError` if `out` holds something,
    `DataError` where it cannot be written: nothing is left of it then.
    """
    names = run_folder.first_files(session.compilation)

    def write(folder: Path) -> Recorded:
        return run_folder.write_start(folder, session, dataset, settings, given)

    found = out is not None and os.path.isdir(os.path.realpath(out))  # `new/..` is there already
    model_name = session.compilation.program.source.name
    places = run_folder.numbered(model_name) if out is None else iter((Path(out),))
    fill = new_folder.found_empty if found else new_folder.made
    with fill(places, names, write) as (folder, recorded):
        often, most = every or Every.default(), keep or KEEP
        yield Keeper(folder, recorded.run, often, most, made=not found)


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
    """The keeper of a run that goes on in its folder; raises as `resume` does, and `UsageError` if
    it has gone on since it `recorded` this."""
    every, keep = every or Every.default(), keep or KEEP
    with run_folder.held(folder):
        if read_recorded(folder) != recorded:
            raise run_folder.under_way(folder)
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
            names = run_folder.first_files(session.compilation)
            new_folder.discard(keeper.folder, names, keeper.made)
        raise
    run_folder.write_end(keeper.folder, session, history)
    return history
