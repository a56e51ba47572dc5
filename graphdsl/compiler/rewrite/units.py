"""Units of optimizer states: what they are measured in, so that updates take fewer kernels.

A state that goes s' = β·s + c·x from 0 on is c times another one, S' = β·S + x, which takes a
kernel less to keep; who reads s takes c·S, and mostly has a factor that c joins: Adam's moments go
without their 1 - β. What the state is then stands on its leaf, as the attribute `unit`.

With a unit of 0.001 the stored numbers are 1000 times the state's, and end that much earlier: in
f32 at a mean square of 3e35, where the square of a gradient ends at 3e38.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from graphdsl.compiler.rewrite.factors import ONE, Factor, Maker, Scalars
from graphdsl.compiler.rewrite.outward import Mover, combines
from graphdsl.compiler.rewrite.pruning import prune
from graphdsl.compiler.rewrite.regions import Region, find_regions
from graphdsl.compiler.rewrite.sharing import Pool
from graphdsl.graph.build import Builder, Expr, relocated, resume, take_over
from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.op import OPS

Units = Mapping[int, Factor]
"""The units of states, by the ids of their leaves."""

_ROUNDS = 8
"""How often units may follow from one another before none are chosen."""


def choose_units(graph: Graph) -> Graph:
    """States in the units in which their updates take the fewest kernels, if those are fewer."""
    regions = list(find_regions(graph))
    if not regions:
        return graph
    scalars = Scalars(resume(graph, "update"))
    better = list(_chosen(graph, regions, _Search(scalars)))
    return prune(_moved(graph, scalars, better)) if better else graph


def _chosen(
    graph: Graph, regions: Iterable[Region], search: _Search
) -> Iterator[tuple[Region, Units]]:
    """The regions that take less in other units, and these; equal regions are looked at once."""
    known: dict[object, dict[int, Factor] | None] = {}
    for region in regions:
        description = region.describe(graph)
        if description not in known:
            found = search.best(region)
            places = {node.id: place for place, node in enumerate(region.nodes)}
            known[description] = (
                None if found is None else {places[leaf]: unit for leaf, unit in found.items()}
            )
        units = known[description]
        if units is not None:
            yield region, {region.nodes[place].id: unit for place, unit in units.items()}


class _Cost(NamedTuple):
    """What a run of nodes takes: kernels, and elements that they compute."""

    kernels: int
    elements: int

    def exceeds(self, other: _Cost) -> bool:
        """Whether there is more of anything."""
        return self.kernels > other.kernels or self.elements > other.elements


@dataclass(frozen=True, slots=True)
class _Search:
    """Looks for units; what is tried is built behind the end of the graph, and left there."""

    scalars: Scalars
    pool: Pool = field(default_factory=Pool)

    def best(self, region: Region) -> Units | None:
        """The units with which a region takes least, the fewest of them; None if it is best as it
        is."""
        units, least = self._settled(region, region.written)
        for leaf in sorted(units):
            fewer, cost = self._settled(region, units.keys() - {leaf})
            if not cost.exceeds(least):
                units, least = fewer, cost
        now = _cost(region.nodes)
        return None if least == now or least.exceeds(now) else units

    def _settled(self, region: Region, leaves: Collection[int]) -> tuple[Units, _Cost]:
        """Units for some of the states that follow from one another, and what the region takes
        with them."""
        units: Units = {}
        for _ in range(_ROUNDS):
            first = len(self._builder.nodes)
            mover = self._tried(region, units)
            found = {leaf: self._wanted(mover, region, leaf) for leaf in leaves}
            found = {leaf: unit for leaf, unit in found.items() if not unit.gone}
            if found == units:
                return units, _cost(self._reached(region, mover, first))
            units = found
        return {}, _cost(region.nodes)

    @property
    def _builder(self) -> Builder:
        return self.scalars.builder

    def _tried(self, region: Region, units: Units) -> Mover:
        """The region with its states in these units."""
        builder = self._builder
        maker = Maker(builder, lambda id: Expr(builder, id), self.pool)
        mover = Mover(self.scalars, maker, units, _goals(builder.nodes, region, units))
        for node in region.nodes:
            mover.visit(node, tuple(Expr(builder, id) for id in node.operands))
        return mover

    def _wanted(self, mover: Mover, region: Region, leaf: int) -> Factor:
        """The unit in which what a state is changed by would need no factor."""
        builder = self._builder
        change = builder.nodes[builder.nodes[region.written[leaf]].operands[0]]
        if not combines(change.op):
            return ONE
        terms = [mover.done.get(id) for id in change.operands]
        own = mover.done[leaf].core.id
        for term, other in (terms, reversed(terms)):
            if term is not None and other is not None and term.core.id == own:
                return other.factor if self._is_unit(other.factor) else ONE
        return ONE

    def _is_unit(self, factor: Factor) -> bool:
        return not factor.nodes and factor.tame and self.scalars.is_positive(factor)

    def _reached(self, region: Region, mover: Mover, first: int) -> list[Node]:
        """The nodes from `first` on that are needed for what the region writes."""
        nodes = self._builder.nodes
        needed = {mover.done[node.id].core.id for node in region.nodes if node.op is OPS["copy"]}
        for node in reversed(nodes[first:]):
            if node.id in needed:
                needed.update(node.operands)
        return [node for node in nodes[first:] if node.id in needed]


def _cost(nodes: Iterable[Node]) -> _Cost:
    """Of the nodes that take kernels whatever becomes of them; copies mostly go."""
    taken = [n for n in nodes if not (n.type.weak or n.op.leaf or n.op is OPS["copy"])]
    sizes = [n.type.size for n in taken]
    return _Cost(len(taken), sum(size for size in sizes if isinstance(size, int)))


def _goals(nodes: Sequence[Node], region: Region, units: Units) -> dict[int, Factor]:
    """The units of what is written to states, and of the copies in which it is written."""
    goals = {}
    for leaf, copied in region.written.items():
        unit = units.get(leaf, ONE)
        goals[copied] = goals[nodes[copied].operands[0]] = unit
    return goals


def _moved(graph: Graph, scalars: Scalars, chosen: Iterable[tuple[Region, Units]]) -> Graph:
    """The graph with the states of regions in the units chosen for them."""
    units: dict[int, Factor] = {}
    goals: dict[int, Factor] = {}
    visited: set[int] = set()
    for region, found in chosen:
        units |= found
        goals |= _goals(graph.nodes, region, found)
        visited |= {node.id for node in region.nodes}
    first = min(visited)
    builder, pool = resume(replace(graph, nodes=graph.nodes[:first]), "update"), Pool()
    moved = {id: Expr(builder, id) for id in range(first)}
    for x in moved.values():
        if x.type.weak:
            pool.adopt(x)
    mover = Mover(scalars, Maker(builder, moved.__getitem__, pool), units, goals)
    for node in graph.nodes[first:]:
        builder.sweep, builder.origin = node.sweep, node.origin
        operands = tuple(moved[id] for id in node.operands)
        if node.id in visited:
            moved[node.id] = mover.visit(node, operands)
            continue
        ids = tuple(x.id for x in operands)
        made = take_over(builder, node, ids)
        moved[node.id] = pool.adopt(made) if node.type.weak else made
    return relocated(graph, builder.nodes, {old: new.id for old, new in moved.items()})
