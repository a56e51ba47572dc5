"""Loops as one turn: layers come in; of turns that are alike, those of the first go out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graphdsl.language.source import Span
from graphdsl.views.network.layers import Frame, Layer, Link, Turn, Weights

Place = tuple[tuple[Turn, ...], Span]
"""A loop: the turns around it, and its text."""


def collapse(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The layers, with one turn of each loop whose turns are alike, loops inside of loops too."""
    for depth in reversed(range(max((len(layer.path) for layer in layers), default=0))):
        loops: dict[Place, dict[Turn, list[Layer]]] = {}
        for layer in layers:
            if len(layer.path) > depth:
                turn = layer.path[depth]
                turns = loops.setdefault((layer.path[:depth], turn.loop), {})
                turns.setdefault(turn, []).append(layer)
        for turns in loops.values():
            if len(turns) > 1 and _alike(turns):
                layers = _folded(layers, turns)
    return layers


def _alike(turns: dict[Turn, list[Layer]]) -> bool:
    first, *others = (_signature(turn, inside) for turn, inside in turns.items())
    return all(other == first for other in others)


def _signature(turn: Turn, layers: list[Layer]) -> list[Any]:
    """What two turns that look the same agree in; where the values of a turn come from does not
    count, since the first turn has other ones before it."""
    place = {layer.id: i for i, layer in enumerate(layers)}
    return [
        (
            layer.kind,
            layer.shape,
            [_bare(text, turn) for text in layer.functions],
            [
                (place[link.source], link.weights and link.weights.sizes)
                for link in layer.links
                if link.source in place
            ],
            [bias.sizes for bias in layer.biases],
            [frame.count for frame in layer.frames],
        )
        for layer in layers
    ]


def _folded(layers: tuple[Layer, ...], turns: dict[Turn, list[Layer]]) -> tuple[Layer, ...]:
    """The layers without those of the later turns."""
    (turn, kept), *later = turns.items()
    twin = {layer.id: kept[i].id for _, inside in later for i, layer in enumerate(inside)}
    loop = {layer.id for inside in turns.values() for layer in inside}
    frame = Frame(f"loop{kept[0].id}", len(turns))
    found = {layer.id: _framed(layer, turn, frame) for layer in kept}
    for _, inside in later:
        for i, layer in enumerate(inside):
            if layer.end:
                found[kept[i].id] = replace(found[kept[i].id], end=True)
            more = [link for link in layer.links if link.source not in loop]
            found[kept[i].id] = _linked(found[kept[i].id], more)
    return tuple(
        found.get(layer.id, _turned_to(layer, twin)) for layer in layers if layer.id not in twin
    )


def _linked(layer: Layer, more: list[Link]) -> Layer:
    known = {link.source for link in layer.links}
    return replace(layer, links=(*layer.links, *(one for one in more if one.source not in known)))


def _turned_to(layer: Layer, twin: dict[int, int]) -> Layer:
    """A layer outside of the loop: what it had from a later turn comes from the one drawn."""
    links = (replace(link, source=twin.get(link.source, link.source)) for link in layer.links)
    return replace(layer, links=tuple(dict.fromkeys(links)))


def _framed(layer: Layer, turn: Turn, frame: Frame) -> Layer:
    """A layer of the turn that stands for all, by names without its number."""
    return replace(
        layer,
        name=_bare(layer.name, turn),
        functions=tuple(_bare(text, turn) for text in layer.functions),
        links=tuple(
            replace(link, weights=link.weights and _renamed(link.weights, turn))
            for link in layer.links
        ),
        biases=tuple(_renamed(bias, turn) for bias in layer.biases),
        frames=(frame, *layer.frames),
    )


def _renamed(weights: Weights, turn: Turn) -> Weights:
    return replace(weights, name=_bare(weights.name, turn))


def _bare(text: str, turn: Turn) -> str:
    carried = turn.name.rpartition("[")[0]
    return text.replace(f"{turn.name}.", "").replace(turn.name, carried)
