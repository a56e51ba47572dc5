"""The command line: arguments come in, an exit code goes out.

Exit codes: 0 done; 1 the model or the data is at fault; 2 the command line is; 3 training
diverged; 130 interrupted. Results go to stdout, all else to stderr. Each command is a module with
`configure(parser)` and `run(args)`; only the one that is called is imported, and it imports what it
works with when it runs, so that help comes at once.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from graphdsl.cli import signals

COMMANDS = {
    "check": "report every error of a file, or what it declares",
    "info": "what a model declares, for programs that feed it",
    "run": "train, or evaluate where the file trains nothing",
    "verify": "replay a run from its folder, and compare every bit",
    "evaluate": "the loss and the metrics on a part of the data",
    "predict": "the outputs for the rows of the data, or for given values",
    "gradcheck": "every gradient beside its finite difference",
    "trace": "both sweeps written out, formulas and numbers, as one does by hand",
    "stats": "the size of every gradient, layer by layer, without training",
    "plot": "curves of the outputs, or the paths of optimizers",
    "render": "draw the graph: svg, png, pdf or dot",
    "view": "play backpropagation step by step, in one page for a browser",
    "report": "one page with all that a run left, or two runs side by side",
    "export": "write a Python file that needs NumPy alone, for prediction and training",
    "show": "any stage as text, from the syntax tree to the NumPy that runs",
    "fmt": "format files",
}
"""What each command does, in the order of the help."""

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _open_missing_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # what a terminal's encoding lacks is escaped, as Python does on stderr
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _forsake_stdout()  # whoever read our output has gone
        return 1
    except OSError as fault:
        _forsake_stdout()
        print(f"error: the output cannot be written: {fault.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _open_missing_streams() -> None:
    """Where a stream was closed before we began, read and write nothing."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _forsake_stdout() -> None:
    """Nothing may complain when Python flushes at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(arguments: list[str]) -> int:
    command = arguments[0] if arguments else ""
    try:
        if command not in COMMANDS:
            _top_parser().parse_args(arguments)
            return 2
        parser = _command_parser(command)
        args = parser.parse_intermixed_args(arguments[1:])
    except SystemExit as stop:
        return int(stop.code or 0)
    # not before: argparse, interrupted, raises an AttributeError of its own
    with signals.heeding():
        from graphdsl.cli.faults import guarded

        return guarded(command, args)


def _top_parser() -> argparse.ArgumentParser:
    """What stands before a command: it can only explain, complain or tell the version."""
    parser = argparse.ArgumentParser(
        prog="graphdsl",
        description="Check, train, evaluate and draw computation graphs written in .gdl files.",
        formatter_class=_Formatter,
        epilog="graphdsl COMMAND --help says more of a command.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(metavar="COMMAND", required=True, dest="command")
    for name, does in COMMANDS.items():
        commands.add_parser(name, help=does)
    return parser


def _command_parser(command: str) -> argparse.ArgumentParser:
    does = COMMANDS[command]
    parser = argparse.ArgumentParser(
        prog=f"graphdsl {command}",
        description=f"{does[0].upper()}{does[1:]}.",
        allow_abbrev=False,
    )
    import_module(f"graphdsl.cli.{command}").configure(parser)
    return parser


class _Formatter(argparse.HelpFormatter):
    """Leaves room for the commands, which stand further in than argparse reckons with."""

    def add_argument(self, action: argparse.Action) -> None:
        """Reckon with an action; its column ends behind the longest command."""
        super().add_argument(action)
        room = 2 * self._indent_increment + max(map(len, COMMANDS))
        self._action_max_length = max(self._action_max_length, room)


class _Version(argparse.Action):
    """`--version`; looked up only when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from graphdsl.training.version import version

        print(f"graphdsl {version()}")
        parser.exit()
