"""`graphdsl report RUN [RUN2] -o REPORT`: all that a run left, or two side by side, in one page."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from graphdsl.cli.pages import add_page, tell_written


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `report`."""
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
    parser.add_argument(
        "other",
        metavar="RUN2",
        nargs="?",
        type=Path,
        help="a second run, to be shown beside the first",
    )
    add_page(parser, "REPORT.html")
    parser.add_argument(
        "--data",
        metavar="PATH",
        type=Path,
        help="the data of the runs, where it no longer stands where it was: gradients are taken "
        "on its first batches",
    )


def run(args: argparse.Namespace) -> int:
    """Write the report; say what it notes of the runs, and where it is."""
    from graphdsl.views.report.build import write_report

    folders = [args.run] if args.other is None else [args.run, args.other]
    for note in write_report(folders, args.out, args.data):
        print(note, file=sys.stderr)
    tell_written(args)
    return 0
