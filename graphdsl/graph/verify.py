"""Invariants of a graph: tests look at them behind each pass, a user's program never does."""

from __future__ import annotations

from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.types import TensorType
from graphdsl.language.diagnostics import InternalError


def verify_graph(graph: Graph) -> None:
    """Raise `InternalError` unless ids, order, types and roles hold together."""
    for position, node in enumerate(graph.nodes):
        if node.id != position:
            raise InternalError(f"node {node.id} stands at {position}")
        if any(operand >= node.id for operand in node.operands):
            raise InternalError(f"{node} reads what comes after it")
        if not node.op.variadic and len(node.operands) != len(node.op.operands):
            raise InternalError(f"{node} has {len(node.operands)} operands")
        _verify_type(graph, node)
    _verify_roles(graph)


def _verify_type(graph: Graph, node: Node) -> None:
    """The type is the one the op's rule gives, weak where every operand is."""
    types = [graph.nodes[i].type for i in node.operands]
    inferred = node.op.infer(*types, **node.attributes())
    expected = TensorType(inferred.dtype, inferred.shape, node.type.weak)
    if node.type != expected:
        raise InternalError(f"{node} has the type {node.type}; its rule gives {inferred}")
    if node.op.elementwise and types and node.type.weak != all(t.weak for t in types):
        raise InternalError(f"{node} is {'' if node.type.weak else 'not '}weak")


def _verify_roles(graph: Graph) -> None:
    count = len(graph.nodes)
    ids = [*graph.names.values(), *graph.roots(), *graph.inputs]
    ids += [v.node for v in (*graph.params, *graph.states)]
    ids += [param for param, _ in graph.gradients]
    if any(not 0 <= id < count for id in ids):
        raise InternalError("a role points at no node")
    for write in graph.writes:
        target, value = graph.nodes[write.target], graph.nodes[write.value]
        if not target.op.leaf:
            raise InternalError(f"{target} is written and no leaf")
        if (target.type.dtype, target.type.shape) != (value.type.dtype, value.type.shape):
            raise InternalError(f"{value.type} is written to {target.type}")
    for param, gradient in graph.gradients:
        if graph.nodes[param].type != graph.nodes[gradient].type:
            raise InternalError(f"the gradient of {graph.nodes[param]} has another type")
