"""A graph cut down to the results that one program is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graphdsl.graph.build import Expr, resume
from graphdsl.graph.graph import Graph, Result


def restricted(graph: Graph, names: Sequence[str], step: bool) -> Graph:
    """The graph with the purpose's results alone; what is written only for a step."""
    known = {r.name: r for r in graph.results}
    results = tuple(known.get(name) or Result("output", name, graph.names[name]) for name in names)
    graph, results = _typed(graph, results)
    return replace(
        graph,
        results=results,
        writes=graph.writes if step else (),
        params=tuple(replace(v, init=replace(v.init, fill=None)) for v in graph.params),
        states=tuple(replace(v, init=replace(v.init, fill=None)) for v in graph.states),
    )


def _typed(graph: Graph, results: tuple[Result, ...]) -> tuple[Graph, tuple[Result, ...]]:
    """Results that are untyped numbers as tensors: what is handed out has an element type."""
    if not any(graph.nodes[r.node].type.weak for r in results):
        return graph, results
    builder, made = resume(graph, "forward"), []
    for result in results:
        type = graph.nodes[result.node].type
        if type.weak:
            dtype = graph.float if type.dtype.is_float else type.dtype
            cast = builder.cast(Expr(builder, result.node), dtype)
            result = replace(result, node=cast.id)
        made.append(result)
    return replace(graph, nodes=tuple(builder.nodes)), tuple(made)
