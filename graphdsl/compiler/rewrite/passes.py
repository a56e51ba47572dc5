"""The passes of rewriting, each from graph to graph.

`PASSES` lists them in order, each with its reason. A pass is pure, and roles follow their nodes.
Passes make room for one another: all of them run twice may still find a node to save.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from graphdsl.compiler.rewrite.simplify import simplify
from graphdsl.graph.build import Builder, Expr, rebuild, resume
from graphdsl.graph.graph import Graph, Node, Result
from graphdsl.graph.op import OPS

Pass = Callable[[Graph], Graph]


def rewrite(
    graph: Graph,
    passes: tuple[Pass, ...] | None = None,
    check: Callable[[Graph], None] | None = None,
) -> Graph:
    """The graph after `passes`, by default all of `PASSES`; `check` sees it after each."""
    for step in PASSES if passes is None else passes:
        graph = step(graph)
        if check is not None:
            check(graph)
    return graph


def prune(graph: Graph) -> Graph:
    """Without the nodes that no result, write or gradient needs, inputs among them."""
    return rebuild(graph, keep=graph.reaching(graph.roots()))


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


def share(graph: Graph) -> Graph:
    """Equal nodes made one: the same op on the same operands; random ops stay apart."""
    seen: dict[object, Expr] = {}

    def merge(builder: Builder, node: Node, operands: tuple[Expr, ...]) -> Expr | None:
        if node.op.random or node.op in (OPS["input"], OPS["param"], OPS["state"], OPS["copy"]):
            return None
        # repr tells 1 from 1.0 and True, and 0.0 from -0.0, which compare equal
        attrs = repr(node.attrs) if node.attrs else ""
        key = (node.op, tuple(x.id for x in operands), attrs, node.type)
        if key not in seen:
            ids = tuple(x.id for x in operands)
            seen[key] = builder.add(node.op, ids, node.attrs, node.type, node.name)
        return seen[key]

    return rebuild(graph, merge)


def settle(graph: Graph) -> Graph:
    """Without the copies that no place needs.

    Gradients and written values are copies as they are built. Where what is copied was computed
    for the purpose, it goes to the place itself; a leaf, a view or another's value stays copied.
    """
    pinned = {id for _, id in graph.gradients} | {w.value for w in graph.writes}
    taken: set[int] = set()

    def drop(builder: Builder, node: Node, operands: tuple[Expr, ...]) -> Expr | None:
        if node.id not in pinned or node.op is not OPS["copy"]:
            return None
        (x,) = operands
        if x.node.op.leaf or x.node.op.view or x.type.weak or x.id in taken:
            return None
        taken.add(x.id)
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
    simplify,  # while patterns are still as the rules wrote them
    share,  # after simplifying, which makes nodes equal that were not
    simplify,  # once more: sharing brings operands together
    prune,  # what the rules left behind
    settle,  # last: no pass may undo a copy that a place needs
)
