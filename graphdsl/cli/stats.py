"""`graphdsl stats FILE`: the gradients of each parameter, without training."""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphdsl.cli import options, parts, words

if TYPE_CHECKING:
    from graphdsl.model import Model
    from graphdsl.training.dataset import Part
    from graphdsl.training.statistics import LayerStatistics

BATCHES = 8
"""Batches that the statistics are taken over, unless the command line says."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `stats`."""
    parser.add_argument("file", metavar="FILE", help="a model file with a loss")
    parser.add_argument(
        "words",
        metavar="FILE|NAME=VALUE",
        nargs="*",
        default=[],
        help="other models to set beside it, and values for inputs in place of the data: a number, "
        "a [list], or @file.npy",
    )
    parts.add_weights(parser)
    parts.add_part(parser)
    parts.add_data(parser, "other data to take gradients on")
    options.add_model_options(parser)
    options.add_seed(parser)
    options.add_json(parser)
    parser.add_argument(
        "--batch", metavar="N|all", type=words.batch, help="how many rows a batch has"
    )
    parser.add_argument(
        "--batches",
        metavar="N",
        type=words.positive,
        default=BATCHES,
        help=f"how many batches are looked at (default: {BATCHES})",
    )
    parser.add_argument(
        "--beta",
        metavar="B",
        type=_fraction,
        default=None,
        help="what a batch weighs in the moving averages beside the next (default: 0.95)",
    )
    parser.add_argument(
        "--plot",
        metavar="PICTURE",
        type=Path,
        help="draw the size of the gradients by layer: .svg, .png or .pdf",
    )


def _fraction(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 0 to below 1")
    return number


def run(args: argparse.Namespace) -> int:
    """Print a table for each model, and draw them on one picture."""
    from graphdsl.cli.faults import BadArgument
    from graphdsl.training.plain import finite

    if args.plot is not None:
        from graphdsl.views.plots import verify_plot

        verify_plot(args.plot)
    feeds = options.read_feeds([words.pair(word) for word in args.words if "=" in word])
    of_data = [key for key in ("data", "part", "batch") if getattr(args, key) is not None]
    if feeds and of_data:
        raise BadArgument(f"give one of values and --{of_data[0]}")
    found = {}
    for file in (args.file, *(word for word in args.words if "=" not in word)):
        args.file = file
        found[file] = measure(parts.load_trained(args), args, feeds)
    if args.json:
        told = {file: [row.to_plain() for row in rows] for file, rows in found.items()}
        print(json.dumps(finite(told), indent=2, ensure_ascii=False))
    for file, rows in found.items() if not args.json else ():
        print("\n".join([*([f"{file}:"] if len(found) > 1 else []), *table(rows)]))
    if args.plot is not None:
        from graphdsl.cli.notices import say
        from graphdsl.views.plots_layers import draw_gradients

        draw_gradients(args.plot, dict(zip(_labels(found), found.values(), strict=True)))
        say(args, f"wrote {args.plot}")
    return 0


def _labels(files: Collection[str]) -> list[str]:
    """What each file is called on the picture: its name, or its path where another has that."""
    stems = [Path(file).stem for file in files]
    return [
        stem if stems.count(stem) == 1 else file for file, stem in zip(files, stems, strict=True)
    ]


def measure(
    model: Model, args: argparse.Namespace, feeds: Mapping[str, Any]
) -> list[LayerStatistics]:
    """The statistics of a model on its data, or on what is fed."""
    from graphdsl.training.locating import located
    from graphdsl.training.moments import BETA
    from graphdsl.training.statistics import measure_gradients

    train = model.compilation.lowered(training=True).train
    trainer = model.trainer() if train is not None else None
    beta = BETA if args.beta is None else args.beta
    if feeds:
        return measure_gradients(model.session, [feeds], trainer, beta)
    found = _find_parts(model, args)
    with located(*found.values()):
        batches = _batches(model, args, found)
        return measure_gradients(model.session, batches, trainer, beta)


def _find_parts(model: Model, args: argparse.Namespace) -> dict[str, Part]:
    """The part of the data that the command line names, or all of them, by name."""
    from graphdsl.training.data import load_dataset
    from graphdsl.training.new_rows import chosen

    return chosen(load_dataset(model.session, data=args.data), args.part or "train")


def _batches(
    model: Model, args: argparse.Namespace, found: Mapping[str, Part]
) -> Iterator[Mapping[str, Any]]:
    """The first batches of each part."""
    from graphdsl.training.batches import Batches
    from graphdsl.training.options import fit_settings, verify_batch

    overrides = {} if args.batch is None else {"batch": args.batch}
    settings = fit_settings(model.compilation, overrides, model.seed)
    for name, part in found.items():
        if args.batch is not None:
            verify_batch(settings, part.rows, name)
        batches = Batches(part, settings.batch, seed=settings.seed)
        yield from (fed for fed, _ in islice(batches.epoch(0), args.batches))


HEADER = (
    *("", "shape", "weight", "mean", "std", "min |g|", "max |g|", "zeros", "size"),
    *("EMA mean", "EMA std", "update/weight"),
)
"""The columns: the averages over the batches and the first update, beside the weight, come last."""


def table(rows: Sequence[LayerStatistics]) -> Iterator[str]:
    """A line for each parameter, below one of names."""
    from graphdsl.views.aligned import aligned

    lines = [HEADER]
    lines += [
        (
            row.name,
            "×".join(map(str, row.shape)) or "1",
            _number(row.weight_rms),
            _number(row.mean),
            _number(row.deviation),
            _number(row.smallest),
            _number(row.largest),
            f"{100 * row.zeros:.3g} %",
            _number(row.rms),
            _number(row.averaged_mean),
            _number(row.averaged_deviation),
            "" if row.update_ratio is None else _number(row.update_ratio),
        )
        for row in rows
    ]
    return aligned(lines, range(1, len(HEADER)))


def _number(value: float) -> str:
    return "0" if value == 0 else f"{value:.2e}"
