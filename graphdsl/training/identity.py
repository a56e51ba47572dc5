"""What a model says, whatever its layout: a hash of it, and how two models differ."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from difflib import unified_diff

from graphdsl.driver import Compilation
from graphdsl.language import ast
from graphdsl.language.printer import format_program
from graphdsl.language.source import Source

MOST_LINES = 60
"""Lines of a difference that are shown."""


def model_hash(compilation: Compilation) -> str:
    """A hash of what a model says: its text and that of the files it imports from, both as the
    formatter has them without comments, its constants' values and its float."""
    constants = sorted((n, repr(v)) for n, v in compilation.lowered().constants.items())
    main, *imported = texts(compilation).items()
    said = [main[1], repr(constants), str(compilation.float)]
    for name, text in imported:
        said += [name, text]
    return hashlib.blake2b("\0".join(said).encode(), digest_size=16).hexdigest()


def texts(compilation: Compilation) -> dict[str, str]:
    """The formatted texts of a model without their comments: its own first, then by import."""
    imported = compilation.lowered().imported
    return {"": canonical(compilation.program)} | {
        name: canonical(program) for name, program in imported.items()
    }


def find_differences(before: Compilation, now: Compilation) -> Iterator[str]:
    """How one model differs from another, as the lines of a unified diff; none if it does not."""
    lines = list(_all_differences(before, now))
    yield from lines[:MOST_LINES]
    if len(lines) > MOST_LINES:
        yield f"… and {len(lines) - MOST_LINES} more lines"


def _all_differences(before: Compilation, now: Compilation) -> Iterator[str]:
    old, new = texts(before), texts(now)
    for name in dict.fromkeys((*old, *new)):
        was, is_now = (text.get(name, "").splitlines() for text in (old, new))
        then, today = (name or one.program.source.name for one in (before, now))
        yield from unified_diff(was, is_now, then, today, n=1, lineterm="")
    floats = ("float", str(before.float), str(now.float))
    for kind, was_value, value in (*_constants(before, now), floats):
        if was_value != value:
            yield f"{kind}: {was_value} then, {value} now"


def _constants(before: Compilation, now: Compilation) -> Iterator[tuple[str, str, str]]:
    old, new = before.lowered().constants, now.lowered().constants
    for name in dict.fromkeys((*old, *new)):
        was, is_now = (str(values.get(name, "none")) for values in (old, new))
        yield f"const {name}", was, is_now


def canonical(program: ast.Program) -> str:
    """What a program says: its text as the formatter has it, without comments."""
    return format_program(replace(program, comments=(), source=Source("")))
