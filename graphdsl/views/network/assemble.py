"""Nodes put together to layers: what each node is comes in, the layers of a network go out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.sizes import Shape, symbol
from graphdsl.language.clipping import clip
from graphdsl.views import labels
from graphdsl.views.network.calls import Call, calls_around, find_call, find_owners
from graphdsl.views.network.extent import Extent
from graphdsl.views.network.layers import Kind, Layer, Link, Turn, Weights
from graphdsl.views.network.reading import Bias, Function, Part, Reading, Same, sources_of
from graphdsl.views.network.weights import LONGEST


class Assembler:
    """Puts nodes together to layers, in their order."""

    def __init__(self, graph: Graph, extent: Extent, rows: str | None, normalisation: bool) -> None:
        self.graph, self.extent, self.normalisation = graph, extent, normalisation
        self.owners = find_owners(graph)
        self.batch = None if rows is None else symbol(rows)
        self.uses: Counter[int] = Counter()
        self.parts: Counter[Call | None] = Counter()
        """How many layers stand in each call that owns parameters."""
        self.layers: dict[int, Layer] = {}
        self.at: dict[int, int] = {}
        """The layer that each node is part of."""
        self.last: dict[int, int] = {}
        """The node that a layer ends with, so far."""

    def read(
        self, readings: dict[int, Reading | None], boxed: frozenset[Call]
    ) -> tuple[Layer, ...]:
        """The layers that lead to an end."""
        calls: dict[Call, int] = {}
        for id, reading in readings.items():
            node = self.graph.nodes[id]
            inside = (operand for operand in node.operands if operand in self.extent.live)
            self.uses.update(set(inside if reading is None else sources_of(reading)))
            if isinstance(reading, Part):
                self.parts[find_call(self.owners, node)] += 1
        for id in sorted(readings):
            node, known = self.graph.nodes[id], readings[id]
            if known is not None:
                self._enter(node, known)
            elif id in self.extent.inputs:
                self._open(node, "input", ())
            else:
                call = next(call for call in calls_around(node) if call in boxed)
                self._enter_call(node, call, calls)
        for id in self.extent.ends:
            layer = self.layers[self.at[id]]
            self.layers[layer.id] = replace(layer, end=True)
        return tuple(self._leading())

    def _leading(self) -> Iterator[Layer]:
        """The layers from which an end can be reached, in order."""
        wanted = {layer.id for layer in self.layers.values() if layer.end}
        order = list(self.layers.values())
        for layer in reversed(order):
            if layer.id in wanted:
                wanted.update(link.source for link in layer.links)
        return (layer for layer in order if layer.id in wanted)

    def _enter(self, node: Node, reading: Reading) -> None:
        match reading:
            case Same(source):
                self._hand_on(node, self.layers[self.at[source]])
            case Bias(source, weights):
                self._add_bias(node, source, weights)
            case Function(source, text):
                self._apply(node, source, text)
            case Part(kind, sources, function, weights, width):
                self._add_part(node, Part(kind, sources, function, weights, width))

    def _add_part(self, node: Node, part: Part) -> None:
        """A layer of its own; the sum of products is one layer, weighed from several sides."""
        if part.kind == "normalisation" and not self.normalisation:
            self._hand_on(node, self.layers[self.at[part.sources[0]]])
            return
        if part.kind == "merge" and part.function == "+":
            before = [self._fresh(id, node) for id in part.sources]
            parts = [layer for layer in before if layer is not None and layer.kind == "dense"]
            if len(parts) == len(before) and not any(layer.functions for layer in parts):
                self._join(node, parts)
                return
            links = [link for id in part.sources for link in self._summands(id, node)]
        else:
            weights = part.weights or (None,)
            links = [Link(self.at[part.sources[0]], each) for each in weights]
            links += [Link(self.at[id]) for id in part.sources[1:]]
        layer = self._open(node, part.kind, tuple(links), (self._called(node, part),))
        if part.width is not None:
            self.layers[layer.id] = replace(layer, width=part.width)

    def _called(self, node: Node, part: Part) -> str:
        """What a layer says: the block, where the layer is all that a call of it computes."""
        call = find_call(self.owners, node)
        if part.kind in ("box", "normalisation") and call is not None and self.parts[call] == 1:
            return call[-1].block
        return part.function

    def _summands(self, source: int, node: Node) -> tuple[Link, ...]:
        """What a sum adds for one of its operands: for one that is a sum, all that this adds."""
        layer = self._fresh(source, node)
        if layer is None or layer.kind != "merge" or layer.functions != ("+",):
            return (Link(self.at[source]),)
        del self.layers[layer.id]
        return layer.links

    def _join(self, node: Node, parts: list[Layer]) -> None:
        first, second = parts
        links, biases = (*first.links, *second.links), (*first.biases, *second.biases)
        del self.layers[first.id], self.layers[second.id]
        self._continue(node, replace(second, links=links, biases=biases))
        for id, layer in list(self.at.items()):
            if layer == first.id:
                self.at[id] = second.id

    def _add_bias(self, node: Node, source: int, weights: Weights) -> None:
        layer = self._fresh(source, node)
        if sum(size != 1 for size in weights.sizes) > 1:
            layer = None  # not one number for each unit, such as what tells places apart
        if layer is not None and layer.functions == ("+",) and layer.kind == "merge":
            self._add_bias_before(node, layer, weights)
        elif layer is not None and _takes_bias(layer):
            self._continue(node, replace(layer, biases=(*layer.biases, weights)))
        else:
            self._apply(node, source, f"+ {clip(weights.name, LONGEST)}")

    def _add_bias_before(self, node: Node, merged: Layer, weights: Weights) -> None:
        """What is added to a sum is the bias of the layer that was weighed last."""
        for link in reversed(merged.links):
            layer = self.layers[link.source]
            if layer.kind == "dense" and not layer.functions and not layer.biases:
                self.layers[layer.id] = replace(layer, biases=(weights,))
                self._continue(node, merged)
                return
        self._apply(node, self.last[merged.id], f"+ {clip(weights.name, LONGEST)}")

    def _apply(self, node: Node, source: int, text: str) -> None:
        """A function of a layer's units: the layer's own where it can be."""
        layer = self._fresh(source, node)
        if layer is not None and layer.kind in ("dense", "box", "map"):
            self._continue(node, replace(layer, functions=(*layer.functions, text)))
        else:
            self._open(node, "map", (Link(self.at[source]),), (text,))

    def _fresh(self, source: int, node: Node) -> Layer | None:
        """The layer that ends with a node, if nothing but `node` has seen it, in the same turn."""
        layer = self.layers[self.at[source]]
        alone = self.uses[source] == 1 and source not in self.extent.ends
        fresh = alone and self.last[layer.id] == source and layer.path == _path(node)
        return layer if fresh else None

    def _open(
        self, node: Node, kind: Kind, links: tuple[Link, ...], functions: tuple[str, ...] = ()
    ) -> Layer:
        said = tuple(text for text in functions if text)
        layer = Layer(node.id, kind, "", 1, (), said, links, path=_path(node))
        self._continue(node, layer)
        return self.layers[node.id]

    def _continue(self, node: Node, layer: Layer) -> None:
        """A layer that ends with a node; its name and its shape are those of the node, except for
        an input, which stays what is fed."""
        if layer.kind != "input" or node.id == layer.id:
            shape = self._shape(node)
            self.layers[layer.id] = replace(
                layer,
                name=layer.name if node.name is None else node.name,
                width=layer.width if layer.kind == "dense" else shape[-1] if shape else 1,
                shape=shape,
                tooltip=labels.describe(node, None),
            )
        self.at[node.id] = layer.id
        self.last[layer.id] = node.id

    def _hand_on(self, node: Node, layer: Layer) -> None:
        """A layer whose values a node has too; it gets its name if it has none."""
        kept = layer.name
        self._continue(node, layer)
        if kept:
            self.layers[layer.id] = replace(self.layers[layer.id], name=kept)

    def _shape(self, node: Node) -> Shape:
        """The sizes of a node for one example."""
        return tuple(size for size in node.type.shape if size != self.batch)

    def _enter_call(self, node: Node, call: Call, known: dict[Call, int]) -> None:
        """One rectangle for all that a call computes."""
        sources = dict.fromkeys(self.at[id] for id in node.operands if id in self.extent.live)
        if call not in known:
            links = tuple(Link(source) for source in sources)
            layer = self._open(node, "box", links, (call[-1].block,))
            known[call] = layer.id
        else:
            layer = self.layers[known[call]]
            given = {link.source for link in layer.links} | {layer.id}
            more = tuple(Link(source) for source in sources if source not in given)
            self._continue(node, replace(layer, links=(*layer.links, *more)))
        layer = self.layers[known[call]]
        path = tuple(_turns(call))
        self.layers[layer.id] = replace(layer, name=call[-1].name, path=path)


def _takes_bias(layer: Layer) -> bool:
    """Whether what is added to a layer is a bias: it is weighed, and its function is still to
    come."""
    if layer.kind == "box":
        return layer.links[0].weights is not None and len(layer.functions) == 1
    return layer.kind == "dense" and not layer.functions


def _path(node: Node) -> tuple[Turn, ...]:
    return tuple(_turns(node.origin.trail)) if node.origin else ()


def _turns(trail: Call) -> Iterator[Turn]:
    return (Turn(each.span, each.name, each.turn) for each in trail if each.turn is not None)
