"""What a node of a graph has to do at sizes that are numbers: operations and bytes."""

from __future__ import annotations

from collections.abc import Mapping

from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.kernel import bound


def work(graph: Graph, node: Node, sizes: Mapping[str, int]) -> tuple[int, int]:
    """The multiplications and additions of one node, if it is a product, and the bytes of its
    operands and its result."""
    result = bound(node.type, sizes)
    operands = [bound(graph.nodes[id].type, sizes) for id in node.operands]
    nbytes = sum(type.nbytes for type in (result, *operands) if not type.weak)
    if node.op.flops is None:
        return 0, nbytes
    return node.op.flops(result, *operands, **node.attributes()), nbytes
