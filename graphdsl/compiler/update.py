"""The update sweep: an optimizer's rule spliced onto parameters and gradients.

In comes a graph with its reverse sweep, out goes the same graph with a write for every parameter
and optimizer state. A rule of elementwise ops runs once a group of parameters, on flat arrays; any
other once a parameter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from graphdsl.compiler.conditioning import average, clear_counts, clip, gathered_mean, pack, written
from graphdsl.compiler.recipe import PLAIN, Recipe
from graphdsl.compiler.slots import Slot, SlotMaker
from graphdsl.graph.build import Builder, Expr, resume
from graphdsl.graph.graph import Graph, Init, Write
from graphdsl.graph.layout import Group, Layout
from graphdsl.graph.op import OPS
from graphdsl.graph.types import TensorType


class Expansion(Protocol):
    """The new parameter and the new states that one application of a rule gives."""

    @property
    def parameter(self) -> Expr: ...

    @property
    def states(self) -> Mapping[str, Expr]: ...


class MakeState(Protocol):
    """Gives the leaf of an optimizer state."""

    def __call__(self, name: str, type: TensorType | None, init: Init, /) -> Expr: ...


class Rule(Protocol):
    """An optimizer's rule."""

    @property
    def flat(self) -> bool: ...

    def expand(
        self,
        builder: Builder,
        p: Expr,
        g: Expr,
        scales: Mapping[str, float],
        make_state: MakeState,
        name: str,
    ) -> Expansion: ...


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the rule is applied once: a group of parameters, or one; `gradient` is the node of
    the reverse sweep, where there is one."""

    parameter: Expr
    gradient: Expr | None
    settings: Mapping[str, float]
    maker: SlotMaker


def apply_updates(
    graph: Graph, rule: Rule, layout: Layout, recipe: Recipe = PLAIN
) -> tuple[Graph, tuple[Slot, ...]]:
    """Append the update sweep of `rule`; the graph and the storage its states need.

    A graph without a reverse sweep is updated from the gradients that were gathered before.
    """
    builder = resume(graph, "update")
    builder.origin = None
    wanted: list[Write] = []
    states: list[Write] = []
    slots: dict[str, Slot] = {}
    places = list(_places(builder, graph, rule, layout))
    gradients = []
    for place in places:
        g = place.gradient
        if g is None:
            g, cleared = gathered_mean(place.maker)
            wanted.append(cleared)
        gradients.append(g)
    for place, g in zip(places, clip(gradients, recipe), strict=True):
        p, maker = place.parameter, place.maker
        made = rule.expand(builder, p, g, place.settings, maker, maker.suffix)
        states += [written(maker.leaves[name], value) for name, value in made.states.items()]
        wanted.append(written(p, made.parameter))
        if recipe.average is not None:
            builder.origin = None
            wanted.append(average(made.parameter, recipe.average, maker))
        slots |= maker.slots
    if not graph.gradients:
        cleared_counts, counts = clear_counts(builder)
        wanted += cleared_counts
        slots |= {slot.name: slot for slot in counts}
    kept = sorted(_needed(builder, wanted, states), key=lambda write: write.value)
    graph = replace(graph, nodes=tuple(builder.nodes), writes=(*graph.writes, *kept))
    stored = graph.reaching(id for write in kept for id in (write.target, write.value))
    names = {graph.nodes[id].attributes().get("name") for id in stored}
    return graph, tuple(slot for slot in slots.values() if slot.name in names)


def _places(builder: Builder, graph: Graph, rule: Rule, layout: Layout) -> Iterator[_Place]:
    """Parameter, gradient and state maker for each application that the groups need."""
    nodes = {v.name: Expr(builder, v.node) for v in graph.params}
    gradients = {graph.nodes[p].name: Expr(builder, g) for p, g in graph.gradients}
    for number, group in enumerate(layout.groups):
        found = [gradients[name] for name in group.members if name in gradients]
        if rule.flat:
            yield _whole_group(builder, group, found, f"group{number}", layout)
            continue
        for name in group.members:
            p, place = nodes[name], layout.params[name]
            whole = layout.param_sizes[group.dtype]
            maker = SlotMaker(builder, group.dtype, name, place.offset, p.type, whole)
            yield _Place(p, gradients.get(name), dict(group.settings), maker)


def _whole_group(
    builder: Builder, group: Group, gradients: Sequence[Expr], suffix: str, layout: Layout
) -> _Place:
    attrs = {"dtype": group.dtype, "start": group.start, "size": group.size}
    p = builder.apply(OPS["group"], (), attrs)
    g = pack(builder, group, gradients) if gradients else None
    whole = layout.param_sizes[group.dtype]
    maker = SlotMaker(builder, group.dtype, suffix, group.start, p.type, whole)
    return _Place(p, g, dict(group.settings), maker)


def _needed(builder: Builder, wanted: Sequence[Write], states: Sequence[Write]) -> list[Write]:
    """The writes that are wanted, and those of the states that one of these depends on."""
    values = {w.value for w in wanted}
    targets = {w.target: w.value for w in states}
    while True:
        reached = set(values)
        for node in reversed(builder.nodes):
            if node.id in reached:
                reached.update(node.operands)
        more = {targets[id] for id in reached if id in targets} - values
        if not more:
            break
        values |= more
    return [*(w for w in states if w.target in reached), *wanted]
