"""A trace for LaTeX: a booktabs table of the forward sweep, an align of the reverse sweep.

What comes out is ASCII and needs amsmath and booktabs, and longtable where the table is long; all
of a user's text in it is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from graphdsl.graph.kernel import Array
from graphdsl.views.trace.display import exact_number, is_small, number, summary_lines
from graphdsl.views.trace.letters import escape, symbol
from graphdsl.views.trace.record import Forward, Reverse, Trace

LONG = 40
"""Lines of a table that still fits a page."""
ROOM = 90
"""Characters of numbers that stand on the line of their formula."""


def typeset(trace: Trace) -> str:
    """Both sweeps, to be put into a document."""
    forward = list(map(forward_line, trace.forward))
    lines = [
        packages_line(len(forward)),
        f"% {escape(trace.file)}, the gradients of {escape(trace.of)}",
        *(f"% {escape(note)}" for note in trace.notes),
        *tabulate(("variable", "expression", "value"), forward),
        "",
        r"\begingroup\allowdisplaybreaks",
        r"\begin{align*}",
        *_reverse_lines(trace),
        r"\end{align*}",
        r"\endgroup",
    ]
    return "\n".join(lines)


def packages_line(rows: int) -> str:
    """A comment that says what a document with a table of so many rows needs."""
    longtable = ", longtable" if rows > LONG else ""
    return rf"% \usepackage{{amsmath, booktabs{longtable}}}"


def tabulate(heads: Sequence[str], lines: Sequence[str]) -> Iterator[str]:
    """A booktabs table, over several pages where it is long; `lines` are its rows."""
    kind = "longtable" if len(lines) > LONG else "tabular"
    yield rf"\begin{{{kind}}}{{@{{}}lll@{{}}}}"
    yield r"\toprule"
    yield rf"{' & '.join(heads)} \\"
    yield r"\midrule"
    yield from lines
    yield r"\bottomrule"
    yield rf"\end{{{kind}}}"


def table_line(first: str, second: str, value: str) -> str:
    """A row of a table; what is in it is LaTeX already."""
    has_matrix = "bmatrix" in second or "bmatrix" in value
    end = r"\\[3pt]" if has_matrix else r"\\"  # matrices would touch one another
    return f"{first} & {second} & {value} {end}"


def forward_line(row: Forward) -> str:
    """A row of the forward sweep."""
    expression = row.role if row.expression is None else f"${row.expression.latex}$"
    return table_line(f"${symbol(row.variable)}$", expression, f"${value_text(row.value)}$")


def cotangent_text(row: Reverse) -> str:
    """The name of a cotangent: `g_{b}`."""
    prefix, _, _ = row.cotangent.rpartition(row.variable)
    return f"{prefix.rstrip('_')}_{{{symbol(row.variable)}}}"


def _reverse_lines(trace: Trace) -> Iterator[str]:
    """The rows, each but the last with a line's end."""
    lines = [line for row in trace.reverse for line in _reverse(row)]
    yield from (rf"{line} \\" for line in lines[:-1])
    yield from lines[-1:]


def _reverse(row: Reverse) -> Iterator[str]:
    left, value = cotangent_text(row), value_text(row.value)
    if row.formula.latex == value:
        yield f"{left} &= {value}"
    elif row.telling is not None and len(row.telling.text) <= ROOM:
        yield f"{left} &= {row.formula.latex}"
        yield f"&= {row.telling.latex} = {value}"
    else:
        yield f"{left} &= {row.formula.latex} = {value}"


def value_text(value: Array) -> str:
    """A number, a matrix, or in words what is too large."""
    if not is_small(value):
        return rf"\text{{{escape(', '.join(summary_lines(value)))}}}"
    if value.ndim == 0:
        return _number(exact_number(value))
    rows = [" & ".join(_number(number(x)) for x in row) for row in np.atleast_2d(value)]
    inside = r" \\ ".join(rows)
    return rf"\begin{{bmatrix}} {inside} \end{{bmatrix}}"


def _number(text: str) -> str:
    words = {"true": r"\text{true}", "false": r"\text{false}", "nan": r"\text{nan}"}
    mantissa, exponential, exponent = text.replace("inf", r"\infty").partition("e")
    if text in words or not exponential:
        return words.get(text, mantissa)
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
