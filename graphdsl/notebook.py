"""`%load_ext graphdsl`: a notebook's cell `%%gdl` comes in, a model with a name goes out.

A cell that is at fault ends as a Python cell with an error does, so that what follows is not run;
its diagnostics are shown without a traceback.
"""

from __future__ import annotations

import argparse
import io
import keyword
import shlex
from contextlib import redirect_stderr
from functools import partial
from typing import Any

from graphdsl.cli import options
from graphdsl.cli.faults import BadArgument
from graphdsl.driver import compile_source
from graphdsl.language.diagnostics import GraphdslError
from graphdsl.language.source import Source
from graphdsl.model import Model

MAGIC = "gdl"
NAME = "model"
"""What a model is called by default."""


class CellRefused(Exception):
    """A cell at fault: IPython shows its text alone."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


def load_ipython_extension(shell: Any) -> None:
    """Teach an IPython shell `%%gdl`."""
    shell.register_magic_function(partial(define_model, shell), "cell", MAGIC)


def define_model(shell: Any, line: str, cell: str) -> Model | None:
    """The model of a cell, which is the user's by its name from now on; shown as a cell's value is.

    Raises `CellRefused`.
    """
    args = _read_line(line)
    if args is None:
        return None
    # the magic's own line is the cell's first: messages count as the notebook does
    source = Source(f"\n{cell}", f"In [{shell.execution_count}]")
    try:
        model = Model(compile_source(source, *options.overrides(args)), args.seed)
    except (GraphdslError, BadArgument) as error:
        raise CellRefused(str(error)) from None
    shell.push({args.name: model})
    return model


def _read_line(line: str) -> argparse.Namespace | None:
    """The words behind `%%gdl`; None where they ask for help, which is printed."""
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            return _parser().parse_args(shlex.split(line))
    except ValueError as bad:
        raise CellRefused(f"%%{MAGIC}: {bad}") from None
    except SystemExit as stop:
        if stop.code:
            raise CellRefused(said.getvalue().rstrip()) from None
        return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"%%{MAGIC}",
        description="Define a model from this cell, and show its graph.",
        allow_abbrev=False,
    )
    help = f"what the model is called from now on (default: {NAME})"
    parser.add_argument("name", metavar="NAME", nargs="?", default=NAME, type=_name, help=help)
    options.add_model_options(parser)
    options.add_seed(parser)
    return parser


def _name(text: str) -> str:
    if not text.isidentifier() or keyword.iskeyword(text):
        raise argparse.ArgumentTypeError(f"'{text}' is no name of a variable")
    return text
