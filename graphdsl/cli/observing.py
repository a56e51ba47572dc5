"""What `trace`, `view`, `render` and `gradcheck` look at: a model in f64, values for its inputs or
some rows of its data."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from graphdsl.cli import options, parts, words

if TYPE_CHECKING:
    from graphdsl.session import Session

FEW = slice(0, 4)
"""The rows of the data that are looked at, where nothing else is said."""


def rows(text: str) -> slice:
    """`N`, the first N rows, or `A:B`, those from A to the one before B, counted from 0."""
    first, sign, last = text.partition(":")
    if not sign:
        return slice(0, words.positive(first))
    begin, end = words.natural(first or "0"), words.natural(last)
    if end <= begin:
        raise argparse.ArgumentTypeError(f"'{text}' holds no row: B is the row behind the last")
    return slice(begin, end)


def add_of(parser: argparse.ArgumentParser, does: str) -> None:
    """`--of`."""
    parser.add_argument(
        "--of",
        metavar="NAME",
        help=f"the scalar {does} (default: the loss, else the one scalar result)",
    )


def add_rows(parser: argparse.ArgumentParser, does: str, default: str) -> None:
    """`--rows`."""
    parser.add_argument(
        "--rows",
        metavar="N|A:B",
        type=rows,
        help=f"{does}: the first N, or A to B (default: {default})",
    )


def add_observed_model(parser: argparse.ArgumentParser) -> None:
    """The options of a model that is computed in f64 unless another float is asked for."""
    options.add_model_options(parser, dtype="f64")
    parser.set_defaults(dtype=None)  # weights are those of an f32 model, unless it says another


def load_observed(args: argparse.Namespace) -> Session:
    """The model of the command line with the weights it names, in f64 unless that says another."""
    from graphdsl.gradcheck import in_f64

    asked, args.dtype = args.dtype, args.dtype or ("f64" if args.weights is None else "f32")
    session = parts.load_trained(args).session
    return session if asked or args.weights is None else in_f64(session)


def observed_feeds(args: argparse.Namespace, session: Session, few: slice = FEW) -> dict[str, Any]:
    """The values of the command line, or some rows of the data, `few` unless it says which; raises
    `BadArgument` for rows that are asked for in vain."""
    from graphdsl.cli.faults import BadArgument

    fed = options.read_feeds(args.feeds)
    if fed or session.compilation.lowered().data is None:
        asked = "--rows" if args.rows is not None else "--part" if args.part is not None else ""
        if asked:
            why = "values are given" if fed else "the file has no data block"
            raise BadArgument(f"{asked} is for rows of the data, and {why}")
        return fed
    if args.part == "all":
        raise BadArgument("--part: the rows are those of one part, train, valid or test")
    return _some_rows(args, session, args.rows or few)


def _some_rows(args: argparse.Namespace, session: Session, rows: slice) -> dict[str, Any]:
    import numpy as np

    from graphdsl.cli.faults import BadArgument
    from graphdsl.training.data import load_dataset
    from graphdsl.training.new_rows import chosen

    (part,) = chosen(load_dataset(session), args.part or "train").values()
    taken = np.arange(part.rows)[rows]
    if not taken.size:
        raise BadArgument(f"--rows: the part has {part.rows:,} rows")
    some = part.take(taken)
    return {name: array[:] for name, array in some.arrays.items()} | dict(some.whole)
