"""The passes of rewriting, each from graph to graph.

`PASSES` lists them in order, each with its reason. A pass is pure, roles follow their nodes, and a
second time changes nothing: neither a pass after itself, nor all of them after all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from graphdsl.compiler.rewrite.pruning import prune
from graphdsl.compiler.rewrite.sharing import share
from graphdsl.compiler.rewrite.simplify import simplify
from graphdsl.compiler.rewrite.units import choose_units
from graphdsl.graph.build import Builder, Expr, rebuild, resume
from graphdsl.graph.graph import Graph, Node, Result
from graphdsl.graph.op import OPS
from graphdsl.language.collector import release_spares

Pass = Callable[[Graph], Graph]


def rewrite(graph: Graph) -> Graph:
    """The graph after all of `PASSES`. What a pass has read is let go when it is done with it."""
    handed = [graph]
    del graph
    for step in PASSES:
        release_spares()
        handed.append(step(handed.pop()))
    return handed.pop()


def decompose(graph: Graph) -> Graph:
    """Every composite op in terms of simpler ones, down to those with kernels."""

    def expand(builder: Builder, node: Node, operands: tuple[Expr, ...]) -> Expr | None:
        if node.op.decompose is None:
            return None
        first = len(builder.nodes)
        made = node.op.decompose(*operands, **node.attributes())
        if any(n.op.decompose for n in builder.nodes[first:]):
            again.append(node)
        return made

    while True:
        again: list[Node] = []
        graph = rebuild(graph, expand)
        if not again:
            return graph


def settle(graph: Graph) -> Graph:
    """Without the copies that no place needs.

    Gradients and written values are copies as they are built. Where what is copied was computed
    for the purpose, it goes to the place itself; a leaf, a view, packed gradients, which nothing
    computes, or another's value stays copied.
    """
    pinned = {id for _, id in graph.gradients} | {w.value for w in graph.writes}
    taken = {id for id in pinned if graph.nodes[id].op is not OPS["copy"]}

    def drop(builder: Builder, node: Node, operands: tuple[Expr, ...]) -> Expr | None:
        if node.id not in pinned or node.op is not OPS["copy"]:
            return None
        (x,), (copied,) = operands, node.operands
        placed = x.node.op.leaf or x.node.op.view or x.node.op is OPS["pack"]
        if placed or x.type.weak or copied in taken:
            return None
        taken.add(copied)
        return x

    settled = rebuild(graph, drop)
    return _detach_results(settled) if graph.writes else settled


def _detach_results(graph: Graph) -> Graph:
    """Results that are leaves or views copied: a leaf is written in place as the step ends."""
    builder = resume(graph, "forward")

    def detached(result: Result) -> Result:
        node = graph.nodes[result.node]
        if not (node.op.leaf or node.op.view):
            return result
        return replace(result, node=builder.apply(OPS["copy"], (Expr(builder, node.id),)).id)

    results = tuple(detached(r) for r in graph.results)
    return replace(graph, nodes=tuple(builder.nodes), results=results)


PASSES: tuple[Pass, ...] = (
    prune,  # first, so that no later pass works on what nothing needs
    decompose,  # before sharing, so that composites share their parts
    share,  # before simplifying, so that no rule works twice on what is one
    simplify,  # keeps shared what it makes: rules see operands that are equal as one
    choose_units,  # when factors have been gathered, and while what is written is a copy of its own
    settle,  # last: no pass may undo a copy that a place needs
)
