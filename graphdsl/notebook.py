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
    """Teach an IPython shell `%%gdl`, and `%gdl` for its help."""

    def gdl(line: str, cell: str | None = None) -> Model | None:
        return define_model(shell, line, cell)

    gdl.__doc__ = _parser().format_help()  # what `%%gdl?` shows
    shell.register_magic_function(gdl, "line_cell", MAGIC)


def define_model(shell: Any, line: str, cell: str | None) -> Model | None:
    """The model of a cell, which is the user's by its name from now on; shown as a cell's value is.

    Raises `CellRefused`.
    """
    args = _read_line(line)
    if args is None:
        return None
    if cell is None:
        raise CellRefused(f"%{MAGIC} has no model: write %%{MAGIC}, and the model's text below it")
    # the magic's own line is the cell's first: messages count as the notebook does
    source = Source(f"\n{cell}", f"In [{_number(shell)}]")
    try:
        model = Model(compile_source(source, *options.overrides(args)), args.seed)
    except (GraphdslError, BadArgument) as error:
        raise CellRefused(str(error)) from None
    shell.push({args.name: model})
    return model


def _number(shell: Any) -> int:
    """The number of the cell that is run. `execution_count` is that of the next in some versions of
    IPython, but the cell's text is among the inputs, the first of which has no cell."""
    return len(shell.history_manager.input_hist_raw) - 1


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
