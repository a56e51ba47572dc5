"""One variable of a trace from near: what it hands to those it is computed from, with its local
Jacobians, and what it gets from those that read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from graphdsl.compiler.results import restricted
from graphdsl.compiler.rewrite import rewrite
from graphdsl.driver import Compiled
from graphdsl.graph.graph import Graph, Result
from graphdsl.graph.kernel import Array
from graphdsl.graph.op import OPS
from graphdsl.language.diagnostics import Diagnostic, UsageError, did_you_mean
from graphdsl.session import Session
from graphdsl.views.observed import Observed
from graphdsl.views.trace.record import Forward, Reverse, Term, Trace

COTANGENT = "·g"
"""The input that a cotangent is fed by; no name of a file begins so."""
MOST = 64
"""Elements of the largest variable whose Jacobians are computed, a sweep for each element."""


@dataclass(frozen=True, slots=True, eq=False)
class Operand:
    """A variable that another is computed from."""

    node: int
    variable: str
    jacobian: Array | None
    """∂variable/∂operand in denominator layout, the operand's sizes first, all other operands held
    fixed; None where the variable is too large."""
    terms: tuple[Term, ...]
    """What it gets: the Jacobian times the cotangent, along each edge."""

    @property
    def matrix(self) -> Array | None:
        """The Jacobian with the operand's elements down, those of the variable across."""
        jacobian, rows = self.jacobian, self.terms[0].value.size
        if jacobian is None or not rows or not jacobian.ndim:
            return jacobian
        return jacobian.reshape(rows, -1)


@dataclass(frozen=True, slots=True, eq=False)
class Local:
    """A variable with those it is computed from and those that read it."""

    forward: Forward
    reverse: Reverse | None
    """None where the result does not depend on it by a float path."""
    operands: tuple[Operand, ...]


def find_row(trace: Trace, names: Mapping[str, int], name: str) -> Forward:
    """The row of a variable, by its name here or in the file; raises `UsageError` for none."""
    by_name = {row.variable: row for row in trace.forward}
    by_node = {row.node: row for row in trace.forward}
    found = by_name.get(name) or by_node.get(names.get(name, -1))
    if found is None:
        known = list(by_name)
        help = did_you_mean(name, known) or (f"the variables are: {', '.join(known[:12])}",)
        raise UsageError(Diagnostic("E0803", f"the trace has no variable '{name}'", (), help))
    return found


def look_at(
    session: Session, fed: Mapping[str, Any], observed: Observed, trace: Trace, row: Forward
) -> Local:
    """The variable of a row of a trace, and of the model and feeds that it is a trace of."""
    reverse = next((one for one in trace.reverse if one.node == row.node), None)
    given = [
        (one, terms)
        for one in trace.reverse
        if (terms := tuple(term for term in one.terms if term.through == row.node))
    ]
    jacobians: Mapping[int, Array] = {}
    if given and row.value.size <= MOST:
        edges = {one.node: terms for one, terms in given}
        jacobians = _jacobians(session, fed, observed, row, edges)
    operands = (
        Operand(one.node, one.variable, jacobians.get(one.node), terms) for one, terms in given
    )
    return Local(row, reverse, tuple(operands))


def _jacobians(
    session: Session,
    fed: Mapping[str, Any],
    observed: Observed,
    row: Forward,
    edges: Mapping[int, Sequence[Term]],
) -> dict[int, Array]:
    """A sweep for each element of the row's variable, down to the operands alone."""
    whole = {(one.consumer, one.position): one.part for one in observed.pulled}
    handed = [(t.consumer, t.position) for terms in edges.values() for t in terms]
    parts = {edge: whole[edge] for edge in handed}
    graph = rewrite(_fed_cotangent(observed, row.node, parts.values()))
    # of what is constant everywhere no sweep depends on the cotangent
    used = any(graph.nodes[id].name == COTANGENT for id in graph.inputs)
    several = [{**fed, **({COTANGENT: unit} if used else {})} for unit in _units(row.value)]
    compiled = Compiled(graph, session.compilation.layout)
    swept = session.values(compiled, several) if several else []
    found = {}
    for id, terms in edges.items():
        shape = observed.values[id].shape
        columns = [
            sum((values[str(parts[t.consumer, t.position])] for t in terms), np.zeros(shape))
            for values in swept
        ]
        stacked = np.stack(columns, axis=-1) if columns else np.zeros((*shape, 0))
        found[id] = stacked.reshape((*shape, *row.value.shape))
    return found


def _fed_cotangent(observed: Observed, node: int, parts: Iterable[int]) -> Graph:
    """The swept graph with the cotangent of a node fed, and the parts as its results."""
    swept, cotangent = observed.swept, observed.cotangent_nodes[node]
    made = swept.nodes[cotangent]
    leaf = replace(made, op=OPS["input"], operands=(), attrs=(("type", made.type),), name=COTANGENT)
    nodes = (*swept.nodes[:cotangent], leaf, *swept.nodes[cotangent + 1 :])
    results = tuple(Result("output", str(part), part) for part in dict.fromkeys(parts))
    bare = restricted(swept, (), step=False)
    return replace(bare, nodes=nodes, inputs=(*swept.inputs, cotangent), results=results)


def _units(value: Array) -> Iterator[Array]:
    """Arrays of a value's shape with a single 1, for each of its elements."""
    for at in range(value.size):
        unit = np.zeros(value.size, value.dtype)
        unit[at] = 1
        yield unit.reshape(value.shape)
