"""One variable from near for LaTeX: the tables that a terminal shows of it, with booktabs.

What comes out is ASCII; all of a user's text in it is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from graphdsl.views.trace.letters import escape, symbol
from graphdsl.views.trace.local import Local, Operand
from graphdsl.views.trace.near import sizes_text
from graphdsl.views.trace.record import Reverse, Term
from graphdsl.views.trace.typeset import (
    cotangent_text,
    forward_line,
    packages_line,
    table_line,
    tabulate,
    value_text,
)


@dataclass(frozen=True, slots=True)
class _Table:
    """A table with a sentence above it; of one without lines the sentence alone."""

    title: str
    heads: Sequence[str] = ()
    lines: Sequence[str] = ()


def typeset_local(local: Local, names: Mapping[int, str]) -> str:
    """What the variable is, what it gets, what it hands to its operands, and the local Jacobians,
    to be put into a document; `names` are those of the trace's variables."""
    tables = list(_tables(local, names))
    lines = [
        packages_line(max(len(table.lines) for table in tables)),
        f"% {escape(local.forward.variable)} from near",
    ]
    for table in tables:
        lines += [f"\n\\medskip\\noindent {table.title}\n"] if table.title else []
        lines += tabulate(table.heads, table.lines) if table.lines else []
    return "\n".join(lines)


def _tables(local: Local, names: Mapping[int, str]) -> Iterator[_Table]:
    row, reverse = local.forward, local.reverse
    variable = f"${symbol(row.variable)}$"
    yield _Table("", ("variable", "expression", "value"), [forward_line(row)])
    if reverse is None:
        yield _Table(f"No cotangent: the result does not depend on {variable}.")
    else:
        gets = list(_gets(reverse, names))
        yield _Table(f"${cotangent_text(reverse)}$ gets", ("through", "term", "value"), gets)
    if local.operands:
        hands = [line for one in local.operands for line in _hands(one)]
        yield _Table(f"{variable} hands to", ("variable", "term", "value"), hands)
        said = f"Local Jacobians: the operand's elements down, those of {variable} across"
        jacobians = [_jacobian(row.variable, one) for one in local.operands]
        yield _Table(said, ("Jacobian", "sizes", "value"), jacobians)


def _gets(reverse: Reverse, names: Mapping[int, str]) -> Iterator[str]:
    for term in reverse.terms:
        yield from _lines(names[term.through], term)
    if len(reverse.terms) != 1:
        yield table_line("in all", f"${reverse.formula.latex}$", f"${value_text(reverse.value)}$")


def _hands(operand: Operand) -> Iterator[str]:
    for term in operand.terms:
        yield from _lines(operand.variable, term)


def _lines(variable: str, term: Term) -> Iterator[str]:
    """A term, and below it the same with the numbers put in."""
    value = f"${value_text(term.value)}$"
    yield table_line(f"${symbol(variable)}$", f"${term.formula.latex}$", value)
    if term.telling is not None:
        yield table_line("", f"$= {term.telling.latex}$", "")


def _jacobian(variable: str, operand: Operand) -> str:
    above, below = (rf"\partial {symbol(one)}" for one in (variable, operand.variable))
    name = rf"$\frac{{{above}}}{{{below}}}$"
    if operand.matrix is None:
        return table_line(name, "too large to be computed", "")
    return table_line(name, sizes_text(operand), f"${value_text(operand.matrix)}$")
