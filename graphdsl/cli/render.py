"""`graphdsl render FILE -o PICTURE`: the computation graph or the network, drawn."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from graphdsl.cli import options, parts, words
from graphdsl.cli.observing import FEW, add_of, add_rows, observed_feeds

if TYPE_CHECKING:
    from graphdsl.views.drawing.options import Options


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
    _add_view(parser)
    _add_contents(parser)
    _add_extent(parser)
    parts.add_weights(parser)
    parts.add_part(parser)
    options.add_model_options(parser)
    options.add_seed(parser)


def _add_view(parser: argparse.ArgumentParser) -> None:
    """What is drawn of a model."""
    parser.add_argument(
        "--view",
        choices=("graph", "network"),
        default="graph",
        help="the computation graph, or units and layers, as a neural network is drawn (default: "
        "graph)",
    )
    parser.add_argument(
        "--no-normalisation",
        action="store_false",
        dest="normalisation",
        help="leave normalisations out of --view network, as papers do",
    )


def _add_contents(parser: argparse.ArgumentParser) -> None:
    """What is shown of each node, and which sweeps."""
    parser.add_argument("--shapes", action="store_true", help="write each value's shape beside it")
    parser.add_argument(
        "--values",
        metavar="NAME=VALUE",
        nargs="*",
        type=words.pair,
        dest="feeds",
        help="write each value beside its box, shape and range of a large one; inputs are fed as "
        "for run, or, where none is given, with rows of the data",
    )
    add_rows(parser, "rows of the data for --values, where no values are given", str(FEW.stop))
    parser.add_argument(
        "--grad",
        action="store_true",
        help="draw the reverse sweep: beside each value its cotangent, and what that is the sum of",
    )
    add_of(parser, "to differentiate")
    parser.add_argument(
        "--update",
        action="store_true",
        help="draw a training step: the optimizer's update too",
    )


def _add_extent(parser: argparse.ArgumentParser) -> None:
    """Which part of the graph is drawn, and how."""
    from graphdsl.views.drawing.options import DIRECTIONS

    parser.add_argument(
        "--only",
        metavar="NAME",
        action="append",
        default=[],
        help="draw this node and what it is computed from; may be given several times",
    )
    parser.add_argument(
        "--depth",
        metavar="N",
        type=words.natural,
        help="how many boxes back from the nodes of --only",
    )
    parser.add_argument(
        "--collapse",
        metavar="NAME",
        action="append",
        default=[],
        help="draw a call, all calls of a block, or one turn of a loop for all; 'all' folds "
        "whatever can be; may be given several times",
    )
    parser.add_argument(
        "--expand",
        metavar="NAME",
        action="append",
        default=[],
        help="draw it in full, though the drawing is large; 'all' folds nothing; may be given "
        "several times",
    )
    parser.add_argument(
        "--direction",
        choices=DIRECTIONS,
        help="from top to bottom, or from left to right (default: TB, of a network LR)",
    )


def run(args: argparse.Namespace) -> int:
    """Draw the graph or the network; say where, and what was folded for its size."""
    from graphdsl.cli.faults import BadArgument
    from graphdsl.views.render import render

    if args.view == "network":
        return _draw_network(args)
    if not args.normalisation:
        raise BadArgument("--no-normalisation is for --view network")
    if args.feeds is None:
        for option in ("rows", "weights", "part"):
            if getattr(args, option) is not None:
                raise BadArgument(f"--{option} is for --values, and none are shown")
        remarks = render(options.compile_model(args), args.out, _options(args))
    else:
        model = parts.load_trained(args)
        shown = _options(args, observed_feeds(args, model.session))
        remarks = render(model.compilation, args.out, shown, model.session)
    for remark in remarks:
        print(remark, file=sys.stderr)
    print(f"wrote {args.out}", file=sys.stderr)
    return 0


_OF_GRAPHS = (
    *("shapes", "rows", "grad", "of", "update", "only", "depth", "collapse", "expand"),
    "part",
)
"""Options that say nothing of a network."""


def _draw_network(args: argparse.Namespace) -> int:
    """Draw the network, with the numbers of weights where the command line says which."""
    from graphdsl.cli.faults import BadArgument
    from graphdsl.views.network.options import make_network_options
    from graphdsl.views.network.render import render_network

    given = {name: getattr(args, name) for name in _OF_GRAPHS}
    asked = [name for name, said in given.items() if said or (said == 0 and said is not False)]
    if args.feeds is not None:
        asked.append("values")
    if asked:
        raise BadArgument(f"--{asked[0]} is for --view graph")
    shown: dict[str, object] = {"normalisation": args.normalisation}
    if args.direction is not None:
        shown["direction"] = args.direction
    drawing = make_network_options(shown)
    if args.weights is None and args.seed is None:
        render_network(options.compile_model(args), args.out, drawing)
    else:
        session = parts.load_trained(args).session
        render_network(session.compilation, args.out, drawing, session)
    print(f"wrote {args.out}", file=sys.stderr)
    return 0


def _options(args: argparse.Namespace, values: dict[str, object] | None = None) -> Options:
    from graphdsl.views.drawing.options import make_options

    return make_options(
        shapes=args.shapes,
        values=values,
        grad=args.grad,
        update=args.update,
        of=args.of,
        only=args.only,
        depth=args.depth,
        direction=args.direction or "TB",
        collapse=args.collapse,
        expand=args.expand,
    )
