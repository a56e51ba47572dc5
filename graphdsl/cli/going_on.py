"""`run --resume` and `run --warm-start`: where a run begins, and the folder that it is in."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graphdsl.cli import words
from graphdsl.cli.signals import postponed

if TYPE_CHECKING:
    from graphdsl.session import Session
    from graphdsl.training.dataset import Dataset
    from graphdsl.training.keeper import Keeper
    from graphdsl.training.options import FitSettings
    from graphdsl.training.recorded import Given, Recorded


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
    folder = run_folder.find_run(args.resume, args.file)
    recorded = read_recorded(folder)
    args.constants = [*recorded.overrides.items(), *args.constants]
    args.settings = [*_not_named(recorded.settings, args.settings), *args.settings]
    given = recorded.given
    args.dtype = args.dtype or recorded.dtype
    args.seed = recorded.seed if args.seed is None else args.seed
    args.engine, args.workers = args.engine or recorded.engine, recorded.workers
    args.batch = given.train.get("batch") if args.batch is None else args.batch
    args.epochs = given.train.get("epochs") if args.epochs is None else args.epochs
    if args.data is None and given.source is not None:
        args.data = Path(given.source)
    return Before(folder, recorded)


def _not_named(settings: Mapping[str, str], given: list[words.Setting]) -> list[words.Setting]:
    """The settings of a run that the command line does not give anew, with their block or bare."""
    named = {setting.key for setting in given}
    return [
        words.Setting(key, text)
        for key, text in settings.items()
        if not {key, key.partition(".")[2]} & named
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
    from graphdsl.training.kept_run import begun, gone_on

    run, often = (session, dataset, settings), (args.checkpoint_every, args.keep)
    with ExitStack() as stack:
        keeper = None
        try:
            with postponed():  # an import that is cut short leaves half a module
                if before is None:
                    found = begun(args.out, *run, _given(args, session), *often)
                else:
                    found = gone_on(before.folder, before.recorded, *run, *often)
                keeper = stack.enter_context(found)
        except KeyboardInterrupt:
            if keeper is not None:
                say_how_to_go_on(args, keeper)
            raise
        if before is not None:
            _tell(args, keeper, before.recorded)
        yield keeper


def say_how_to_go_on(args: argparse.Namespace, keeper: Keeper) -> None:
    """Say how to go on with a run that was interrupted."""
    from graphdsl.cli.notices import say

    if not args.quiet:
        said = f"graphdsl run {args.file} --resume {keeper.folder}"
        say(args, f"interrupted; to go on: {said}")


def _given(args: argparse.Namespace, session: Session) -> Given:
    """What the command line gives a new run beside its model."""
    from graphdsl.training.recorded import Given

    options = {"epochs": args.epochs, "batch": args.batch}
    train = {key: value for key, value in options.items() if value is not None}
    source = str(args.data.resolve()) if args.data is not None else None
    return Given(train, source, _warm_start(args, session))


def _warm_start(args: argparse.Namespace, session: Session) -> str | None:
    """Take the weights that fit, say which; the hash of what the run then begins with."""
    if args.warm_start is None:
        return None
    from graphdsl.cli.notices import say, tell
    from graphdsl.training import weights

    taken = weights.take_fitting(args.warm_start, session)
    tell(args, taken.warnings)
    if not args.quiet:
        say(args, f"from {taken.path}: {', '.join(taken.names)}")
        for line in taken.left:
            say(args, f"not taken: {line}")
    return weights.digest(weights.live(session))


def _tell(args: argparse.Namespace, keeper: Keeper, recorded: Recorded) -> None:
    """Say where a run goes on, and what is no longer as it was."""
    from graphdsl.cli import profiling
    from graphdsl.cli.notices import say
    from graphdsl.training.versions import changed

    if args.quiet:
        return
    for path in keeper.restored:
        say(args, f"{path} was missing: written anew")
    start = keeper.start
    if start is None:
        say(args, f"{keeper.folder} has no checkpoint: from the beginning")
        return
    epoch = start.progress.position.epoch + 1
    say(args, f"going on from {start.path}: step {start.progress.t}, epoch {epoch}")
    for line in (*changed(start.versions), *profiling.find_changes(args, recorded)):
        say(args, f"warning: the bits may differ: {line}")
