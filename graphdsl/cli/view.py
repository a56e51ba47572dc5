"""`graphdsl view FILE -o PAGE`: backpropagation step by step, in one page for a browser."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from graphdsl.cli import options, parts
from graphdsl.cli.observing import (
    add_observed_model,
    add_of,
    add_rows,
    load_observed,
    observed_feeds,
)


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `view`."""
    parser.add_argument("file", metavar="FILE", help="a model file")
    options.add_feeds(parser)
    parser.add_argument(
        "-o",
        "--out",
        metavar="PAGE.html",
        required=True,
        type=Path,
        help="the page to write: one file, which loads nothing and works without a network",
    )
    parser.add_argument("--open", action="store_true", help="show it in the browser")
    add_of(parser, "whose cotangents are shown")
    add_rows(
        parser, "take the values from rows of the data", "no values, formulas and shapes alone"
    )
    parts.add_weights(parser)
    add_observed_model(parser)
    options.add_seed(parser)
    options.add_training(parser)


def run(args: argparse.Namespace) -> int:
    """Write the page; say where."""
    from graphdsl.views.page.build import write_page

    path: Path = args.out
    session = load_observed(args)
    wanted = args.feeds or args.rows is not None or args.part is not None
    fed = observed_feeds(args, session) if wanted else {}
    write_page(session, path, fed, args.of, args.training)
    print(f"wrote {path}", file=sys.stderr)
    if args.open:
        show_page(path)
    return 0


def show_page(path: Path) -> None:
    """Open the page in whatever browser there is; without one it is written all the same."""
    import webbrowser

    if not webbrowser.open(path.resolve().as_uri()):
        print(f"no browser was found; open {path.resolve()} in one", file=sys.stderr)
