"""`graphdsl evaluate FILE`: the loss and the metrics, row-weighted, on parts of the data."""

from __future__ import annotations

import argparse
import json

from graphdsl.cli import options, parts


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `evaluate`."""
    parser.add_argument("file", metavar="FILE", help="a model file with a data block")
    parts.add_weights(parser)
    options.add_model_options(parser)
    options.add_seed(parser)
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    from graphdsl.cli import values
    from graphdsl.training import loop
    from graphdsl.training.data import load_dataset
    from graphdsl.training.options import fit_settings

    model = parts.load_trained(args)
    dataset = load_dataset(model.session)
    size = fit_settings(model.compilation, {}).eval_batch
    chosen = parts.chosen(dataset, args.part)
    found = {name: loop.evaluate(model.session, part, size) for name, part in chosen.items()}
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
