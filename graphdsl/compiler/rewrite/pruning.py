"""Dead nodes: a graph comes in, the same graph without what nothing needs goes out."""

from __future__ import annotations

from graphdsl.graph.build import rebuild
from graphdsl.graph.graph import Graph


def prune(graph: Graph) -> Graph:
    """Without the nodes that no result, write or gradient needs, inputs among them."""
    return rebuild(graph, keep=graph.reaching(graph.roots()))
