"""A model's computation graph as a file: a compilation and a path come in, a picture goes out."""

from __future__ import annotations

from pathlib import Path

from graphdsl.driver import Compilation
from graphdsl.language.diagnostics import DataError, Diagnostic
from graphdsl.views import dot, picture

MOST_BOXES = 1500
"""Beyond this a layout takes minutes and nobody can read it."""


def render(compilation: Compilation, path: str | Path) -> None:
    """Draw the forward graph, as the file says it, before anything is rewritten.

    Raises `UsageError` for an unknown format, `DataError` where it cannot be drawn or written.
    """
    path = Path(path)
    format = picture.check_path(path)
    graph, program = compilation.graph(), compilation.program
    boxes = dot.count_boxes(graph)
    if boxes > MOST_BOXES and format != "dot":
        message = f"'{path}' was not drawn: {boxes:,} boxes are more than a picture can show"
        help = (
            f"up to {MOST_BOXES:,} are drawn; a .dot file takes any number",
            "for a drawing, make the model smaller: --set NAME=VALUE",
        )
        raise DataError(Diagnostic("E0826", message, (), help))
    picture.write_picture(
        path, dot.draw(graph, program.statements, program.doc or program.source.name)
    )
