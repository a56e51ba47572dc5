"""An observed model as a trace: values and cotangents come in, rows with formulas go out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graphdsl.driver import Compilation
from graphdsl.graph.graph import Node, Origin
from graphdsl.language import ast
from graphdsl.language.clipping import one_line
from graphdsl.session import Session
from graphdsl.views.labels import roles
from graphdsl.views.observed import Observed, Pulled, find_target, observe
from graphdsl.views.trace.formula import Formula, joined, spell
from graphdsl.views.trace.numerals import numeral
from graphdsl.views.trace.record import Forward, Reverse, Term, Trace
from graphdsl.views.trace.rows import Rows
from graphdsl.views.trace.scribe import Scribe, Sized
from graphdsl.views.written import name, number


def trace(
    session: Session,
    fed: Mapping[str, Any],
    *,
    of: str | None = None,
    training: bool = False,
) -> Trace:
    """Both sweeps of a model that is fed, the reverse one from `of`, by default the loss or else
    the one scalar result. Raises as `observe` does."""
    target = find_target(session.compilation.graph(training), of)
    return record(observe(session, fed, of=target, training=training), session.compilation)


def record(observed: Observed, compilation: Compilation) -> Trace:
    """The rows of what has been observed of a compilation; those of the reverse sweep are missing
    where no scalar was differentiated."""
    return _Recorder(observed, compilation).record()


class _Recorder:
    def __init__(self, observed: Observed, compilation: Compilation) -> None:
        self.observed, self.compilation = observed, compilation
        self.source = compilation.program.source
        self.rows = Rows(observed)
        self.roles = roles(observed.graph)
        self.distance = self.rows.distances()
        self.numbers = Scribe(observed.swept, Sized(observed.graph.float, observed.sizes))
        self._put_in()

    def record(self) -> Trace:
        """The whole trace."""
        observed = self.observed
        order = list(self._order())
        return Trace(
            self.source.name.rpartition("/")[2],
            observed.of or "",
            observed.sizes,
            tuple(self._forward(id) for id in self.rows.readers if id in self.rows.names),
            tuple(self._reverse(id) for id in order),
            tuple(self._notes()),
        )

    def _put_in(self) -> None:
        """What nodes and cotangents are written as with the numbers put in."""
        observed, rows, scribe = self.observed, self.rows, self.numbers
        for id in rows.readers:
            node = observed.graph.nodes[id]
            if id in rows.names:
                scribe.exprs[id] = numeral(observed.values[id])
            else:
                scribe.exprs[id] = scribe.definition(node)
        for id in sorted(observed.cotangents, reverse=True):
            if id in rows.names:
                scribe.cotangents[id] = numeral(observed.cotangents[id])
            else:
                (pulled,) = rows.by_operand[id]
                cotangent = observed.cotangent_nodes[pulled.consumer]
                scribe.cotangents[id] = scribe.term(pulled, cotangent)

    def _forward(self, id: int) -> Forward:
        node, rows = self.observed.graph.nodes[id], self.rows
        definition = rows.definitions[id]
        numbers = None
        if definition is not None and node.operands:
            numbers = _spelled(self.numbers.definition(node))
        return Forward(
            id,
            rows.names[id],
            self.roles[id],
            self._as_written(node) if definition is None else spell(definition),
            numbers,
            self.observed.values[id],
            self._line(self._origin(node)),
        )

    def _as_written(self, node: Node) -> Formula | None:
        """The text of the file for what is too long, or for a derivative; of what is given none."""
        if node.id in self.rows.stored:
            return None
        origin = self._origin(node)
        return None if origin is None else spell(name(one_line(origin.span.text, 60)))

    def _origin(self, node: Node) -> Origin | None:
        """Where a node comes from; a derivative of the text from where it is asked for, not from
        what it is made of."""
        said = self.compilation.lowered(self.observed.graph.training).graph
        known = said.names.get(self.rows.names.get(node.id, ""))
        return node.origin if known is None else said.nodes[known].origin

    def _order(self) -> Iterator[int]:
        """The variables that have cotangents, in the order in which the sweep completes them."""
        rows, nodes = self.rows, self.observed.graph.nodes
        waiting = {id: len(edges) for id, edges in rows.by_operand.items()}
        for id in sorted(self.observed.cotangents, reverse=True):
            if id in rows.names and (not nodes[id].op.leaf or id not in rows.by_operand):
                yield id
            for pulled in rows.by_consumer.get(id, ()):
                waiting[pulled.operand] -= 1
                if not waiting[pulled.operand] and nodes[pulled.operand].op.leaf:
                    yield pulled.operand

    def _reverse(self, id: int) -> Reverse:
        rows = self.rows
        edges = [(rows.through(one.consumer), one) for one in rows.by_operand.get(id, ())]
        edges.sort(key=lambda edge: self.distance[edge[0]])
        terms = tuple(self._term(row, pulled) for row, pulled in edges)
        return Reverse(
            id,
            rows.names[id],
            rows.cotangent(id),
            terms,
            joined([term.formula for term in terms]) if terms else spell(number(1)),
            _joined_numbers(terms),
            self.observed.cotangents[id],
            self._line(self._origin(self.observed.graph.nodes[id])),
        )

    def _term(self, row: int, pulled: Pulled) -> Term:
        node = self.observed.graph.nodes[pulled.consumer]
        cotangent = self.observed.cotangent_nodes[pulled.consumer]
        is_written = self.rows.written(pulled) is not None
        numbers = self.numbers.term(pulled, cotangent) if is_written else None
        return Term(
            pulled.consumer,
            pulled.position,
            row,
            node.op.derivative,
            spell(self.rows.term(pulled)),
            _spelled(numbers),
            self.observed.parts[pulled.part],
        )

    def _line(self, origin: Origin | None) -> int | None:
        """The line of the model's own file that something comes from: of a call, where it is."""
        if origin is None:
            return None
        spans = (origin.span, *(level.span for level in reversed(origin.trail)))
        return next((span.line for span in spans if span.source is self.source), None)

    def _notes(self) -> Iterator[str]:
        fired = self.compilation.fired(self.observed.graph.training)
        lines = sorted({line for one in fired if (line := self._line(one.origin)) is not None})
        if lines:
            told = ", ".join(map(str, lines))
            where = f"line{'s' if lines[1:] else ''} {told}"
            yield f"computed as written; a run computes {where} in a more stable form"


def _spelled(expr: ast.Expr | None) -> Formula | None:
    return None if expr is None else spell(expr)


def _joined_numbers(terms: Sequence[Term]) -> Formula | None:
    """The sum of the terms with the numbers put in, if they are in each."""
    numbers = [term.numbers for term in terms if term.numbers is not None]
    return joined(numbers) if numbers and len(numbers) == len(terms) else None
