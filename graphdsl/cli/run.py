"""`graphdsl run FILE`: train where the file says how, evaluate what is given otherwise."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphdsl.cli import INTERRUPTED, going_on, options, parts, pictures, profiling, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphdsl.cli.going_on import Before
    from graphdsl.graph.kernel import Array
    from graphdsl.model import Model
    from graphdsl.training.dataset import Dataset
    from graphdsl.training.history import History
    from graphdsl.training.keeper import Every, Keeper
    from graphdsl.training.options import FitSettings
    from graphdsl.training.trainer import Trainer


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `run`."""
    parser.add_argument("file", metavar="FILE", help="a model file")
    options.add_feeds(parser)
    options.add_model_options(parser)
    parser.set_defaults(dtype=None)  # a run that goes on has its own
    options.add_seed(parser)
    options.add_engine(parser)
    options.add_training(parser)
    options.add_json(parser)
    group = parser.add_argument_group("for a file with a train block")
    group.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        help="the folder for weights and history, new or empty (default: runs/MODEL-N)",
    )
    parts.add_data(group, "other data to train on")
    group.add_argument("--epochs", metavar="N", type=words.natural, help="how many epochs")
    group.add_argument(
        "--batch", metavar="N|all", type=words.batch, help="how many rows a step takes"
    )
    group.add_argument(
        "--stop",
        metavar="WHEN",
        action="append",
        dest="settings",
        type=_stop,
        help="when to stop, as a file has it: 'early(J, patience = 3) or after(seconds = 60)'",
    )
    group.add_argument(
        "--max-memory",
        metavar="AMOUNT",
        action="append",
        dest="settings",
        type=_max_memory,
        help="what a step may compute in, such as '500 MB': the setting memory",
    )
    _add_checkpoints(group)
    pictures.add_pictures(group)
    profiling.add_profile(group)
    options.add_debug_nan(parser)
    group.add_argument("-q", "--quiet", action="store_true", help="no progress, results alone")


def _stop(text: str) -> words.Setting:
    return words.Setting("stop", text, "--stop")


def _max_memory(text: str) -> words.Setting:
    amount = text if text.isdecimal() else json.dumps(text, ensure_ascii=False)
    return words.Setting("memory", amount, "--max-memory")


def _add_checkpoints(group: argparse._ActionsContainer) -> None:
    """Where a run begins, and how often it is saved."""
    begin = group.add_mutually_exclusive_group()
    begin.add_argument(
        "--resume",
        metavar="[RUN]",
        nargs="?",
        const="",
        help="go on with the run in this folder (default: the model's newest in runs)",
    )
    begin.add_argument(
        "--warm-start",
        metavar="WEIGHTS",
        type=Path,
        help="begin with the tensors of this file, or of a run's folder, that fit",
    )
    group.add_argument(
        "--checkpoint-every",
        metavar="EVERY",
        type=every,
        help="how often the run is saved: 500 (steps), 2epochs, 30s, 5min; always at its end "
        "(default: 1min)",
    )
    group.add_argument(
        "--keep",
        metavar="N",
        type=words.positive,
        help="how many checkpoints are kept, beside the best weights (default: 2)",
    )


def every(text: str) -> Every:
    """How often: a count of steps, or with the unit `epochs`, `s` or `min`."""
    from graphdsl.training.keeper import Every

    found = re.fullmatch(r"(\d{1,15}) ?(steps?|epochs?|s|min)?", text)
    if found is None or not int(found[1]):
        raise argparse.ArgumentTypeError(f"'{text}' is no interval, such as 500, 2epochs or 5min")
    count, unit = int(found[1]), found[2] or "steps"
    if unit in ("s", "min"):
        return Every(seconds=float(count * (60 if unit == "min" else 1)))
    return Every(epochs=count) if unit.startswith("epoch") else Every(steps=count)


def run(args: argparse.Namespace) -> int:
    """Train or evaluate."""
    from graphdsl.cli.faults import BadArgument
    from graphdsl.cli.notices import tell

    fed = options.read_feeds(args.feeds)
    before = going_on.take_up(args) if args.resume is not None else None
    args.dtype = args.dtype or "f32"
    profiling.settle_engine(args)
    model = options.load_model(args)
    tell(args, model.compilation.warnings)
    if model.compilation.lowered(training=True).train is not None:
        if fed:
            raise BadArgument("a file with a train block takes its data from there; see predict")
        if args.training:
            raise BadArgument("--training is for files without a train block; see evaluate")
        return train(model, args, before)
    asked = [option for option in _TRAINING if getattr(args, _destination(option)) is not None]
    if asked:
        raise BadArgument(f"{asked[0]} is for files with a train block, and {args.file} has none")
    with options.debugging(args, model):
        found = model.run(fed, training=args.training)
    _print_values(found, args.json)
    return 0


_TRAINING = (
    *("--out", "--data", "--epochs", "--batch", "--resume", "--warm-start", "--checkpoint-every"),
    *("--keep", "--plot", "--tensorboard", "--profile"),
)


def _destination(option: str) -> str:
    return option.removeprefix("--").replace("-", "_")


def _print_values(found: Mapping[str, Array], as_json: bool) -> None:
    from graphdsl.cli import values

    if as_json:
        told = {name: values.plain(value) for name, value in found.items()}
        print(json.dumps(told, ensure_ascii=False))
    else:
        print(values.named_lines(found))


def train(model: Model, args: argparse.Namespace, before: Before | None) -> int:
    """Train, save, say how good it is and where it is; the exit code."""
    from graphdsl.training.data import load_dataset
    from graphdsl.training.options import fit_settings
    from graphdsl.training.preflight import verify_fit

    settings = fit_settings(model.compilation, _overrides(args), model.seed)
    dataset = load_dataset(model.session, data=args.data)
    verify_fit(dataset, settings, model.compilation)
    pictures.verify_pictures(args)
    profiling.verify_profile(args)
    trainer = model.trainer(**_overrides(args))  # its states are part of a checkpoint
    with (
        going_on.opened(args, before, model.session, dataset, settings) as keeper,
        profiling.opened(args, model, keeper.folder),
    ):
        history = _fit(trainer, args, dataset, settings, keeper)
    _print_scores(model, history, keeper.folder, args.json)
    if history.interrupted:
        going_on.say_how_to_go_on(args, keeper)
    return INTERRUPTED if history.interrupted else 0


def _fit(
    trainer: Trainer,
    args: argparse.Namespace,
    dataset: Dataset,
    settings: FitSettings,
    keeper: Keeper,
) -> History:
    """Train, with what shows it; where that fails, say what is left."""
    from graphdsl.cli.notices import say
    from graphdsl.cli.signals import heeded_signals
    from graphdsl.language.diagnostics import GraphdslError
    from graphdsl.training.display import Kind, listener
    from graphdsl.training.kept_run import fit_kept

    kind: Kind = "quiet" if args.quiet else "json" if args.json else "auto"
    told = pictures.listeners(args, keeper.folder, dataset, settings, listener(kind))
    try:
        return fit_kept(trainer, dataset, settings, keeper, told, heeded_signals(), args.debug_nan)
    except (GraphdslError, MemoryError):
        if any(keeper.folder.glob("*")):  # one that was there, and empty, stays
            say(args, f"what it came to is in {keeper.folder}")
        raise
    except KeyboardInterrupt:
        going_on.say_how_to_go_on(args, keeper)
        raise


def _overrides(args: argparse.Namespace) -> dict[str, Any]:
    """The settings of the train block that the command line overrides."""
    given = {"epochs": args.epochs, "batch": args.batch}
    return {key: value for key, value in given.items() if value is not None}


def _print_scores(model: Model, history: History, folder: Path, as_json: bool) -> None:
    """The losses and metrics on the part held out, and the folder."""
    from graphdsl.cli import values

    if as_json:
        scores = {
            part: {name: values.plain(value) for name, value in measured.items()}
            for part, measured in history.final.items()
        }
        told = {**history.summary(), **scores, "folder": str(folder)}
        print(json.dumps(told, ensure_ascii=False))
        return
    part = next((name for name in ("test", "valid") if name in history.final), None)
    if part is not None:
        print("\n".join(parts.score_lines(model, part, history.final[part])))
    print(f"run saved in {folder}")
