"""Which nodes are variables of a trace: an observed graph comes in, names by node go out.

A variable is what the file names, and besides what a step of the chain rule by hand needs a name
for: a node whose derivative is not the same everywhere, one that is read more than once, one that
would take too much room in an expression. What is linear in each operand needs none.
"""

from __future__ import annotations

from collections.abc import Iterator

from graphdsl.graph.graph import Node
from graphdsl.language import ast
from graphdsl.language.flat import flat
from graphdsl.views.labels import is_number, is_silent
from graphdsl.views.observed import Observed, Pulled
from graphdsl.views.reverse_names import bases
from graphdsl.views.trace.notation import DERIVATIVE
from graphdsl.views.trace.partials import product
from graphdsl.views.trace.scribe import Scribe
from graphdsl.views.written import Writer, call, name

ROOM = 60
"""Characters of an expression that has no name; a longer one gets one."""

OFTEN = 3
"""Variables of an expression that makes a formula for its cotangent be repeated too often."""


class Rows:
    """The variables, and what each is written as."""

    def __init__(self, observed: Observed) -> None:
        self.observed, self.graph = observed, observed.graph
        self.own = _own_names(observed)
        variables = (*self.graph.params, *self.graph.states)
        self.stored = {*self.graph.inputs, *(v.node for v in variables)}
        self.needed = self.graph.reaching(observed.cotangents)
        self.readers = self._reached()
        """The nodes that are shown, each with those that read it, once for each edge."""
        self.by_operand: dict[int, list[Pulled]] = {}
        """The edges of the reverse sweep by the node that gets something, in order."""
        self.by_consumer: dict[int, list[Pulled]] = {}
        for one in observed.pulled:
            self.by_operand.setdefault(one.operand, []).append(one)
            self.by_consumer.setdefault(one.consumer, []).append(one)
        self.names: dict[int, str] = {}
        """The variables."""
        self.scribe = Scribe(observed.swept, Writer(self.graph.float))
        self.definitions: dict[int, ast.Expr | None] = {}
        self.prefix = "g_"
        self._decide()

    def cotangent(self, id: int) -> str:
        """The name of a variable's cotangent."""
        return f"{self.prefix}{self.names[id]}"

    def through(self, id: int) -> int:
        """The variable that a node is, or is a part of the expression of."""
        while id not in self.names:
            (id,) = self.readers[id]
        return id

    def distances(self) -> dict[int, int]:
        """For each node that has a cotangent, how many variables stand between the variable that it
        is or is a part of and the result, on the longest way."""
        found: dict[int, int] = {}
        for id in sorted(self.observed.cotangents, reverse=True):
            if id in self.names:
                readers = (one.consumer for one in self.by_operand.get(id, ()))
                found[id] = max((found[reader] + 1 for reader in readers), default=0)
            else:
                found[id] = found[self.through(id)]
        return found

    def written(self, pulled: Pulled) -> ast.Expr | None:
        """What goes back along an edge, in variables; None if it is too long to be read."""
        return self.scribe.term(pulled, self.observed.cotangent_nodes[pulled.consumer])

    def term(self, pulled: Pulled) -> ast.Expr:
        """The same; of what is too long the cotangent times the derivative by its name."""
        written = self.written(pulled)
        if written is not None:
            return written
        consumer, operand = (name(self.names[id]) for id in (pulled.consumer, pulled.operand))
        derivative = call(DERIVATIVE, consumer, operand)
        return product(name(self.cotangent(pulled.consumer)), derivative)

    def _reached(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {id: [] for id in self.own}
        for node in reversed(self.graph.nodes):
            if node.id in found and not self._is_folded(node):
                for operand in node.operands:
                    found.setdefault(operand, []).append(node.id)
        return {id: found[id] for id in sorted(found)}

    def _is_given(self, node: Node) -> bool:
        """Whether a node is computed from nothing that is shown: it is fed, stored, or folded."""
        return node.id in self.stored or self._is_folded(node)

    def _is_folded(self, node: Node) -> bool:
        """Whether a node stands for a derivative of the text, or is a part of one, and is shown
        without the sweep that computes it: the result does not depend on it."""
        return node.sweep != "forward" and node.id not in self.needed

    def _decide(self) -> None:
        """Name variables until everything that is left can be read; each turn names some."""
        needed: set[int] = set()
        while True:
            self._write_forward(needed)
            self._write_reverse()
            unread = {id for id in self._unread() if id not in self.names}
            if not unread:
                return
            needed |= unread

    def _write_forward(self, needed: set[int]) -> None:
        self.names, self.definitions = dict(self.own), {}
        taken, count = {*self.own.values(), *self.graph.names}, dict[str, int]()
        flows_into = bases(reversed(self.readers), self.readers, self.own)
        exprs = self.scribe.exprs = {}
        for id in self.readers:
            node = self.graph.nodes[id]
            definition = None if self._is_given(node) else self.scribe.definition(node)
            self.definitions[id] = definition
            if id not in self.names and (id in needed or self._needs_name(node, definition)):
                self.names[id] = _numbered(flows_into[id], taken, count)
            exprs[id] = name(self.names[id]) if id in self.names else definition
        self.prefix = "g_"
        while any(f"{self.prefix}{variable}" in taken for variable in self.names.values()):
            self.prefix = f"g{self.prefix}"

    def _write_reverse(self) -> None:
        """What the cotangent of every node is written as where it is handed on."""
        cotangents, nodes = self.scribe.cotangents, self.observed.cotangent_nodes
        cotangents.clear()
        for id in sorted(nodes, reverse=True):
            if id in self.names:
                cotangents[id] = name(self.cotangent(id))
            else:
                (pulled,) = self.by_operand[id]
                cotangents[id] = self.written(pulled)

    def _unread(self) -> Iterator[int]:
        """Nodes that need a name so that cotangents can be read: those whose own is too long, with
        what reads them, those whose own is a formula that would be repeated, and those that hand
        on what is too long."""
        cotangents = self.scribe.cotangents
        for id, written in cotangents.items():
            (consumer, *_) = [one.consumer for one in self.by_operand.get(id, ())] or [id]
            if cotangents[consumer] is None:
                continue  # with that named, this may be short
            if written is None:
                yield id
                yield consumer
            elif self._hands_on_too_much(id) or (
                _is_plain(cotangents[consumer]) and self._is_repeated(id, written)
            ):
                yield id

    def _hands_on_too_much(self, id: int) -> bool:
        """Whether what a node without a name hands to a variable cannot be read."""
        if id in self.names:
            return False
        edges = (one for one in self.by_consumer.get(id, ()) if one.operand in self.names)
        return any(self.written(one) is None for one in edges)

    def _is_repeated(self, id: int, cotangent: ast.Expr) -> bool:
        """Whether a formula for the cotangent of a node is written in many others."""
        return not _is_plain(cotangent) and self._occurrences(id) >= OFTEN

    def _occurrences(self, id: int) -> int:
        """How often a variable that has a cotangent stands in the expression of a node."""
        count, pending = 0, [id]
        while pending:
            for pulled in self.by_consumer.get(pending.pop(), ()):
                if pulled.operand in self.names:
                    count += 1
                else:
                    pending.append(pulled.operand)
        return count

    def _needs_name(self, node: Node, definition: ast.Expr | None) -> bool:
        if is_number(node) or (node.type.weak and definition is not None):
            return False
        if definition is None or len(flat(definition)) > ROOM:
            return True
        if node.op.random or node.id == self._target():
            return True
        plain = node.id not in self.observed.cotangents and (is_silent(node) or node.op.leaf)
        often = len(self.readers[node.id]) > 1 and not plain
        return often or not self._is_linear(node)

    def _target(self) -> int | None:
        return None if self.observed.of is None else self.graph.names[self.observed.of]

    def _is_linear(self, node: Node) -> bool:
        """Whether what a node hands to an operand depends on neither that nor its own value."""
        nodes, first = self.observed.swept.nodes, len(self.graph.nodes)
        for pulled in self.by_consumer.get(node.id, ()):
            pending = [pulled.rule]
            while pending:
                id = pending.pop()
                if id in (node.id, pulled.operand):
                    return False
                if id >= first and id != self.observed.cotangent_nodes[node.id]:
                    pending += nodes[id].operands
        return True


def _is_plain(cotangent: ast.Expr | None) -> bool:
    """Whether a cotangent is another's, at most with a sign."""
    if isinstance(cotangent, ast.Unary):
        cotangent = cotangent.operand
    return isinstance(cotangent, ast.Name)


def _own_names(observed: Observed) -> dict[int, str]:
    """The names of the file; of several nodes of one name all but one get a number."""
    names: dict[int, list[str]] = {}
    for each, id in observed.graph.names.items():
        names.setdefault(id, []).append(each)
    taken, count, found = set(observed.graph.names), dict[str, int](), dict[int, str]()
    for id in observed.values:
        own, known = observed.graph.nodes[id].name, names.get(id)
        if known:
            found[id] = own if own in known else known[0]
        elif own is not None:
            found[id] = _numbered(own, taken, count)
    return found


def _numbered(base: str, taken: set[str], count: dict[str, int]) -> str:
    """`h_1`, `h_2`, … on the way to `h`."""
    while True:
        count[base] = count.get(base, 0) + 1
        found = f"{base}_{count[base]}"
        if found not in taken:
            taken.add(found)
            return found
