"""Regions: what depends on the states that one update goes through, and on nothing else's.

In comes a graph with its update sweep, out go the runs of nodes of it that can be rewritten with no
regard to the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.op import OPS

_Ids = list[int]


@dataclass(frozen=True, slots=True)
class Region:
    """What depends on states that are updated together, and the products that only it reads:
    nodes in order, and the node that is written to each state's leaf."""

    nodes: Sequence[Node]
    written: Mapping[int, int]

    def describe(self, graph: Graph) -> object:
        """What regions have in common in which nodes of the same types compute the same, of the
        same numbers, in the same order."""
        places = {node.id: place for place, node in enumerate(self.nodes)}

        def read(id: int) -> object:
            node = graph.nodes[id]
            return places.get(id, (node.type, id if node.type.weak else None))

        lines = [
            (n.op, n.type, () if n.op.leaf else repr(n.attrs), tuple(map(read, n.operands)))
            for n in self.nodes
        ]
        written = [(places[leaf], places.get(copied)) for leaf, copied in self.written.items()]
        return tuple(lines), tuple(written)


def find_regions(graph: Graph) -> Iterator[Region]:
    """The regions of the states whose unit is free, where nothing but writes needs their nodes."""
    written = {w.target: w.value for w in graph.writes if _is_free(graph.nodes[w.target])}
    region_of = _cones(graph, written)
    seen_outside = _seen_outside(graph)
    products = _own_products(graph, region_of, seen_outside)
    for ids in {id(ids): ids for ids in region_of.values()}.values():
        if seen_outside.isdisjoint(ids):
            kept = sorted([*ids, *products[id(ids)]])
            nodes = [graph.nodes[i] for i in kept]
            yield Region(nodes, {i: written[i] for i in ids if i in written})


def _is_free(leaf: Node) -> bool:
    return leaf.op is OPS["slot"] and leaf.attributes()["unit"] == 1


def _cones(graph: Graph, leaves: Mapping[int, int]) -> dict[int, _Ids]:
    """The nodes that depend on the leaves, each with all that are joined to it by a reader."""
    cones: dict[int, _Ids] = {}
    for node in graph.nodes:
        met = {id(cones[i]): cones[i] for i in node.operands if i in cones}
        if not met and node.id not in leaves:
            continue
        joined, *others = sorted(met.values(), key=len, reverse=True) or [[]]
        for other in others:
            joined += other
            cones |= dict.fromkeys(other, joined)
        joined.append(node.id)
        cones[node.id] = joined
    return cones


def _seen_outside(graph: Graph) -> set[int]:
    """Nodes that something else than the update looks at, or that are written as they are."""
    found = {*graph.names.values(), *(r.node for r in graph.results)}
    found |= {id for pair in graph.gradients for id in pair}
    return found | {w.value for w in graph.writes if graph.nodes[w.value].op is not OPS["copy"]}


def _own_products(
    graph: Graph, region_of: Mapping[int, _Ids], seen_outside: set[int]
) -> Mapping[int, _Ids]:
    """By region, the tensors times numbers, made outside, that it alone reads."""
    found = [node.id for node in graph.nodes if node.sweep == "update" and _is_product(graph, node)]
    outside = set(found) - region_of.keys() - seen_outside
    readers: dict[int, set[int]] = {id: set() for id in outside}
    for node in graph.nodes:
        for operand in outside.intersection(node.operands):
            readers[operand].add(id(region_of.get(node.id)))
    products: dict[int, _Ids] = defaultdict(list)
    for product, regions in readers.items():
        if len(regions) == 1 and id(None) not in regions:
            products[regions.pop()].append(product)
    return products


def _is_product(graph: Graph, node: Node) -> bool:
    """Whether a tensor is multiplied or divided by an untyped number."""
    if node.type.weak or node.op not in (OPS["mul"], OPS["div"]):
        return False
    left, right = (graph.nodes[id].type.weak for id in node.operands)
    return right or (left and node.op is OPS["mul"])
