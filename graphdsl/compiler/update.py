"""The update sweep: an optimizer's rule spliced onto parameters and gradients.

In comes a graph with its reverse sweep, out goes the same graph with a write for every parameter
and optimizer state. A rule of elementwise ops runs once a group of parameters, on flat arrays; any
other once a parameter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from graphdsl.graph.build import Builder, Expr, resume
from graphdsl.graph.graph import Graph, Init, Write
from graphdsl.graph.layout import Group, Layout
from graphdsl.graph.op import OPS
from graphdsl.graph.types import DType, TensorType


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
class Slot:
    """Storage of one optimizer state: a flat array and the number it begins at."""

    name: str
    dtype: DType
    size: int
    value: float


@dataclass(slots=True)
class _Slots:
    """Hands out leaves for one rule application, remembering what they need."""

    builder: Builder
    dtype: DType
    suffix: str
    start: int
    type: TensorType
    whole: int
    slots: dict[str, Slot] = field(default_factory=dict)
    leaves: dict[str, Expr] = field(default_factory=dict)

    def __call__(self, name: str, type: TensorType | None, init: Init, /) -> Expr:
        if type is None:
            slot = Slot(f"{name}.{self.dtype}", self.dtype, self.whole, init.value)
            type, start = self.type, self.start
        else:
            count = type.size
            assert isinstance(count, int)
            slot, start = Slot(f"{name}.{self.suffix}", type.dtype, count, init.value), 0
        attrs = {"name": slot.name, "type": type, "start": start}
        leaf = self.builder.apply(OPS["slot"], (), attrs)
        self.slots[slot.name] = slot
        self.leaves[name] = leaf
        return leaf


def apply_updates(graph: Graph, rule: Rule, layout: Layout) -> tuple[Graph, tuple[Slot, ...]]:
    """Append the update sweep of `rule`; the graph and the storage its states need."""
    builder = resume(graph, "update")
    builder.origin = None
    writes: list[tuple[Write, bool]] = []
    slots: dict[str, Slot] = {}
    for number, group in enumerate(layout.groups):
        for p, g, maker in _applications(builder, graph, rule, layout, group, number):
            made = rule.expand(builder, p, g, dict(group.settings), maker, maker.suffix)
            writes += [
                (Write(maker.leaves[name].id, OPS["copy"](value).id), False)
                for name, value in made.states.items()
            ]
            writes.append((Write(p.id, OPS["copy"](made.parameter).id), True))
            slots |= maker.slots
    kept = _needed(builder, writes)
    names = {builder.nodes[w.target].attributes().get("name") for w in kept}
    graph = replace(graph, nodes=tuple(builder.nodes), writes=(*graph.writes, *kept))
    return graph, tuple(slot for slot in slots.values() if slot.name in names)


def _applications(
    builder: Builder, graph: Graph, rule: Rule, layout: Layout, group: Group, number: int
) -> list[tuple[Expr, Expr, _Slots]]:
    """Parameter, gradient and state maker for each application the group needs."""
    gradients = {graph.nodes[p].name: (p, g) for p, g in graph.gradients}
    whole = layout.param_sizes[group.dtype]
    if rule.flat:
        attrs = {"dtype": group.dtype, "start": group.start, "size": group.size}
        p = builder.apply(OPS["group"], (), attrs)
        members: Sequence[Expr] = [Expr(builder, gradients[m][1]) for m in group.members]
        g = builder.apply(OPS["pack"], members, attrs)
        return [(p, g, _Slots(builder, group.dtype, f"group{number}", group.start, p.type, whole))]
    found = []
    for name in group.members:
        place = layout.params[name]
        p, g = (Expr(builder, id) for id in gradients[name])
        found.append((p, g, _Slots(builder, group.dtype, name, place.offset, p.type, whole)))
    return found


def _needed(builder: Builder, writes: Sequence[tuple[Write, bool]]) -> list[Write]:
    """The writes of parameters, and of the states that a written parameter depends on."""
    wanted = {w.value for w, is_parameter in writes if is_parameter}
    targets = {w.target: w.value for w, is_parameter in writes if not is_parameter}
    while True:
        reached = set(wanted)
        for node in reversed(builder.nodes):
            if node.id in reached:
                reached.update(node.operands)
        more = {targets[id] for id in reached if id in targets} - wanted
        if not more:
            break
        wanted |= more
    return [w for w, is_parameter in writes if is_parameter or w.target in reached]
