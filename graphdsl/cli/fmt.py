"""`graphdsl fmt FILE…`: files in their canonical layout, rewritten whole or not at all."""

from __future__ import annotations

import argparse
import sys
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphdsl.language.source import Source

STDIN = "-"


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `fmt`."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="a model file; - is stdin")
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 if a file would change"
    )
    parser.add_argument(
        "--diff", action="store_true", help="change nothing; print what would change"
    )


def run(args: argparse.Namespace) -> int:
    """Format each file; a file with errors is left as it is."""
    from graphdsl.cli.notices import report
    from graphdsl.language.diagnostics import GraphdslError

    failed = False
    for file in args.files:
        try:
            source = _read(file)
            text = _formatted(source)
            failed |= args.check and text != source.text
            _hand_out(file, source, text, args)
        except GraphdslError as error:
            sys.stdout.flush()
            report(error.diagnostics)
            failed = True
    return int(failed)


def _read(file: str) -> Source:
    from graphdsl.language.diagnostics import Diagnostic, ModelError
    from graphdsl.language.source import Source, read_source

    if file != STDIN:
        return read_source(file)
    try:
        raw = getattr(sys.stdin, "buffer", None)  # a file is UTF-8 whatever the locale says
        text = sys.stdin.read() if raw is None else raw.read().decode("utf-8")
        return Source(text, "<stdin>")
    except UnicodeDecodeError:
        raise ModelError(Diagnostic("E0102", "<stdin> is not UTF-8 text")) from None


def _formatted(source: Source) -> str:
    from graphdsl.language.parser import parse
    from graphdsl.language.printer import format_program

    return format_program(parse(source))


def _hand_out(file: str, source: Source, text: str, args: argparse.Namespace) -> None:
    """Print the difference, name the file, print or write the text, as the options say."""
    changed = text != source.text
    if args.diff:
        before, after = source.text.splitlines(True), text.splitlines(True)
        for line in unified_diff(before, after, file, f"{file} (formatted)"):
            sys.stdout.write(line if line.endswith("\n") else f"{line}\n\\ No newline at end\n")
    if args.check and changed:
        print(f"{file} would change", file=sys.stderr)
    if args.check or args.diff:
        return
    if file == STDIN:
        sys.stdout.write(text)
    elif changed:
        _rewrite(Path(file), text)
        print(f"{file} formatted", file=sys.stderr)


def _rewrite(path: Path, text: str) -> None:
    """Write a file whole or not at all, where a link points to, its mode kept."""
    from graphdsl.training.files import write_bytes

    real = path.resolve()
    write_bytes(real, text.encode(), mode=real.stat().st_mode & 0o7777)
