"""`graphdsl check FILE…`: every diagnostic of a file, and what it declares if it has no errors."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from graphdsl.cli import options

if TYPE_CHECKING:
    from graphdsl.driver import Compilation
    from graphdsl.language.diagnostics import Diagnostic


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `check`."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="a model file")
    options.add_model_options(parser)
    options.add_json(parser)
    parser.add_argument("--strict", action="store_true", help="count warnings as errors")


def run(args: argparse.Namespace) -> int:
    """Check each file; 1 if one has errors, or warnings where they count."""
    from graphdsl.cli.notices import report
    from graphdsl.language.diagnostics import to_json
    from graphdsl.views.summary import summarise, table

    told: list[dict[str, Any]] = []
    failed = False
    for number, file in enumerate(args.files):
        compilation, diagnostics = _check(file, args)
        failed |= compilation is None or (args.strict and bool(diagnostics))
        if args.json:
            summary = summarise(compilation) if compilation else {}
            told.append({"file": file, **summary, "diagnostics": to_json(diagnostics)})
            continue
        sys.stdout.flush()
        report(diagnostics)
        if compilation is not None:
            print("\n" * (number > 0) + table(file, summarise(compilation)))
    if args.json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    return int(failed)


def _check(
    file: str, args: argparse.Namespace
) -> tuple[Compilation | None, tuple[Diagnostic, ...]]:
    """The file down to its training step; None if it has errors."""
    from graphdsl.driver import compile_checked
    from graphdsl.language.diagnostics import GraphdslError
    from graphdsl.language.source import read_source

    try:
        source = read_source(file)
    except GraphdslError as error:
        return None, error.diagnostics
    return compile_checked(source, *options.overrides(args))
