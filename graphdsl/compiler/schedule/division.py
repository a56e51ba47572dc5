"""A step in two: sums over parts of the batch, one part a worker, and what is made of the sums.

A graph comes in; two go out. Of the first, `rows`, every worker runs a program of its own on its
rows of the batch: forward, reverse, and what they add to the weights' gradients and to the loss.
The second, `rest`, adds up what the workers have found and updates the parameters. Nothing else is
handed over, so that the workers meet once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from graphdsl.compiler.schedule.rows import Share, find_shares
from graphdsl.graph.build import Builder, Expr, rebuild, resume
from graphdsl.graph.graph import Graph, Node, Result, Write
from graphdsl.graph.layout import Layout, aligned
from graphdsl.graph.op import OPS
from graphdsl.graph.rows import SUMMED, Rows
from graphdsl.graph.sizes import evaluate
from graphdsl.graph.types import TensorType, leading_symbol


@dataclass(frozen=True, slots=True)
class Division:
    """The two graphs. `symbol` is the size that counts the rows of the batch; where `rows` needs
    it as a number it is that of the whole batch, so that sizes bound to a worker's part give the
    worker's program."""

    rows: Graph
    rest: Graph
    symbol: str


def divide(graph: Graph, sizes: Mapping[str, int], layout: Layout, workers: int) -> Division | None:
    """The division of a step's graph among workers, or None where some row of the batch needs
    others, or a result has rows."""
    symbol = leading_symbol(graph.nodes[id].type for id in graph.inputs)
    if symbol is None or sizes[symbol] < workers:
        return None
    shares = find_shares(graph, sizes, symbol)
    if shares is None or not _can_be_fed(graph, shares):
        return None
    sums = _find_sums(graph, shares)
    if not sums or any(isinstance(shares[id], Rows) for id in graph.roots()):
        return None
    places = dict(_places(graph, sizes, layout, sums))
    rows = _rows_graph(graph, sizes, places)
    return Division(rows, _rest_graph(graph, places, workers), symbol)


def _can_be_fed(graph: Graph, shares: Sequence[Share]) -> bool:
    """Whether each input is fed whole, or has its rows in the first axis."""
    found = (shares[id] for id in graph.inputs)
    return all(not isinstance(share, Rows) or share == Rows(0) for share in found)


def _find_sums(graph: Graph, shares: Sequence[Share]) -> list[int]:
    """The sums over rows that something else is made of, or that are wanted themselves."""
    read = {id for n in graph.nodes if shares[n.id] == "after" for id in n.operands}
    wanted = read | set(graph.roots())
    return [id for id, share in enumerate(shares) if share == SUMMED and id in wanted]


def _places(
    graph: Graph, sizes: Mapping[str, int], layout: Layout, sums: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """(node, where it begins in its type's flat array): gradients lie as their parameters do, so
    that those of a group are added up in one go; other sums follow."""
    nodes, ends = graph.nodes, dict(layout.param_sizes)
    own: dict[int, int] = {}
    for parameter, gradient in graph.gradients:
        place = layout.params[nodes[parameter].name or ""]
        if place.dtype is nodes[gradient].type.dtype:
            own.setdefault(gradient, place.offset)
    for id in sums:
        type = nodes[id].type
        if id in own:
            yield id, own[id]
            continue
        start = ends.get(type.dtype, 0)
        yield id, start
        ends[type.dtype] = start + aligned(evaluate(type.size, sizes), type.dtype)


# --- the workers' graph -------------------------------------------------------------------------


def _rows_graph(graph: Graph, sizes: Mapping[str, int], places: Mapping[int, int]) -> Graph:
    """What the sums are made of; they are written into the first worker's flat arrays."""
    targets: list[int] = []

    def prepare(builder: Builder, node: Node, operands: tuple[Expr, ...]) -> Expr | None:
        if node.id in places:  # its place comes first, so that it is computed there
            targets.append(_part(builder, 0, node.type, places[node.id]).id)
        if node.op is not OPS["extent"]:
            return None
        return builder.number(evaluate(node.attributes()["size"], sizes))

    results = tuple(Result("output", str(id), id) for id in places)
    bare = replace(graph, results=results, writes=(), gradients=())
    found = rebuild(bare, prepare, graph.reaching(places))
    builder = resume(found, "reverse")
    writes = []
    for target, result in zip(targets, found.results, strict=True):
        value = Expr(builder, result.node)
        if value.node.op.view is not None:
            value = OPS["copy"](value)  # a view has no place of its own
        writes.append(Write(target, value.id))
    return replace(found, nodes=tuple(builder.nodes), results=(), writes=tuple(writes))


def _part(builder: Builder, worker: int, type: TensorType, start: int) -> Expr:
    """The leaf for what one worker has found."""
    return builder.apply(OPS["part"], (), {"worker": worker, "type": type, "start": start})


# --- what is made of the sums -------------------------------------------------------------------


def _rest_graph(graph: Graph, places: Mapping[int, int], workers: int) -> Graph:
    """The graph with the workers' parts added up in the place of each sum."""
    packs = dict(_whole_packs(graph, places))
    packed = {id for pack in packs for id in graph.nodes[pack].operands}
    starts = {**places, **packs}

    def add_parts(builder: Builder, node: Node, operands: tuple[Expr, ...]) -> Expr | None:
        if node.id not in starts:
            return None
        parts = [_part(builder, w, node.type, starts[node.id]) for w in range(workers)]
        return reduce(Expr.__add__, parts)

    cut = replace(
        graph,
        nodes=tuple(replace(n, operands=()) if n.id in starts else n for n in graph.nodes),
        gradients=tuple(pair for pair in graph.gradients if pair[1] not in packed),
    )
    return rebuild(cut, add_parts, cut.reaching([*cut.roots(), *cut.inputs]))


def _whole_packs(graph: Graph, places: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """(node, start) of the gradients side by side that workers have found in just these places."""
    offsets = _offsets(graph, places)
    for node in graph.nodes:
        if node.op is OPS["pack"] and all(id in offsets for id in node.operands):
            yield node.id, node.attributes()["start"]


def _offsets(graph: Graph, places: Mapping[int, int]) -> dict[int, int]:
    """The gradients that are sums, each of one parameter alone, and where they lie."""
    counts = Counter(gradient for _, gradient in graph.gradients)
    return {g: places[g] for g, count in counts.items() if g in places and count == 1}
