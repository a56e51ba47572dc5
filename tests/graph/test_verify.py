"""What `verify_graph` holds of a graph: each invariant, broken once, is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from graphdsl.driver import Purpose, compile_source
from graphdsl.graph.graph import Graph, Node, Write
from graphdsl.graph.types import DType, TensorType
from graphdsl.graph.verify import verify_graph
from graphdsl.language.diagnostics import InternalError
from graphdsl.language.source import Source

TEXT = "input x: [3]\nparam w: [3] = 1\nparam b = 0\nloss J = sum((w * x + b)^2)\n"


@pytest.fixture
def graph() -> Graph:
    """A loss with its gradients."""
    return compile_source(Source(TEXT)).swept(Purpose(("J",), ("w", "b")))[0]


def changed(graph: Graph, op: str, change: Callable[[Node], Node]) -> Graph:
    """The graph with its first node of an op changed."""
    nodes = list(graph.nodes)
    at = next(node.id for node in nodes if node.op.name == op)
    nodes[at] = change(nodes[at])
    return replace(graph, nodes=tuple(nodes))


BREAKS: dict[str, Callable[[Graph], Graph]] = {
    "stands at": lambda g: replace(g, nodes=g.nodes[1:]),
    "reads what comes after it": lambda g: changed(
        g, "mul", lambda n: replace(n, operands=(n.id, n.operands[1]))
    ),
    "has 1 operands": lambda g: changed(g, "mul", lambda n: replace(n, operands=n.operands[:1])),
    "its rule gives": lambda g: changed(
        g, "mul", lambda n: replace(n, type=TensorType(DType.f32, (4,)))
    ),
    "is weak": lambda g: changed(
        g, "mul", lambda n: replace(n, type=replace(n.type, weak=not n.type.weak))
    ),
    "a role points at no node": lambda g: replace(g, names={"x": len(g.nodes)}),
    "is written and no leaf": lambda g: replace(g, writes=(Write(g.names["J"], g.names["J"]),)),
    "is written to": lambda g: replace(g, writes=(Write(g.names["w"], g.names["J"]),)),
    "has another type": lambda g: replace(g, gradients=((g.names["w"], g.names["b"]),)),
}


def test_a_graph_of_the_compiler_holds(graph: Graph) -> None:
    verify_graph(graph)


@pytest.mark.parametrize("said", BREAKS)
def test_what_does_not_hold_is_told(graph: Graph, said: str) -> None:
    with pytest.raises(InternalError, match=said):
        verify_graph(BREAKS[said](graph))
