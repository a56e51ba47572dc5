"""`graphdsl trace FILE`: the forward and the reverse sweep at given values, written out."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

from graphdsl.cli import options, parts
from graphdsl.cli.observing import (
    FEW,
    add_observed_model,
    add_of,
    add_rows,
    load_observed,
    observed_feeds,
)

if TYPE_CHECKING:
    from graphdsl.session import Session
    from graphdsl.views.observed import Observed
    from graphdsl.views.trace.record import Trace

NARROWEST, WIDEST = 60, 140
"""Columns of a terminal that a table is laid out for."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `trace`."""
    parser.add_argument("file", metavar="FILE", help="a model file")
    options.add_feeds(parser)
    add_rows(parser, "rows of the data to trace, where no values are given", str(FEW.stop))
    add_of(parser, "to differentiate")
    parser.add_argument(
        "--at",
        metavar="NAME",
        help="one variable from near: its local Jacobians, what it gets and hands on",
    )
    parser.add_argument("--latex", action="store_true", help="print tables for LaTeX")
    parts.add_weights(parser)
    parts.add_part(parser)
    add_observed_model(parser)
    options.add_seed(parser)
    options.add_training(parser)
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Compute and print."""
    from graphdsl.cli.faults import BadArgument
    from graphdsl.views.observed import find_target, observe
    from graphdsl.views.trace.recorder import record

    if args.latex and args.json:
        raise BadArgument("give one of --latex and --json")
    session = load_observed(args)
    target = find_target(session.compilation.graph(args.training), args.of)
    fed = observed_feeds(args, session)
    observed = observe(session, fed, of=target, training=args.training)
    trace = record(observed, session.compilation)
    if args.at is not None:
        _print_near(args, session, fed, observed, trace)
    else:
        _print(args, trace)
    return 0


def _print(args: argparse.Namespace, trace: Trace) -> None:
    if args.json:
        print(json.dumps(trace.data(), indent=2, ensure_ascii=False))
    elif args.latex:
        print(trace.latex())
    else:
        from graphdsl.views.trace.table import table

        print(table(trace, _width()))


def _print_near(
    args: argparse.Namespace,
    session: Session,
    fed: dict[str, Any],
    observed: Observed,
    trace: Trace,
) -> None:
    from graphdsl.views.trace.local import find_row, look_at
    from graphdsl.views.trace.near import local_data, local_text
    from graphdsl.views.trace.typeset_near import typeset_local

    row = find_row(trace, observed.graph.names, args.at)
    local = look_at(session, fed, observed, trace, row)
    names = {row.node: row.variable for row in trace.forward}
    if args.json:
        print(json.dumps(local_data(local, names), indent=2, ensure_ascii=False))
    elif args.latex:
        print(typeset_local(local, names))
    else:
        print(local_text(local, names, _width()))


def _width() -> int:
    """The columns to lay tables out for: the terminal's, or 80 where there is none."""
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 80
    return min(max(columns, NARROWEST), WIDEST)
