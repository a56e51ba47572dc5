"""Derivatives of a result along a direction that is fed, as `hvp` and `jvp` from Python ask for."""

from __future__ import annotations

from dataclasses import replace

from graphdsl.compiler.differentiate import expand_gradients
from graphdsl.graph.build import Expr, resume
from graphdsl.graph.graph import Graph, Result
from graphdsl.graph.op import OPS

DIRECTION = "·v"
"""The input that a direction is fed by; no name of a file begins so."""


def derive(graph: Graph, derivative: str, wrt: int) -> Graph:
    """The graph with a derivative of its one result with respect to a node as the only result:
    `derivative` names an op of these two, and of a direction where it takes three operands."""
    builder = resume(graph, "reverse")
    (result,), op, inputs = graph.results, OPS[derivative], graph.inputs
    operands = [Expr(builder, result.node), Expr(builder, wrt)]
    if len(op.operands) == 3:
        type = operands[1].type
        operands.append(builder.add(OPS["input"], (), (("type", type),), type, DIRECTION))
        inputs = (*inputs, operands[-1].id)
    found = Result("output", derivative, builder.apply(op, operands).id)
    nodes = tuple(builder.nodes)
    return expand_gradients(replace(graph, nodes=nodes, results=(found,), inputs=inputs))
