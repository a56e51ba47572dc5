"""`graphdsl render FILE -o PICTURE`: the computation graph, drawn."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from graphdsl.cli import options


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `render`."""
    parser.add_argument("file", metavar="FILE", help="a model file")
    parser.add_argument(
        "-o",
        "--out",
        metavar="PICTURE",
        required=True,
        type=Path,
        help="the picture to write; its ending says the format: .svg, .png, .pdf or .dot",
    )
    options.add_model_options(parser)


def run(args: argparse.Namespace) -> int:
    """Draw the graph; say where."""
    from graphdsl.views.render import render

    compilation = options.compile_model(args)
    render(compilation, args.out)
    print(f"wrote {args.out}", file=sys.stderr)
    return 0
