"""The update lane: a compilation comes in; its training step as one graph, and what the storage of
an optimizer is called in a drawing, go out.

The nodes of the forward graph keep their ids. The reverse sweep is in the graph but not drawn node
by node: `gradients` says which of its nodes stand for whose cotangents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from graphdsl.driver import Compilation
from graphdsl.graph.graph import Graph, Level, Node
from graphdsl.language.clipping import clip

LONGEST = 28
"""Characters of a list of parameters that are updated together."""


@dataclass(frozen=True, slots=True)
class Update:
    """A graph with its update sweep; empty but for the graph where nothing is updated by a rule."""

    graph: Graph
    names: Mapping[int, str] = field(default_factory=dict)
    """What leaves of the update are called: parameters side by side, states, the step."""
    roles: Mapping[int, str] = field(default_factory=dict)
    levels: Mapping[int, tuple[Level, ...]] = field(default_factory=dict)
    """The frames that nodes of the update stand in."""
    gradients: Mapping[int, int] = field(default_factory=dict)
    """The parameter whose cotangent a node is."""
    same: Mapping[int, int] = field(default_factory=dict)
    """The leaves that are read anew wherever they are used, and the first of each."""
    hidden: frozenset[int] = frozenset()
    """The nodes of the reverse sweep."""


def find_update(compilation: Compilation) -> Update:
    """The training step of a model, before it is rewritten; raises `UsageError` where there is
    none."""
    forward, graph = compilation.graph(training=True), compilation.stepped()
    added = graph.nodes[len(forward.nodes) :]
    update = [node for node in added if node.sweep == "update"]
    leaves = [node for node in update if not node.operands and not _is_literal(node)]
    first = {(node.op, node.attrs): node.id for node in reversed(leaves)}
    found = {node.id: _describe(node, compilation) for node in leaves}
    packed = {node.id: "g" for node in update if _is_packed(node, graph)}
    return Update(
        graph,
        {id: name for id, (name, _) in found.items()} | packed,
        {id: role for id, (_, role) in found.items()},
        dict(_levels(update, graph, _rule_name(compilation))),
        {gradient: parameter for parameter, gradient in graph.gradients},
        {n.id: one for n in leaves if (one := first[n.op, n.attrs]) != n.id},
        frozenset(node.id for node in added if node.sweep == "reverse"),
    )


def _rule_name(compilation: Compilation) -> str:
    train = compilation.lowered(training=True).train
    return train.rule.name if train is not None and train.rule is not None else ""


def _describe(node: Node, compilation: Compilation) -> tuple[str, str]:
    """The name and the role of a leaf: of stored parameters, of a state, of a number of the
    clock."""
    attributes = node.attributes()
    if "which" in attributes:
        return attributes["which"], "input"
    if "name" in attributes:
        return attributes["name"].rpartition(".")[0], "state"
    start, stop = attributes["start"], attributes["start"] + attributes["size"]
    members = (
        place.name
        for place in compilation.layout.params.values()
        if place.dtype is attributes["dtype"] and start <= place.offset < stop
    )
    return clip(", ".join(members), LONGEST), "param"


def _is_literal(node: Node) -> bool:
    """Whether a leaf is a number that a file could have, not one that is stored or counted."""
    return "value" in node.attributes() or node.op.public


def _is_packed(node: Node, graph: Graph) -> bool:
    """Whether a node is gradients side by side."""
    gradients = {gradient for _, gradient in graph.gradients}
    return bool(node.operands) and gradients.issuperset(node.operands)


def _levels(update: list[Node], graph: Graph, rule: str) -> Iterator[tuple[int, tuple[Level, ...]]]:
    """The frames of each node, that of the whole update around them: those of the text that it is
    from, or that it is read by first."""
    trails = {node.id: node.origin.trail if node.origin else () for node in update}
    for node in reversed(update):
        for operand in node.operands:
            if graph.nodes[operand].sweep == "update" and not graph.nodes[operand].operands:
                trails[operand] = trails[node.id] or trails[operand]
    spans = [trail[0].span for trail in trails.values() if trail]
    outer = tuple(Level(span, "", "update", "update") for span in spans[:1])
    applied = {trail[0].name for trail in trails.values() if trail and trail[0].block == rule}
    for node in update:
        trail = trails[node.id]
        if trail and trail[0].block == rule:
            several = f" of {trail[0].name}" if len(applied) > 1 else ""
            name, title = f"optimizer.{trail[0].name}", f"{rule}{several}"
            trail = (trail[0]._replace(name=name, block=title), *trail[1:])
        yield node.id, (*outer, *trail)
