"""Calls that are drawn as one rectangle: what no layer can be read from, inside of a block."""

from __future__ import annotations

from collections.abc import Collection

from graphdsl.graph.graph import Graph, Level, Node, tell_trail
from graphdsl.language.diagnostics import Diagnostic, Label, ModelError
from graphdsl.views.network.weights import name_of

Call = tuple[Level, ...]
"""The way to a call, itself the last."""


def calls_around(node: Node) -> list[Call]:
    """The calls that a node stands in, from the outside in."""
    trail = node.origin.trail if node.origin else ()
    return [trail[: i + 1] for i, level in enumerate(trail) if level.turn is None]


def find_owners(graph: Graph) -> frozenset[str]:
    """The names of calls and turns that own parameters."""
    parts = (variable.name.split(".") for variable in graph.params)
    return frozenset(".".join(path[:i]) for path in parts for i in range(1, len(path)))


def find_call(owners: Collection[str], node: Node) -> Call | None:
    """The innermost call around a node that owns parameters, else the innermost; None if it stands
    in none."""
    around = calls_around(node)
    for call in reversed(around):
        if call[-1].name in owners:
            return call
    return around[-1] if around else None


def refuse(graph: Graph, node: Node, why: str) -> ModelError:
    """That a node has no place in a drawing of layers."""
    labels = () if node.origin is None else (Label(node.origin.span, why),)
    trail = tell_trail(node.origin.trail) if node.origin else ()
    help = (
        "a layer is a product with weights, a function of each unit, a sum, a product of each "
        "unit with one, or a concatenation of layers, or a convolution, a pooling and the like",
        "the call of a block of your own is drawn as one box, whatever it computes; "
        "--view graph draws any model",
    )
    message = f"there is no network to draw: '{name_of(graph, node.id)}' is no layer"
    return ModelError(Diagnostic("E0855", message, labels, help, trail))


def refuse_all(why: str) -> ModelError:
    """That a model has nothing a network could begin or end with."""
    help = ("--view graph draws any model",)
    return ModelError(Diagnostic("E0855", f"there is no network to draw: {why}", (), help))
