"""The command line: arguments come in, an exit code goes out.

Exit codes: 0 done; 1 the model or the data is at fault; 2 the command line is; 3 training
diverged; 130 interrupted. Results go to stdout, all else to stderr. Each command is a module with
`configure(parser)` and `run(args)`; only the one that is called is imported, and it imports what it
works with when it runs, so that help comes at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {
    "check": "report every error of a file, or what it declares",
    "run": "train, or evaluate where the file trains nothing",
    "evaluate": "the loss and the metrics on a part of the data",
    "predict": "the outputs for the rows of the data, or for given values",
    "render": "draw the graph: svg, png, pdf or dot",
    "show": "any stage as text, from the syntax tree to the NumPy that runs",
    "fmt": "format files",
}
"""What each command does, in the order of the help."""

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # whoever read our output has gone: nothing may complain when Python flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(arguments: list[str]) -> int:
    try:
        args = _parser(arguments).parse_args(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    from graphdsl.cli.faults import guarded

    return guarded(args.command, args)


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """The parser; of the commands, only the one that is called has its options."""
    parser = argparse.ArgumentParser(
        prog="graphdsl",
        description="Check, train, evaluate and draw computation graphs written in .gdl files.",
        epilog="graphdsl COMMAND --help says more of a command.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(metavar="COMMAND", required=True, dest="command")
    called = next((word for word in arguments if not word.startswith("-")), None)
    for name, does in COMMANDS.items():
        command = commands.add_parser(
            name, help=does, description=_sentence(does), allow_abbrev=False
        )
        if name == called:
            import_module(f"graphdsl.cli.{name}").configure(command)
    return parser


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


class _Version(argparse.Action):
    """`--version`; looked up only when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        import graphdsl

        print(f"graphdsl {graphdsl.__version__}")
        parser.exit()
