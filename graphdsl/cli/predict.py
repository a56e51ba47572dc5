"""`graphdsl predict FILE`: outputs, or any nodes, for the rows of the data or for given values."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphdsl.cli import options, parts

if TYPE_CHECKING:
    from graphdsl.model import Model
    from graphdsl.training.results import Results

STDOUT = Path("-")


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `predict`."""
    parser.add_argument("file", metavar="FILE", help="a model file")
    options.add_feeds(parser)
    parser.add_argument(
        "--output",
        metavar="NAME",
        action="append",
        default=[],
        dest="outputs",
        help="what to compute, any node of the model; may be given several times (default: what "
        "the file declares as output)",
    )
    parts.add_weights(parser)
    parts.add_part(parser, parts.HELD_OUT)
    parts.add_data(parser, "other rows to predict for")
    parts.add_batch(parser)
    parser.add_argument(
        "--labels",
        action="store_true",
        help="give whole numbers as the names of the classes that category(…) has numbered",
    )
    parser.add_argument(
        "-o",
        "--out",
        metavar="FILE",
        type=Path,
        help="write to a .npy, .npz, .csv or .parquet file, row after row as they are computed; - "
        "is .csv on stdout",
    )
    options.add_model_options(parser)
    options.add_seed(parser)
    options.add_engine(parser)
    options.add_training(parser)
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Compute the outputs; print or write them."""
    from graphdsl.cli.faults import BadArgument
    from graphdsl.training import output_files

    out: Path | None = args.out
    if out is not None and args.json:
        raise BadArgument("give one of --out and --json")
    if out is not None and out != STDOUT:
        output_files.verify_path(out)
    model = parts.load_trained(args)
    results, classes = _results(model, args)
    if out == STDOUT:
        for text in output_files.csv_text(out, results, classes):
            sys.stdout.write(text)
    elif out is not None:
        written = output_files.write_results(out, results, classes)
        shapes = ", ".join(f"{name} {list(shape)}" for name, shape in written.items())
        print(f"wrote {out}: {shapes}", file=sys.stderr)
    else:
        _print(results, args.json)
    return 0


def _print(results: Results, as_json: bool) -> None:
    from graphdsl.cli import values

    arrays = results.collect()
    if as_json:
        told = {name: values.plain(array) for name, array in arrays.items()}
        print(json.dumps(told, ensure_ascii=False))
    else:
        print(values.named_lines(arrays))


def _results(model: Model, args: argparse.Namespace) -> tuple[Results, Sequence[str]]:
    """What the command line asks for, of values, other rows or a part of the data; and the names
    of the classes."""
    from graphdsl.cli.faults import BadArgument
    from graphdsl.training import measure
    from graphdsl.training.results import Results

    fed = options.read_feeds(args.feeds)
    given = [("values", bool(fed)), ("--data", args.data is not None), ("--part", bool(args.part))]
    several = [name for name, is_given in given if is_given]
    if len(several) > 1:
        raise BadArgument(f"give one of {' and '.join(several)}")
    names = measure.asked_for(model.session, args.outputs or None)
    if fed or (args.data is None and model.compilation.lowered().data is None):
        if args.labels:
            raise BadArgument("--labels is for the rows of data, and values are given")
        return Results.of(_for_values(model, fed, args, names)), ()
    return _for_rows(model, args, names)


def _for_values(
    model: Model, fed: dict[str, Any], args: argparse.Namespace, names: Sequence[str]
) -> dict[str, Any]:
    """What was asked for, or the outputs that the values reach, or else whatever they reach."""
    from graphdsl.driver import Purpose

    if args.outputs:
        for name in args.outputs:
            model.session.verify_node(name, args.training)
        purpose = Purpose(tuple(dict.fromkeys(args.outputs)), training=args.training)
        return model.session.results(purpose, fed)
    found = model.run(fed, training=args.training)
    return {name: found[name] for name in names if name in found} or found


def _for_rows(
    model: Model, args: argparse.Namespace, names: Sequence[str]
) -> tuple[Results, Sequence[str]]:
    """The same for every row of the part, or of the other rows, of the command line."""
    from graphdsl.training import measure
    from graphdsl.training.new_rows import class_columns, class_names, find_rows, with_labels

    session = model.session
    rows = find_rows(session, names, args.data, args.part, parts.learned(args), args.training)
    found = list(rows.parts.values())
    results = measure.predictions(session, found, names, args.batch, args.training)
    classes = class_names(session, rows.learned)
    if args.labels:
        columns = class_columns(session)
        results = with_labels(model.compilation.graph(args.training), results, classes, columns)
    return results, classes
