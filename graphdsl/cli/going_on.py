"""`run --resume` and `run --warm-start`: where a run begins, and the folder that it is in."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graphdsl.cli import options

if TYPE_CHECKING:
    from graphdsl.session import Session
    from graphdsl.training.dataset import Dataset
    from graphdsl.training.keeper import Every, Keeper
    from graphdsl.training.options import FitSettings
    from graphdsl.training.recorded import Recorded

KEEP = 2
"""Checkpoints that are kept, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Before:
    """A run that is to go on: its folder, and what it recorded."""

    folder: Path
    recorded: Recorded


def take_up(args: argparse.Namespace) -> Before:
    """Find the run to go on with, and let its settings stand where the command line says none.

    Raises `DataError` if there is none.
    """
    from graphdsl.cli.faults import BadArgument
    from graphdsl.training import run_folder
    from graphdsl.training.recorded import read_recorded

    if args.out is not None:
        raise BadArgument("--out is for new runs: one that goes on stays in its folder")
    folder = Path(args.resume) if args.resume else run_folder.latest(args.file)
    recorded = read_recorded(folder)
    args.constants = [*recorded.overrides.items(), *args.constants]
    args.settings = [*_not_named(recorded.settings, args.settings), *args.settings]
    given = recorded.given
    args.dtype = args.dtype or recorded.dtype
    args.seed = recorded.seed if args.seed is None else args.seed
    args.batch = given.train.get("batch") if args.batch is None else args.batch
    args.epochs = given.train.get("epochs") if args.epochs is None else args.epochs
    if args.data is None and given.source is not None:
        args.data = Path(given.source)
    return Before(folder, recorded)


def _not_named(settings: Mapping[str, str], given: list[options.Pair]) -> list[options.Pair]:
    """The settings of a run that the command line does not give anew, with their block or bare."""
    named = {key for key, _ in given}
    return [
        (key, text) for key, text in settings.items() if not {key, key.partition(".")[2]} & named
    ]


@contextmanager
def opened(
    args: argparse.Namespace,
    before: Before | None,
    session: Session,
    dataset: Dataset,
    settings: FitSettings,
) -> Iterator[Keeper]:
    """The keeper of a run in its folder, new or old, which is held as long as this lasts."""
    from graphdsl.training import run_folder
    from graphdsl.training.keeper import Every

    every, keep = args.checkpoint_every or Every.default(), args.keep or KEEP
    if before is None:
        warm = _warm_start(args, session)
        folder = run_folder.create(args.out, Path(args.file).stem)
        with run_folder.held(folder):
            yield _begun(folder, args, session, dataset, settings, warm, every, keep)
        return
    from graphdsl.training.resuming import resume

    folder, recorded = before.folder, before.recorded
    with run_folder.held(folder):
        keeper = resume(folder, recorded, session, dataset, settings, every, keep)
        _tell(keeper, args.quiet)
        yield keeper


def _begun(
    folder: Path,
    args: argparse.Namespace,
    session: Session,
    dataset: Dataset,
    settings: FitSettings,
    start: str | None,
    every: Every,
    keep: int,
) -> Keeper:
    """The keeper of a new run, what the run is written down; nothing is left where that fails."""
    from graphdsl.language.diagnostics import GraphdslError
    from graphdsl.training import run_folder
    from graphdsl.training.keeper import Keeper
    from graphdsl.training.recorded import Given

    options = {"epochs": args.epochs, "batch": args.batch}
    train = {key: value for key, value in options.items() if value is not None}
    source = str(args.data.resolve()) if args.data is not None else None
    given = Given(train, source, start)
    try:
        recorded = run_folder.write_start(folder, session, dataset, settings, given)
    except GraphdslError:
        run_folder.discard(folder, session)
        raise
    return Keeper(folder, recorded.run, every, keep)


def _warm_start(args: argparse.Namespace, session: Session) -> str | None:
    """Take the weights that fit, say which; the hash of what the run then begins with."""
    if args.warm_start is None:
        return None
    from graphdsl.training import weights
    from graphdsl.training.run_folder import WEIGHTS

    path: Path = args.warm_start / WEIGHTS if args.warm_start.is_dir() else args.warm_start
    taken, left = weights.take_fitting(path, session)
    if not args.quiet:
        print(f"from {path}: {', '.join(taken)}", file=sys.stderr)
        for line in left:
            print(f"not taken: {line}", file=sys.stderr)
    return weights.digest(weights.live(session))


def _tell(keeper: Keeper, quiet: bool) -> None:
    """Say where a run goes on, and what is no longer as it was."""
    from graphdsl.training.versions import changed

    if quiet:
        return
    start = keeper.start
    if start is None:
        print(f"{keeper.folder} has no checkpoint: from the beginning", file=sys.stderr)
        return
    epoch = start.progress.position.epoch + 1
    where = f"{start.path}: step {start.progress.t}, epoch {epoch}"
    print(f"going on from {where}", file=sys.stderr)
    for line in changed(start.versions):
        print(f"warning: the bits may differ: {line}", file=sys.stderr)
