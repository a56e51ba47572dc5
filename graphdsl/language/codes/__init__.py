"""The catalogue of diagnostic codes: what each means, why it is so, how to mend it.

Codes are stable: one that is retired is never used again. The hundreds are the phases: E01xx text
and syntax, E02xx shapes and types, E03xx names and declarations, E04xx blocks and calls, E05xx
settings, E06xx data and feeds, E07xx gradients, E08xx running and files, W01xx warnings.
"""

from __future__ import annotations

from graphdsl.language.codes.calls import CALLS
from graphdsl.language.codes.cautions import WARNINGS
from graphdsl.language.codes.entry import Code
from graphdsl.language.codes.files import FILES
from graphdsl.language.codes.gradients import GRADIENTS
from graphdsl.language.codes.names import NAMES
from graphdsl.language.codes.running import RUNNING
from graphdsl.language.codes.settings import SETTINGS
from graphdsl.language.codes.shapes import SHAPES
from graphdsl.language.codes.syntax import SYNTAX

__all__ = ["CHAPTERS", "CODES", "SYNTAX", "Code", "lookup"]

CHAPTERS: dict[str, dict[str, Code]] = {
    "Text and syntax": SYNTAX,
    "Shapes and types": SHAPES,
    "Names and declarations": NAMES,
    "Blocks and calls": CALLS,
    "Settings": SETTINGS,
    "Data and feeds": FILES,
    "Gradients": GRADIENTS,
    "Running and files": RUNNING,
    "Warnings": WARNINGS,
}
"""The catalogue by phase, in the order in which a file meets them."""

CODES: dict[str, Code] = {
    code: entry for chapter in CHAPTERS.values() for code, entry in chapter.items()
}


def lookup(code: str) -> Code | None:
    """The catalogue's entry for `code`, written in either case."""
    return CODES.get(code.upper())
