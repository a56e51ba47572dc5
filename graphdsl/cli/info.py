"""`graphdsl info FILE`: what another program needs to know of a model in order to feed it."""

from __future__ import annotations

import argparse
import json

from graphdsl.cli import options


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `info`."""
    parser.add_argument("file", metavar="FILE", help="a model file")
    options.add_model_options(parser)
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print inputs, parameters, results, sizes, constants and counts."""
    from graphdsl.views.summary import summarise, table

    summary = summarise(options.compile_model(args))
    if args.json:
        print(json.dumps({"file": args.file, **summary}, indent=2, ensure_ascii=False))
    else:
        print(table(args.file, summary))
    return 0
