"""Functions of one value that are written as several nodes: `x * sigmoid(x)`, a normalisation."""

from __future__ import annotations

from collections.abc import Collection

from graphdsl.graph.graph import Graph, Node

FARTHEST = 200
"""Nodes that are looked at before it is given up."""


def find_single_source(graph: Graph, node: Node, live: Collection[int]) -> int | None:
    """The one value of the node's shape that everything it computes comes from by plain functions;
    None if there is none."""
    pending = {id for id in node.operands if id in live}
    for _ in range(FARTHEST):
        if len(pending) == 1:
            (source,) = pending
            return source if graph.nodes[source].type.shape == node.type.shape else None
        inner = graph.nodes[max(pending)]
        pending.remove(inner.id)
        data = [id for id in inner.operands if id in live]
        if not data or not is_plain(inner, data):
            return None
        pending |= set(data)
    return None


def is_plain(node: Node, data: Collection[int]) -> bool:
    """Whether a node is a function of its data alone, element by element or along an axis."""
    return node.op.elementwise or len(node.operands) == len(data) == 1


def hands_on(node: Node) -> bool:
    """Whether a node has the numbers of its operand, whatever their type."""
    return len(node.operands) == 1 and node.op.formula == node.op.operands[0]


def adds(node: Node) -> bool:
    """Whether a node is the sum of its two operands, by its derivatives."""
    return node.op.partials == ("1", "1")


def subtracts(node: Node) -> bool:
    """Whether it is their difference."""
    return node.op.partials == ("1", "-1")


def multiplies(node: Node) -> bool:
    """Whether it is their product."""
    return node.op.partials == ("{b}", "{a}")
