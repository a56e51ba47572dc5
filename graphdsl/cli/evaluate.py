"""`graphdsl evaluate FILE`: the loss and the metrics, row-weighted, on parts of the data."""

from __future__ import annotations

import argparse
import json

from graphdsl.cli import options, parts


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `evaluate`."""
    parser.add_argument("file", metavar="FILE", help="a model file with a data block")
    parts.add_weights(parser)
    parts.add_part(parser, parts.HELD_OUT)
    parts.add_data(parser, "other rows to measure on")
    parts.add_batch(parser)
    options.add_model_options(parser)
    options.add_seed(parser)
    options.add_engine(parser)
    options.add_training(parser)
    options.add_debug_nan(parser)
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    from graphdsl.cli import values
    from graphdsl.cli.faults import BadArgument
    from graphdsl.training import measure
    from graphdsl.training.new_rows import find_rows

    if args.data is not None and args.part is not None:
        raise BadArgument("give one of --data and --part")
    model = parts.load_trained(args)
    rows = find_rows(model.session, None, args.data, args.part, parts.learned(args))
    with options.debugging(args, model):
        found = {
            name: measure.evaluate(model.session, part, args.batch, args.training)
            for name, part in rows.parts.items()
        }
    if args.json:
        told = {
            part: {name: values.plain(value) for name, value in measured.items()}
            for part, measured in found.items()
        }
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return 0
    for part, measured in found.items():
        print("\n".join(parts.score_lines(model, part, measured)))
    return 0
