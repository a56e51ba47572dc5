"""Common subexpressions: a graph comes in, the same graph with equal nodes made one goes out."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphdsl.graph.build import Builder, Expr, rebuild, take_over
from graphdsl.graph.graph import Graph, Node

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
        key = _key(node, operands)
        if key not in self.found:
            self.found[key] = take_over(builder, node, operands).id
        return Expr(builder, self.found[key])

    def adopt(self, x: Expr) -> Expr:
        """The node that is there like `x`, which stands in the graph already, or `x` itself."""
        if x.node.op.random or x.node.op.name in _APART:
            return x
        return Expr(x.builder, self.found.setdefault(_key(x.node, x.node.operands), x.id))


def _key(node: Node, operands: tuple[int, ...]) -> object:
    # repr tells 1 from 1.0 and True, and 0.0 from -0.0, which compare equal
    attrs = repr(node.attrs) if node.attrs else ""
    return node.op, operands, attrs, node.type
