"""`graphdsl run FILE`: train where the file says how, evaluate what is given otherwise."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from graphdsl.cli import options, parts

if TYPE_CHECKING:
    from graphdsl.model import Model
    from graphdsl.training.history import History


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `run`."""
    parser.add_argument("file", metavar="FILE", help="a model file")
    options.add_feeds(parser)
    options.add_model_options(parser)
    options.add_seed(parser)
    options.add_json(parser)
    group = parser.add_argument_group("for a file with a train block")
    group.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        help="the folder for weights and history, new or empty (default: runs/MODEL-N)",
    )
    parts.add_data(group, "other data to train on")
    group.add_argument("--epochs", metavar="N", type=options.natural, help="how many epochs")
    group.add_argument("--batch", metavar="N|all", type=_batch, help="how many rows a step takes")
    group.add_argument("-q", "--quiet", action="store_true", help="no progress, results alone")


def _batch(text: str) -> int | str:
    return text if text == "all" else options.positive(text)


def run(args: argparse.Namespace) -> int:
    """Train or evaluate."""
    from graphdsl.cli.faults import BadArgument, report

    fed = options.read_feeds(args.feeds)
    model = options.load_model(args)
    report(model.compilation.warnings)
    if model.compilation.lowered(training=True).train is not None:
        if fed:
            raise BadArgument("a file with a train block takes its data from there; see predict")
        return train(model, args)
    asked = [
        f"--{name}"
        for name in ("out", "data", "epochs", "batch")
        if getattr(args, name) is not None
    ]
    if asked:
        raise BadArgument(f"{asked[0]} is for files with a train block, and {args.file} has none")
    _print_values(model, fed, args.json)
    return 0


def _print_values(model: Model, fed: dict[str, object], as_json: bool) -> None:
    from graphdsl.cli import values

    found = model.run(fed)
    if as_json:
        told = {name: values.plain(value) for name, value in found.items()}
        print(json.dumps(told, ensure_ascii=False))
    else:
        print(values.named_lines(found))


def train(model: Model, args: argparse.Namespace) -> int:
    """Train, save, say how good it is and where it is; the exit code."""
    from graphdsl.cli import INTERRUPTED
    from graphdsl.language.diagnostics import DivergedError, GraphdslError
    from graphdsl.training import loop, run_folder
    from graphdsl.training.data import load_dataset
    from graphdsl.training.history import History
    from graphdsl.training.options import fit_settings
    from graphdsl.training.progress import Kind, listener

    given = {"epochs": args.epochs, "batch": args.batch}
    overrides = {key: value for key, value in given.items() if value is not None}
    settings = fit_settings(model.compilation, overrides, model.seed)
    dataset = load_dataset(model.session, data=args.data)
    loop.verify_fit(dataset, settings)
    trainer = model.trainer()
    folder = run_folder.create(args.out, Path(args.file).stem)
    history = History()
    kind: Kind = "quiet" if args.quiet else "json" if args.json else "auto"
    try:
        run_folder.write_start(folder, model.session, dataset, settings)
        loop.fit(trainer, dataset, settings, listener(kind), history)
    except (GraphdslError, MemoryError) as error:
        if history.epochs or isinstance(error, DivergedError):
            run_folder.write_end(folder, model.session, history)
            print(f"what it came to is in {folder}", file=sys.stderr)
        else:
            run_folder.discard(folder, model.session)
        raise
    run_folder.write_end(folder, model.session, history)
    _print_scores(model, history, folder, args.json)
    return INTERRUPTED if history.interrupted else 0


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
