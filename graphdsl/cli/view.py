"""`graphdsl view FILE -o PAGE`: backpropagation step by step, in one page for a browser."""

from __future__ import annotations

import argparse

from graphdsl.cli import options, parts
from graphdsl.cli.observing import (
    add_observed_model,
    add_of,
    add_rows,
    load_observed,
    observed_feeds,
)
from graphdsl.cli.pages import add_page, tell_written


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `view`."""
    parser.add_argument("file", metavar="FILE", help="a model file")
    options.add_feeds(parser)
    add_page(parser, "PAGE.html")
    add_of(parser, "whose cotangents are shown")
    add_rows(
        parser, "take the values from rows of the data", "no values, formulas and shapes alone"
    )
    parts.add_weights(parser)
    parts.add_part(parser)
    add_observed_model(parser)
    options.add_seed(parser)
    options.add_training(parser)


def run(args: argparse.Namespace) -> int:
    """Write the page; say where."""
    from graphdsl.views.page.build import write_page

    session = load_observed(args)
    wanted = args.feeds or args.rows is not None or args.part is not None
    fed = observed_feeds(args, session) if wanted else {}
    write_page(session, args.out, fed, args.of, args.training)
    tell_written(args)
    return 0
