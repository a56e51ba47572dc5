"""Cotangents held transposed, where small products are quicker on them: graph to graph.

The reverse sweep of a layer is `g @ W.T`. Both operands have the axis that is summed over last, and
kernels for small matrices are slow at just that: they take 1.7 times as long as for any other
order. `(W @ g.T).T` is the same product, and quick where g.T is what lies in memory. So the
cotangents from one product to the next are computed transposed; where they meet an array that is
not, it is read across its rows, which is slow in its turn. Of the one and the other the cheaper is
chosen, by the sizes; the values are the same to rounding.
"""

from __future__ import annotations

from collections.abc import Mapping

from graphdsl.graph.build import Builder, Expr, rebuild
from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.op import OPS
from graphdsl.graph.sizes import evaluate

LARGEST = 100**3
"""Multiplications of a product up to which there are kernels for small matrices."""

ACROSS = 64
"""Multiplications of slow products for which an element may be read across its rows: that takes
0.35 nanoseconds more, and 64 multiplications 0.44 (64 rows of 64, AVX-512)."""


def turn(graph: Graph, sizes: Mapping[str, int]) -> Graph:
    """The graph with cotangents transposed if that pays for these sizes; else the graph itself."""
    turner = _Turner(graph, sizes)
    turned = turner.choose()
    if not turned or turner.gained(turned) <= ACROSS * turner.read_across(turned):
        return graph

    def turn_over(builder: Builder, node: Node, operands: tuple[Expr, ...]) -> Expr | None:
        if node.id not in turned:
            return None
        over = [_transposed(x) for x in operands]
        if node.id in turner.slow:
            return OPS["swap"](over[1] @ over[0])
        ids, type = tuple(x.id for x in over), node.type.with_shape(node.type.shape[::-1])
        return OPS["swap"](builder.add(node.op, ids, node.attrs, type, node.name))

    return rebuild(graph, turn_over)


def _transposed(x: Expr) -> Expr:
    """A matrix the other way round, a scalar as it is."""
    if not x.type.rank:
        return x
    return x.operands[0] if x.node.op is OPS["swap"] else OPS["swap"](x)


class _Turner:
    """A graph at sizes that are numbers, while it is chosen what to turn over."""

    def __init__(self, graph: Graph, sizes: Mapping[str, int]) -> None:
        self.nodes, self.sizes = graph.nodes, sizes
        self._placed = {write.value for write in graph.writes}
        self._placed |= {gradient for _, gradient in graph.gradients}
        self._placed |= {result.node for result in graph.results}
        self.slow = {node.id for node in self.nodes if self._is_slow(node)}
        """The products `g @ W.T` of small matrices."""

    def choose(self) -> set[int]:
        """The slow products, and what is computed from their results element by element on the way
        to the next one's cotangent."""
        able: set[int] = set()
        for node in self.nodes:
            if node.id in self.slow or (self._is_by_element(node) and able & {*node.operands}):
                able.add(node.id)
        found = set(self.slow)
        pending = [self.nodes[id].operands[0] for id in self.slow]
        while pending:
            id = pending.pop()
            if id in able and id not in found:
                found.add(id)
                pending += self.nodes[id].operands
        return found

    def gained(self, turned: set[int]) -> int:
        """The multiplications of slow products that become quick: their cotangent is turned over
        already."""
        quick = (id for id in self.slow if self.nodes[id].operands[0] in turned)
        return sum(map(self._count_multiplications, quick))

    def read_across(self, turned: set[int]) -> int:
        """The elements that are read across their rows: of what is not turned over beside what is,
        and the other way round, except by products, which read either."""
        products = (OPS["matmul"], OPS["swap"], OPS["sum"])
        return sum(
            self._count_elements(operand)
            for node in self.nodes
            if node.id not in self.slow and node.op not in products
            for operand in node.operands
            if self.nodes[operand].type.rank and (operand in turned) != (node.id in turned)
        )

    def _is_slow(self, node: Node) -> bool:
        if node.op is not OPS["matmul"] or node.type.rank != 2 or node.sweep != "reverse":
            return False
        g, weights = (self.nodes[id] for id in node.operands)
        if weights.op is not OPS["swap"] or g.op is OPS["swap"] or g.type.rank != 2:
            return False
        apart = node.id not in self._placed and not self.nodes[weights.operands[0]].op.view
        return apart and self._count_multiplications(node.id) <= LARGEST

    def _is_by_element(self, node: Node) -> bool:
        """Whether it computes a matrix from such matrices and scalars, for nothing but others to
        read."""
        if not node.op.elementwise or node.op.random or node.op is OPS["copy"]:
            return False
        types = [self.nodes[id].type for id in node.operands]
        alike = all(type.shape in ((), node.type.shape) for type in types)
        return node.type.rank == 2 and alike and node.id not in self._placed

    def _count_elements(self, id: int) -> int:
        return evaluate(self.nodes[id].type.size, self.sizes)

    def _count_multiplications(self, id: int) -> int:
        inner = self.nodes[self.nodes[id].operands[0]].type.shape[-1]
        return self._count_elements(id) * evaluate(inner, self.sizes)
