"""A formula in three spellings: an expression comes in; the language's own text, mathematics for
a terminal or a page, and LaTeX go out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from graphdsl.language import ast
from graphdsl.language.flat import flat
from graphdsl.views.labels import MINUS
from graphdsl.views.trace.latex import latex_text
from graphdsl.views.trace.mathematics import mathematics


@dataclass(frozen=True, slots=True)
class Formula:
    """One formula. All three are text of the user's: escape them for where they are shown."""

    source: str
    """As a `.gdl` file writes it: `g_e * (-a / b^2)`; cotangents are names with a prefix."""
    text: str
    """As a blackboard has it, in Unicode: `g_e·(−a/b²)`."""
    latex: str
    """For LaTeX's mathematical mode, special characters escaped."""


def spell(expr: ast.Expr) -> Formula:
    """The formula that an expression is."""
    return Formula(flat(expr), mathematics(expr), latex_text(expr))


def joined(terms: Sequence[Formula]) -> Formula:
    """The sum of terms, however many they are."""
    return Formula(
        " ".join(signed((term.source for term in terms), "-")),
        " ".join(signed((term.text for term in terms), MINUS)),
        " ".join(signed((term.latex for term in terms), "-")),
    )


def signed(terms: Iterable[str], minus: str) -> Iterator[str]:
    """The terms of a sum, each but the first behind its sign: `a`, `+ b`, `- c`. One that begins
    with a sign is taken away."""
    for position, term in enumerate(terms):
        if position == 0:
            yield term
        elif term.startswith(minus):
            yield f"{minus} {term.removeprefix(minus)}"
        else:
            yield f"+ {term}"
