"""A trace as text for a terminal: two tables, as the blackboard has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from graphdsl.graph.kernel import Array
from graphdsl.views import cells
from graphdsl.views.labels import MINUS
from graphdsl.views.trace.display import value_lines
from graphdsl.views.trace.formula import joined
from graphdsl.views.trace.record import Forward, Reverse, Trace

WIDTH = 80
NAME = 24
"""Cells of the longest name that is shown whole."""
GAP = "  "
MOST_TERMS = 12
"""Terms of a sum that are shown; a parameter may be used thousands of times."""

Cells = tuple[str, list[str], Array | str]
"""A row: a name, what it is computed from in one or two lines, and its value or a word for it."""


def table(trace: Trace, width: int = WIDTH) -> str:
    """Both sweeps, in lines of at most `width` cells as far as values allow."""
    sizes = ", ".join(f"{name} = {size}" for name, size in trace.sizes.items())
    forward = [("variable", ["expression"], "value"), *map(forward_cells, trace.forward)]
    reverse = [("cotangent", ["terms"], "value"), *map(reverse_cells, trace.reverse)]
    parts = [
        [f"Forward: {visible(trace.file)}" + (f", {sizes}" if sizes else "")],
        layout(forward, width),
        [f"\nReverse: from {visible(trace.of)}"],
        layout(reverse, width),
        [f"\nnote: {note}" for note in trace.notes],
    ]
    return "\n".join(line for lines in parts for line in lines)


def forward_cells(row: Forward) -> Cells:
    """A variable, its expression, its value."""
    expression = row.role if row.expression is None else visible(row.expression.text)
    return row.variable, [expression], row.value


def reverse_cells(row: Reverse) -> Cells:
    """A cotangent, its terms, below them the numbers put in, its value."""
    shown = row.terms[:MOST_TERMS]
    formula = row.formula if len(shown) == len(row.terms) else joined([t.formula for t in shown])
    terms = [visible(formula.text)]
    if len(shown) < len(row.terms):
        terms[0] += f" + … {len(row.terms) - len(shown):,} terms more"
    elif row.telling is not None:
        terms.append(f"= {visible(row.telling.text)}")
    return row.cotangent, terms, row.value


def layout(rows: Sequence[Cells], width: int) -> list[str]:
    """Three columns; the middle one takes what the others leave, and is wrapped there."""
    names = [cells.clip(visible(name), NAME) for name, _, _ in rows]
    first = max(map(cells.width, names))
    left = width - first - 2 * len(GAP)
    room = max(left - 2 * width // 5, width // 3)
    values = [[v] if isinstance(v, str) else value_lines(v, room) for _, _, v in rows]
    last = max(len(line) for lines in values for line in lines)
    middle = max(left - last, width // 4)
    wrapped = [[line for text in terms for line in wrap(text, middle)] for _, terms, _ in rows]
    middle = max(cells.width(line) for lines in wrapped for line in lines)
    lines = [
        f"{cells.pad(a, first)}{GAP}{cells.pad(b, middle)}{GAP}{c}".rstrip()
        for name, terms, value in zip(names, wrapped, values, strict=True)
        for a, b, c in zip_longest([name], terms, value, fillvalue="")
    ]
    rule = "-" * min(max(map(cells.width, lines)), width)
    return [lines[0], rule, *lines[1:]]


def wrap(text: str, width: int) -> Iterator[str]:
    """The text in lines, broken before a sign or at a space, what follows the first set in; what
    has neither is broken where the line ends."""
    indent = ""
    while (fits := cells.fitting(text, width - len(indent))) < len(text):
        at = max(text.rfind(sign, 0, fits + 3) for sign in (" + ", f" {MINUS} ", " @ "))
        at = at if 0 < at <= fits else text.rfind(" ", 1, fits + 1)
        yield indent + (text[:at] if at > 0 else text[:fits])
        text = text[at + 1 :] if at > 0 else text[fits:]
        indent = "  "
    yield indent + text


def visible(text: str) -> str:
    """A user's text without what a terminal would obey: controls and bidi marks by number."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
