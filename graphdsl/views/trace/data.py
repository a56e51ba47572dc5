"""A trace for programs: numbers, lists and text that JSON can hold, every number exact."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from graphdsl.graph.kernel import Array
from graphdsl.views.trace.formula import Formula
from graphdsl.views.trace.record import Forward, Reverse, Term, Trace


def data(trace: Trace) -> dict[str, Any]:
    """The schema is that of the page on traces in the documentation."""
    names = {row.node: row.variable for row in trace.forward}
    return {
        "file": trace.file,
        "of": trace.of,
        "sizes": dict(trace.sizes),
        "notes": list(trace.notes),
        "forward": [forward_data(row) for row in trace.forward],
        "reverse": [reverse_data(row, names) for row in trace.reverse],
    }


def forward_data(row: Forward) -> dict[str, Any]:
    """One row of the forward sweep."""
    return {
        "variable": row.variable,
        "node": row.node,
        "role": row.role,
        "line": row.line,
        "expression": _formula(row.expression),
        "numbers": _formula(row.numbers),
        **tensor_data(row.value),
    }


def reverse_data(row: Reverse, names: Mapping[int, str]) -> dict[str, Any]:
    """One row of the reverse sweep with its terms."""
    return {
        "cotangent": row.cotangent,
        "variable": row.variable,
        "node": row.node,
        "line": row.line,
        "formula": _formula(row.formula),
        "numbers": _formula(row.numbers),
        **tensor_data(row.value),
        "terms": [term_data(term, names) for term in row.terms],
    }


def term_data(term: Term, names: Mapping[int, str]) -> dict[str, Any]:
    """One term; the edge that it comes along is that from `consumer` at `position`."""
    return {
        "through": names[term.through],
        "consumer": term.consumer,
        "position": term.position,
        "rule": term.rule,
        "formula": _formula(term.formula),
        "numbers": _formula(term.numbers),
        **tensor_data(term.value),
    }


def tensor_data(value: Array) -> dict[str, Any]:
    """Shape and elements; what is not finite, which JSON does not know, as a string."""
    return {"shape": list(value.shape), "value": _plain(value.tolist())}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _formula(formula: Formula | None) -> dict[str, str] | None:
    return None if formula is None else asdict(formula)
