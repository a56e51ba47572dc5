"""`graphdsl export FILE --to numpy -o step.py NAME=SIZE …`: a model as a file that stands alone."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from graphdsl.cli import options, parts


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `export`."""
    parser.add_argument("file", metavar="FILE", help="a model file")
    options.add_sizes(
        parser, "the sizes it is for; a name given several times stands for each of its sizes"
    )
    parser.add_argument(
        "--to", metavar="TARGET", default="numpy", help="what to export to: numpy (the default)"
    )
    parser.add_argument(
        "-o",
        "--out",
        metavar="FILE.py",
        required=True,
        type=Path,
        help="the Python file to write; larger arrays go into a .npz file beside it",
    )
    parts.add_weights(parser)
    options.add_model_options(parser)
    options.add_seed(parser)


def run(args: argparse.Namespace) -> int:
    """Write the files; say which."""
    sizes: dict[str, list[int]] = {}
    for name, size in args.sizes:
        sizes.setdefault(name, []).append(size)
    model = parts.load_trained(args)
    written = model.export(args.out, to=args.to, sizes=sizes)
    print(f"wrote {' and '.join(map(str, written))}", file=sys.stderr)
    return 0
