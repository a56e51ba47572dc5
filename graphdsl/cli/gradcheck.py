"""`graphdsl gradcheck FILE`: every gradient beside its finite difference."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from graphdsl.cli import options, parts

if TYPE_CHECKING:
    from graphdsl.gradcheck import Row
    from graphdsl.model import Model

ROWS = 8
"""Rows of the data that a check looks at, where no values are given."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `gradcheck`."""
    parser.add_argument("file", metavar="FILE", help="a model file")
    options.add_feeds(parser)
    parts.add_weights(parser)
    options.add_model_options(parser)
    options.add_seed(parser)
    options.add_training(parser)
    options.add_json(parser)
    parser.add_argument("--of", metavar="NAME", help="the scalar (default: the loss)")
    parser.add_argument(
        "--samples",
        metavar="N",
        type=options.positive,
        default=64,
        help="coordinates to look at in each tensor (default: 64)",
    )
    parser.add_argument(
        "--tolerance", metavar="T", type=float, default=1e-5, help="relative (default: 1e-5)"
    )


def run(args: argparse.Namespace) -> int:
    """Print the table; 1 if a gradient is further off than the tolerance."""
    model = parts.load_trained(args)
    rows = model.gradcheck(
        _feeds(args, model), of=args.of, samples=args.samples, training=args.training
    )
    bad = [row for row in rows if not row.relative <= args.tolerance]
    if args.json:
        print(json.dumps([_told(row) for row in rows], indent=2))
    else:
        print(table(rows))
        worst = max(rows, key=lambda row: row.relative, default=None)
        if worst is not None:
            verdict = "too far off" if bad else "all agree"
            print(f"{verdict}: the worst relative error is {worst.relative:.1e}, in {worst.name}")
    return int(bool(bad))


def _feeds(args: argparse.Namespace, model: Model) -> dict[str, Any]:
    """The values of the command line, or the first rows of the data."""
    if args.feeds or model.compilation.lowered().data is None:
        return options.read_feeds(args.feeds)
    from graphdsl.training.data import load_dataset
    from graphdsl.training.dataset import batched
    from graphdsl.training.new_rows import chosen

    part = next(iter(chosen(load_dataset(model.session), args.part or "train").values()))
    rows = set(batched(model.inputs))
    return {n: array[:ROWS] if n in rows else array for n, array in part.arrays.items()}


def table(rows: list[Row]) -> str:
    """A line for each gradient: where it is furthest off, and both numbers there."""
    lines = [("", "shape", "looked at", "worst", "at", "reverse sweep", "difference")]
    for row in rows:
        name = row.name if row.order == 1 else f"H·v in {row.name}"
        shape, at = (f"[{', '.join(map(str, axes))}]" for axes in (row.shape, row.at))
        numbers = (f"{row.relative:.1e}", at, f"{row.gradient:.9g}", f"{row.difference:.9g}")
        if row.checked == row.kinks:  # nothing that could be compared
            numbers = ("-", "-", "-", "-")
        looked_at = f"{row.checked:,}" + (f", {row.kinks:,} at kinks" if row.kinks else "")
        lines.append((name, shape, looked_at, *numbers))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    padded = (
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) for line in lines
    )
    return "\n".join(line.rstrip() for line in padded)


def _told(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "order": row.order,
        "shape": row.shape,
        "checked": row.checked,
        "kinks": row.kinks,
        "relative": row.relative,
        "at": row.at,
        "gradient": row.gradient,
        "difference": row.difference,
    }
