"""`run --profile`: where the time of the first steps goes, told on stderr and written down."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from graphdsl.cli import words

if TYPE_CHECKING:
    from graphdsl.model import Model
    from graphdsl.training.recorded import Recorded

FILE = "profile.json"
STEPS = 50


def add_profile(group: argparse._ActionsContainer) -> None:
    """`--profile`."""
    group.add_argument(
        "--profile",
        metavar="STEPS",
        nargs="?",
        const=STEPS,
        type=words.positive,
        help="say where the time of so many steps goes, by node, by line and by sweep, after 5 to "
        f"warm up; into {FILE} of the run's folder too (STEPS: {STEPS})",
    )


def settle_engine(args: argparse.Namespace) -> None:
    """Have NumPy run what `--profile` and `--debug-nan` look into, from the first step to the last,
    so that a run that is looked at has the bits of its engine; raise `BadArgument` for numba."""
    from graphdsl.cli.faults import BadArgument

    looking = _looking(args)
    if not looking:
        return
    if args.engine == "numba":
        raise BadArgument(
            f"{looking} looks between NumPy's statements, and the engine numba compiles them into "
            "one: take --engine numpy, in a run of its own"
        )
    if args.resume is None:  # a run that goes on keeps its engine
        args.engine, args.workers = "numpy", 1


def find_changes(args: argparse.Namespace, recorded: Recorded) -> Iterator[str]:
    """How the steps that a run goes on with differ from those it began with, where they are looked
    into and those were not."""
    looking, engine, workers = _looking(args), recorded.engine, recorded.workers
    if looking and (engine, workers) != ("numpy", 1):
        began = f"the run began with engine = {engine}, workers = {workers}"
        yield f"{looking} looks into steps of NumPy with one worker, and {began}"


def _looking(args: argparse.Namespace) -> str:
    """The option that looks between the statements of a step; empty without one."""
    return "--profile" if args.profile is not None else "--debug-nan" if args.debug_nan else ""


def verify_profile(args: argparse.Namespace) -> None:
    """Raise `BadArgument` for a profile of steps that something else slows down."""
    from graphdsl.cli.faults import BadArgument

    if args.profile is not None and args.debug_nan:
        raise BadArgument("--profile times steps, and --debug-nan slows them: take one of the two")


@contextmanager
def opened(args: argparse.Namespace, model: Model, folder: Path) -> Iterator[None]:
    """Time the steps inside, if that is asked for, and tell of them when they have ended."""
    if args.profile is None:
        yield
        return
    from graphdsl.cli.notices import say
    from graphdsl.training.files import write_text
    from graphdsl.views.profiling import profiling

    with profiling(model.session, args.profile) as profiler:
        yield
    found = profiler.profile()
    if found is None:
        say(args, "no profile: the run ended before its sixth step")
        return
    write_text(folder / FILE, json.dumps(found.to_plain(), indent=2, ensure_ascii=False) + "\n")
    if not args.quiet:
        say(args, str(found))
