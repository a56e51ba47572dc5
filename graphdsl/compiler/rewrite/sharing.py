"""Common subexpressions: a graph comes in, the same graph with equal nodes made one goes out.

Nodes are equal that compute the same bits: `x * y` and `y * x`, sums over axis 1 and over axis -1
of a matrix.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from graphdsl.graph.build import Builder, Expr, rebuild, take_over
from graphdsl.graph.graph import Graph, Node
from graphdsl.ops.rules import axes_of

_APART = ("input", "param", "state", "copy")


def share(graph: Graph) -> Graph:
    """Equal nodes made one: the same op on the same operands; random ops stay apart."""
    pool = Pool()

    def merge(builder: Builder, node: Node, operands: tuple[Expr, ...]) -> Expr:
        return pool.add(builder, node, tuple(x.id for x in operands))

    return rebuild(graph, merge)


@dataclass(frozen=True, slots=True)
class Pool:
    """The nodes of a graph under construction, each there once."""

    found: dict[object, int] = field(default_factory=dict)

    def add(self, builder: Builder, node: Node, operands: tuple[int, ...]) -> Expr:
        """`node` on these operands: the one that is there, or a new one."""
        if node.op.random or node.op.name in _APART:
            return take_over(builder, node, operands)
        key = _key(builder, node, operands)
        if key not in self.found:
            self.found[key] = take_over(builder, node, operands).id
        return Expr(builder, self.found[key])

    def adopt(self, x: Expr) -> Expr:
        """The node that is there like `x`, which stands in the graph already, or `x` itself."""
        if x.node.op.random or x.node.op.name in _APART:
            return x
        key = _key(x.builder, x.node, x.node.operands)
        return Expr(x.builder, self.found.setdefault(key, x.id))


def _key(builder: Builder, node: Node, operands: tuple[int, ...]) -> object:
    """What equal nodes have in common."""
    if node.op.commutes:
        operands = tuple(sorted(operands))
    # repr tells 1 from 1.0 and True, and 0.0 from -0.0, which compare equal
    attrs = repr(_counted(builder, node, operands)) if node.attrs else ""
    return node.op, operands, attrs, node.type


def _counted(builder: Builder, node: Node, operands: tuple[int, ...]) -> list[tuple[str, object]]:
    """The attributes of a node, axes counted from the first; no axis at all may mean all of them
    in one op and the elements in a row in another."""
    found = dict(node.attrs)
    for name, attribute in node.op.attributes.items():
        if attribute.kind == "axes" or (attribute.kind == "axis" and found[name] is not None):
            counted = node if attribute.counts == "result" else builder.nodes[operands[0]]
            found[name] = axes_of(found[name], counted.type.rank)
    return list(found.items())
