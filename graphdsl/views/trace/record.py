"""What a trace is: the rows of the two sweeps of a model at work.

A row stands for a variable: what the file names, and what needs a name so that every step of the
chain rule is one that is done by hand. Sums, products, transposes and the like within an expression
need none: they are written where they are used, and the cotangent goes through them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphdsl.graph.kernel import Array
from graphdsl.views.trace.formula import Formula


@dataclass(frozen=True, slots=True, eq=False)
class Forward:
    """A row of the forward sweep: a variable, what it is computed from, its value."""

    node: int
    """The node of `Observed.graph`."""
    variable: str
    """Its name in the file, or one made for it, `y_1` on the way to `y`."""
    role: str
    """As `views.labels.roles` has it: input, param, op, loss, …"""
    expression: Formula | None
    """In the variables of earlier rows; None for what is fed or stored."""
    numbers: Formula | None
    """The expression with the values put in; None where they take too much room."""
    value: Array
    line: int | None
    """The line of the model's file that it comes from."""


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """What a variable's cotangent gets along one edge of the graph, by the chain rule."""

    consumer: int
    """The node that reads the variable, or what passes it on; with `position` it is the edge."""
    position: int
    through: int
    """The node of the row whose cotangent is handed down, `consumer` or what that is part of."""
    rule: str
    """What the op's declaration says of its VJP, in words: `g b and g a`."""
    formula: Formula
    numbers: Formula | None
    value: Array

    @property
    def telling(self) -> Formula | None:
        """The numbers, where there is something to be worked out of them."""
        return None if _is_plain(self.formula) else self.numbers


@dataclass(frozen=True, slots=True, eq=False)
class Reverse:
    """A row of the reverse sweep: a cotangent, the sum of chain-rule terms it is, its value."""

    node: int
    variable: str
    """The variable that it is the cotangent of."""
    cotangent: str
    """Its own name: `g_b`."""
    terms: tuple[Term, ...]
    """Those nearest to the result first; none for the result itself, whose cotangent is 1."""
    formula: Formula
    """The sum of the terms."""
    numbers: Formula | None
    value: Array
    line: int | None

    @property
    def telling(self) -> Formula | None:
        """The numbers, where there is something to be worked out of them."""
        return None if _is_plain(self.formula) else self.numbers


def _is_plain(formula: Formula) -> bool:
    """Whether a formula is another cotangent, or 1."""
    return set(formula.source).isdisjoint(" (")


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Both sweeps. `forward` is in the order of computation, `reverse` in that of the sweep."""

    file: str
    of: str
    """The scalar that is differentiated."""
    sizes: Mapping[str, int]
    forward: tuple[Forward, ...]
    reverse: tuple[Reverse, ...]
    notes: tuple[str, ...] = ()
    """What a reader should know besides, a sentence each."""

    def __str__(self) -> str:
        """Both tables, as a terminal shows them."""
        from graphdsl.views.trace.table import table

        return table(self)

    def latex(self) -> str:
        """Both tables for LaTeX, with amsmath and booktabs."""
        from graphdsl.views.trace.typeset import typeset

        return typeset(self)

    def data(self) -> dict[str, Any]:
        """The same as lists and numbers, for JSON."""
        from graphdsl.views.trace.data import data

        return data(self)
