"""What `view` and `report` share: a page that is written, and shown in the browser if asked for."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_page(parser: argparse.ArgumentParser, metavar: str) -> None:
    """`-o` and `--open`."""
    parser.add_argument(
        "-o",
        "--out",
        metavar=metavar,
        required=True,
        type=Path,
        help="the page to write: one file, which loads nothing and works without a network",
    )
    parser.add_argument("--open", action="store_true", help="show it in the browser")


def tell_written(args: argparse.Namespace) -> None:
    """Say where the page is, and open it where that is asked for."""
    print(f"wrote {args.out}", file=sys.stderr)
    if args.open:
        _show(args.out)


def _show(path: Path) -> None:
    """Open the page in whatever browser there is; without one it is written all the same."""
    import webbrowser

    if not webbrowser.open(path.resolve().as_uri()):
        print(f"no browser was found; open {path.resolve()} in one", file=sys.stderr)
