"""`graphdsl gradcheck FILE`: every gradient beside its finite difference."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from graphdsl.cli import options, parts, words
from graphdsl.cli.observing import add_rows, observed_feeds

if TYPE_CHECKING:
    from graphdsl.gradcheck import Row

ROWS = slice(0, 8)
"""The rows of the data that a check looks at, where nothing else is said."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `gradcheck`."""
    parser.add_argument("file", metavar="FILE", help="a model file")
    options.add_feeds(parser)
    add_rows(parser, "rows of the data to look at, where no values are given", str(ROWS.stop))
    parts.add_weights(parser)
    parts.add_part(parser)
    options.add_model_options(parser)
    options.add_seed(parser)
    options.add_training(parser)
    options.add_json(parser)
    parser.add_argument("--of", metavar="NAME", help="the scalar (default: the loss)")
    parser.add_argument(
        "--samples",
        metavar="N",
        type=words.positive,
        default=64,
        help="coordinates to look at in each tensor (default: 64)",
    )
    parser.add_argument(
        "--tolerance", metavar="T", type=float, default=1e-5, help="relative (default: 1e-5)"
    )


def run(args: argparse.Namespace) -> int:
    """Print the table; 1 if a gradient is further off than the tolerance."""
    from graphdsl.training.plain import finite

    model = parts.load_trained(args)
    fed = observed_feeds(args, model.session, ROWS)
    rows = model.gradcheck(fed, of=args.of, samples=args.samples, training=args.training)
    bad = [row for row in rows if not row.relative <= args.tolerance]
    if args.json:
        print(json.dumps(finite([asdict(row) for row in rows]), indent=2))
    else:
        print(table(rows))
        worst = max(rows, key=lambda row: row.relative, default=None)
        if worst is not None:
            verdict = "too far off" if bad else "all agree"
            print(f"{verdict}: the worst relative error is {worst.relative:.1e}, in {worst.name}")
    return int(bool(bad))


def table(rows: list[Row]) -> str:
    """A line for each gradient: where it is furthest off, and both numbers there."""
    from graphdsl.views.aligned import aligned

    lines = [("", "shape", "looked at", "worst", "at", "reverse sweep", "difference")]
    for row in rows:
        name = row.name if row.order == 1 else f"H·v in {row.name}"
        shape, at = (f"[{', '.join(map(str, axes))}]" for axes in (row.shape, row.at))
        numbers = (f"{row.relative:.1e}", at, f"{row.gradient:.9g}", f"{row.difference:.9g}")
        if row.checked == row.kinks:  # nothing that could be compared
            numbers = ("-", "-", "-", "-")
        looked_at = f"{row.checked:,}" + (f", {row.kinks:,} at kinks" if row.kinks else "")
        lines.append((name, shape, looked_at, *numbers))
    return "\n".join(aligned(lines))
