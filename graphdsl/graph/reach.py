"""What can be asked of a graph by name: which nodes there are, and what feeds suffice for."""

from __future__ import annotations

from collections.abc import Sequence

from graphdsl.graph.graph import Graph
from graphdsl.graph.sizes import symbols
from graphdsl.language.diagnostics import Diagnostic, UsageError, did_you_mean


def verify_node(graph: Graph, name: str) -> None:
    """Raise `UsageError` unless `name` is a node."""
    if name not in graph.names:
        known = [n for n in graph.names if n]
        help = did_you_mean(name, known) or (f"the nodes are: {', '.join(known[:12])}",)
        raise UsageError(Diagnostic("E0803", f"the model has no node '{name}'", (), help))


def find_reachable(graph: Graph, fed: Sequence[str], names: Sequence[str]) -> list[str]:
    """Those of `names` that depend on nothing but the inputs `fed`, their sizes included."""
    blocked = graph.depending(id for id in graph.inputs if graph.nodes[id].name not in fed)
    given = [graph.nodes[id].type for id in graph.inputs if graph.nodes[id].name in fed]
    bound = {s for type in given for size in type.shape for s in symbols(size)}

    def is_bound(name: str) -> bool:
        needed = graph.reaching([graph.names[name]])
        return all(symbols(size) <= bound for id in needed for size in graph.nodes[id].type.shape)

    return [name for name in names if graph.names[name] not in blocked and is_bound(name)]
