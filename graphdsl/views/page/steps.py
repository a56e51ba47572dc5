"""The schedule that a page plays: a trace comes in, its steps go out as plain data.

A step is a row of the trace. Boxes without a row of their own, such as the sum inside of a product,
come to light with the row whose expression they are a part of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphdsl.language.clipping import clip
from graphdsl.views.drawing.sources import Drawn
from graphdsl.views.page.numbers import number_or_tensor
from graphdsl.views.trace.formula import Formula
from graphdsl.views.trace.record import Forward, Reverse, Term, Trace

LONGEST = 400
"""Characters of a formula that a step shows."""


def tell_steps(trace: Trace, drawn: Drawn, with_values: bool) -> list[dict[str, Any]]:
    """Every row whose node has a box: the forward sweep, then the reverse one. What is given is
    there from the beginning, and is no step."""
    shown = drawn.shown
    rows = {row.node for row in trace.forward}
    inner = _find_inner(drawn, rows)
    forward = [row for row in trace.forward if row.node in shown and row.expression is not None]
    reverse = [row for row in trace.reverse if row.node in shown]
    return [
        *(_forward(row, inner, with_values) for row in forward),
        *(_reverse(row, inner, with_values, drawn) for row in reverse),
    ]


def _find_inner(drawn: Drawn, rows: set[int]) -> Mapping[int, list[int]]:
    """For each row the boxes that have none, and that only its expression leads to first."""
    found: dict[int, list[int]] = {}
    owner: dict[int, int] = {}
    for id in reversed(list(drawn.shown)):
        if id in rows:
            owner[id] = id
        elif id in owner:
            found.setdefault(owner[id], []).append(id)
        if id in owner:
            for _, source in drawn.operands(id):
                if source not in rows:
                    owner[source] = owner[id]
    return found


def _forward(row: Forward, inner: Mapping[int, list[int]], with_values: bool) -> dict[str, Any]:
    return {
        "sweep": "forward",
        "node": row.node,
        "inner": inner.get(row.node, []),
        "name": row.variable,
        "formula": _text(row.expression),
        "numbers": _text(row.numbers) if with_values else None,
    }


def _reverse(
    row: Reverse, inner: Mapping[int, list[int]], with_values: bool, drawn: Drawn
) -> dict[str, Any]:
    return {
        "sweep": "reverse",
        "node": row.node,
        "inner": inner.get(row.node, []),
        "name": row.cotangent,
        "formula": _text(row.formula),
        "numbers": _text(row.numbers) if with_values else None,
        "terms": [_term(term, with_values) for term in row.terms if term.through in drawn.shown],
    }


def _term(term: Term, with_values: bool) -> dict[str, Any]:
    told = {"through": term.through, "formula": _text(term.formula)}
    return told | ({"value": number_or_tensor(term.value)["short"]} if with_values else {})


def _text(formula: Formula | None) -> str | None:
    return None if formula is None else clip(formula.text, LONGEST)
