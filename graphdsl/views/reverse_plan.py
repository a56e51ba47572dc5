"""What the lines of a printed sweep are: a graph with its cotangents comes in; which nodes get a
line, under which names, and what each is written from goes out.

A line stands for a node that the file names, for the cotangent of a node, and for what is used more
than once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from graphdsl.graph.build import Expr
from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.op import OPS
from graphdsl.graph.sizes import Poly, symbols
from graphdsl.ops import formulas
from graphdsl.views.reverse_names import bases, own_names


@dataclass(slots=True)
class Sweep:
    """What is seen while cotangents are made."""

    cotangents: dict[int, int] = field(default_factory=dict)
    """The cotangent of each node that the sweep passes."""
    owners: dict[int, int] = field(default_factory=dict)
    """The node that a cotangent is named after."""

    def mark(self, node: Node, total: Expr) -> Expr:
        """Give each named node a cotangent of its own; one that only hands it on has none."""
        if total.id in self.owners and node.name is not None:
            before = total.builder.nodes[self.owners[total.id]]
            if before.name is not None:
                total = OPS["identity"](total)
        elif node.name is None and (total.id in self.owners or node.op.view is not None):
            self.cotangents[node.id] = total.id
            return total
        self.owners[total.id] = node.id
        self.cotangents[node.id] = total.id
        return total


class Plan:
    """The lines of a sweep whose `wanted` nodes are results, gradients apart."""

    def __init__(self, graph: Graph, sweep: Sweep, wanted: Sequence[int]) -> None:
        self.graph, self.sweep = graph, sweep
        self.same: dict[int, int] = {}
        """What each node is written as: another, or itself."""
        self.numbers: dict[int, bool | float] = {}
        """The nodes that are numbers."""
        self._settle()
        for wrt, gradient in graph.gradients:
            sweep.owners.setdefault(self.same[gradient], wrt)  # zeros are made behind the sweep
        self.roots = [self.same[id] for id in wanted]
        self.gradients = [self.same[gradient] for _, gradient in graph.gradients]
        self.readers = self._reached()
        """The nodes that are written, each with those that read it, in order."""
        self.bound = self._chosen()
        """The nodes that get a line because of what they are or how often they are used."""
        self.behind = min(sweep.owners, default=len(graph.nodes))
        """Where the sweep begins."""
        self.dims = sorted({dim for id in self.readers for dim in _dims(graph.nodes[id])})
        self.names = self._named()

    def name(self, id: int) -> str:
        """The name of a node, a new one if it has none."""
        if id not in self.names:
            self.names[id] = self._naming.numbered(self._bases[id])
        return self.names[id]

    def operands(self, id: int) -> list[int]:
        """What a node is written from; of a number or an input, nothing."""
        node = self.graph.nodes[id]
        if id in self.numbers or node.op.leaf or node.op.random:
            return []
        return [self.same[operand] for operand in node.operands]

    def _settle(self) -> None:
        """Find what a node is written as: a number, another node, itself."""
        for node in self.graph.nodes:
            operands = [self.same[id] for id in node.operands]
            self.same[node.id] = self._plainer(node, operands)
            known = [self.numbers.get(id) for id in operands]
            if node.op is OPS["number"]:
                self.numbers[node.id] = node.attributes()["value"]
            elif node.type.weak and operands and node.op.scalar and None not in known:
                self.numbers[node.id] = formulas.evaluate(node.op, *known)

    def _plainer(self, node: Node, operands: Sequence[int]) -> int:
        """A node of the same value that is shorter to write, or the node itself."""
        if node.op is OPS["copy"] or (
            node.op is OPS["identity"] and node.name is None and node.id not in self.sweep.owners
        ):
            return operands[0]
        if node.op is OPS["swap"] and self.graph.nodes[operands[0]].op is OPS["swap"]:
            inner = self.graph.nodes[operands[0]]
            return self.same[inner.operands[0]] if inner.name is None else node.id
        if node.op is OPS["power"] and self.numbers.get(operands[1]) == 1:
            base = self.graph.nodes[operands[0]]
            return base.id if base.type == node.type else node.id
        return node.id

    def _reached(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {id: [] for id in (*self.roots, *self.gradients)}
        for node in reversed(self.graph.nodes):
            if node.id in found:
                for operand in self.operands(node.id):
                    found.setdefault(operand, []).append(node.id)
        return {id: sorted(found[id]) for id in sorted(found)}

    def _chosen(self) -> set[int]:
        owned = {self.same[v] for g, v in self.sweep.owners.items() if g in self.readers}
        chosen = set(self.roots)
        for id, readers in self.readers.items():
            node = self.graph.nodes[id]
            if id in self.numbers or node.op is OPS["extent"]:
                continue
            stands_out = node.name is not None or id in self.sweep.owners or id in owned
            often = len(readers) > 1 and node.op is not OPS["swap"]
            if stands_out or often or node.op.leaf or node.op.random:
                chosen.add(id)
        return chosen

    def _named(self) -> dict[int, str]:
        """A name for every node that gets a line because of what it is."""
        graph, owners = self.graph, self.sweep.owners
        forward = [id for id in self.readers if id not in owners]
        wrt = (id for id, _ in graph.gradients)
        names, found = own_names(graph, sorted({*forward, *graph.inputs, *wrt}), self.dims)
        for result in graph.results:
            if self.same[result.node] not in found and self.same[result.node] in self.roots:
                found[self.same[result.node]] = names.own(result.name)
        streams = [id for id in forward if graph.nodes[id].op.random and id not in found]
        found |= {id: names.own(graph.nodes[id].attributes()["stream"]) for id in streams}
        backwards = list(reversed(self.readers))
        base = bases(backwards, self.readers, found)
        for id in forward:
            if id in self.bound and id not in found and id < self.behind:
                found[id] = names.numbered(base[id])
        for id in [id for id in self.readers if id in owners]:
            found[id] = names.cotangent(found[self.same[owners[id]]])
        self._bases = bases(backwards, self.readers, found)
        for id in self.readers:
            if id in self.bound and id not in found:
                found[id] = names.numbered(self._bases[id])
        self._naming = names
        return found


def _dims(node: Node) -> set[str]:
    """The symbols in a node's shape and in its attributes."""
    pending: list[object] = [node.type.shape, *(value for _, value in node.attrs)]
    found: set[str] = set()
    while pending:
        value = pending.pop()
        if isinstance(value, tuple):
            pending += value
        elif isinstance(value, Poly):
            found |= symbols(value)
    return found
