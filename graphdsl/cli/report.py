"""`graphdsl report RUN [RUN2] -o REPORT`: all that a run left, or two side by side, in one page."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


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
    parser.add_argument(
        "-o",
        "--out",
        metavar="REPORT.html",
        required=True,
        type=Path,
        help="the page to write: one file, which loads nothing and works without a network",
    )
    parser.add_argument("--open", action="store_true", help="show it in the browser")
    parser.add_argument(
        "--data",
        metavar="PATH",
        type=Path,
        help="the data of the runs, where it no longer stands where it was: gradients are taken "
        "on its first batches",
    )


def run(args: argparse.Namespace) -> int:
    """Write the report; say what it notes of the runs, and where it is."""
    from graphdsl.cli.view import show_page
    from graphdsl.views.report.build import write_report

    folders = [args.run] if args.other is None else [args.run, args.other]
    for note in write_report(folders, args.out, args.data):
        print(note, file=sys.stderr)
    print(f"wrote {args.out}", file=sys.stderr)
    if args.open:
        show_page(args.out)
    return 0
