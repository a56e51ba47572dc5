"""What each node of a graph has to do with the rows of a batch, one symbol of the sizes.

A graph comes in, and for each node where the rows stand in it, that it is a sum over them, that it
is computed from such sums, or that it has nothing to do with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.kernel import bound
from graphdsl.graph.op import OPS
from graphdsl.graph.rows import SUMMED, Asked, Rows, Summed, depends
from graphdsl.graph.sizes import Opaque, Poly, Size, evaluate, symbols
from graphdsl.ops.row_rules import by_element

Share = Rows | Summed | Literal["apart", "after"]
"""Where the rows stand; or that a node is a sum over them, the same for all of them, or computed
from such sums."""


def find_shares(graph: Graph, sizes: Mapping[str, int], symbol: str) -> list[Share] | None:
    """The share of every node; None where some row of the batch needs others."""
    finder = _Finder(graph, sizes, symbol)
    for node in graph.nodes:
        share = finder.find(node)
        if share is None:
            return None
        finder.shares.append(share)
    return finder.shares


@dataclass(slots=True)
class _Finder:
    graph: Graph
    sizes: Mapping[str, int]
    symbol: str
    shares: list[Share] = field(default_factory=list)

    def find(self, node: Node) -> Share | None:
        """The share of a node whose operands' are known."""
        axes = [i for i, size in enumerate(node.type.shape) if self.symbol in symbols(size)]
        found = {self.shares[id] for id in node.operands}
        if not axes and not any(isinstance(share, Rows) for share in found):
            return self._without_rows(node)
        if found & {SUMMED, "after"} or len(axes) > 1:
            return None
        expected = self._expected(node, axes[0]) if axes else None
        share = expected if node.op is OPS["input"] else self._asked(node, expected)
        stands = share.axis if isinstance(share, Rows) else None
        agrees = axes == ([] if share == SUMMED else [stands])
        return share if agrees and (expected is not None or not axes) else None

    def _without_rows(self, node: Node) -> Share | None:
        """A sum of sums is one, and so is a view of one; what else is made of them comes after.
        What stands where the number of rows says stands elsewhere for a part of them."""
        if node.op is not OPS["extent"] and depends(node.attrs, self.symbol):
            return None
        found = [self.shares[id] for id in node.operands]
        if "after" not in found and SUMMED not in found:
            return "apart"
        whole = all(share == SUMMED for share in found)
        return SUMMED if whole and (node.op.view is not None or _is_linear(node)) else "after"

    def _expected(self, node: Node, axis: int) -> Rows | None:
        """The rows one behind the other in an axis whose size is a multiple of the batch."""
        size = node.type.shape[axis]
        count, batch = evaluate(size, self.sizes), self.sizes[self.symbol]
        return Rows(axis, count // batch) if _is_multiple(size, self.symbol) else None

    def _asked(self, node: Node, expected: Rows | None) -> Rows | Summed | None:
        """What the op says."""
        rule = node.op.rows or (by_element if node.op.elementwise else None)
        if rule is None or node.op.random:
            return None
        shares = [self.shares[id] for id in node.operands]
        return rule(
            Asked(
                bound(node.type, self.sizes),
                [bound(self.graph.nodes[id].type, self.sizes) for id in node.operands],
                [share if isinstance(share, Rows) else None for share in shares],
                node.attributes(),
                self.sizes[self.symbol],
                self.symbol,
                expected,
            )
        )


def _is_multiple(size: Size, symbol: str) -> bool:
    """Whether every term of a size has the symbol as one plain factor."""
    if not isinstance(size, Poly):
        return False
    return all(
        sum(symbol in _names(atom) for atom, _ in monomial) == 1 and (symbol, 1) in monomial
        for monomial, _ in size.terms
    )


def _names(atom: str | Opaque) -> set[str]:
    return {atom} if isinstance(atom, str) else set().union(*map(symbols, atom.args))


def _is_linear(node: Node) -> bool:
    """Whether an op adds up its operands, each times a number of its own."""
    partials = node.op.partials
    constant = bool(partials) and all(p and "{" not in p for p in partials)
    return node.op.elementwise and constant and node.type.dtype.is_float
