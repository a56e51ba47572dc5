"""How one node is read: a node of the network comes in, what it is to the layers before it, out.

Nothing here asks an op for its name. A contraction has a count of its multiplications, a sum has
the derivatives 1 and 1, a function of each unit goes element by element or keeps its shape.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.sizes import Shape, Size, symbol, symbols
from graphdsl.language.clipping import clip, one_line
from graphdsl.views import labels
from graphdsl.views.network.layers import Kind, Weights
from graphdsl.views.network.regions import (
    adds,
    find_single_source,
    hands_on,
    multiplies,
    subtracts,
)
from graphdsl.views.network.weights import LONGEST, name_of, read_product, read_weights


@dataclass(frozen=True, slots=True)
class Same:
    """It hands its operand on, or has the same numbers in other places."""

    source: int


@dataclass(frozen=True, slots=True)
class Bias:
    """It adds to each unit of a layer."""

    source: int
    weights: Weights


@dataclass(frozen=True, slots=True)
class Function:
    """It is a function of each unit of a layer."""

    source: int
    text: str


@dataclass(frozen=True, slots=True)
class Part:
    """It is a layer of its own, from several others or through weights."""

    kind: Kind
    sources: tuple[int, ...]
    function: str = ""
    weights: tuple[Weights, ...] = ()
    width: Size | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """It is nothing that a drawing of layers has."""

    why: str
    sources: tuple[int, ...] = ()
    alone: Part | None = None
    """What it is drawn as where no call stands for it."""


Reading = Same | Bias | Function | Part | Unreadable


def sources_of(reading: Reading) -> tuple[int, ...]:
    """The nodes whose layers a node needs."""
    match reading:
        case Part(_, sources):
            return sources
        case Unreadable():
            return reading.sources
        case _:
            return (reading.source,)


def read_node(graph: Graph, node: Node, live: Collection[int], batch: str | None) -> Reading:
    """What a node is; `live` are the nodes of the network, `batch` the size that counts rows."""
    data = [i for i, id in enumerate(node.operands) if id in live]
    fixed = [id for id in node.operands if id not in live]
    sources = tuple(node.operands[i] for i in data)
    before = {name for id in sources for d in graph.nodes[id].type.shape for name in symbols(d)}
    after = {name for size in node.type.shape for name in symbols(size)}
    if batch in before - after:
        return Unreadable("it mixes the rows of a batch", sources)
    if node.op.flops is not None:
        return _read_contraction(graph, node, data, sources, fixed)
    if len(set(sources)) > 1:
        return _read_joint(graph, node, live, sources)
    if not fixed and not node.op.elementwise:
        return _read_unary(graph, node, sources[0], batch)
    if node.op.elementwise:
        return _read_elementwise(graph, node, data, sources, fixed)
    if _normalises(graph, node, sources[0], fixed):
        return Part("normalisation", sources, _called(node))
    weights = tuple(read_weights(graph, id) for id in fixed)
    return Part("box", sources, _called(node), tuple(w for w in weights if w.param is not None))


def _read_contraction(
    graph: Graph, node: Node, data: list[int], sources: tuple[int, ...], fixed: list[int]
) -> Reading:
    if len(data) > 1:
        return Unreadable("it is a product of values that all depend on the input", sources)
    product = read_product(graph, node, data[0])
    if product is not None:
        return Part("dense", sources, "", (product.weights,), product.width)
    return Part("box", sources, _called(node), tuple(read_weights(graph, id) for id in fixed))


def _read_joint(
    graph: Graph, node: Node, live: Collection[int], sources: tuple[int, ...]
) -> Reading:
    """A node of several values that depend on the input."""
    if adds(node):
        return Part("merge", sources, "+")
    if not node.op.variadic:
        single = find_single_source(graph, node, live)
        if single is not None:
            return Function(single, _written(node))
    if subtracts(node):
        return Part("merge", sources, "−")
    if node.op.variadic:
        return Part("box", sources, _called(node))
    why = "it combines values that all depend on the input, and is no sum or product of them"
    return Unreadable(why, sources, Part("merge", sources, "×") if multiplies(node) else None)


def _read_unary(graph: Graph, node: Node, source: int, batch: str | None) -> Reading:
    """A function of one value that does not go element by element."""
    before, after = graph.nodes[source].type, node.type
    if hands_on(node) or _longer(before.shape, batch) == _longer(after.shape, batch):
        return Function(source, _called(node)) if _is_function(graph, node) else Same(source)
    return Part("box", (source,), _called(node))


def _is_function(graph: Graph, node: Node) -> bool:
    """Whether a node that keeps its shape changes its numbers."""
    alike = graph.nodes[node.operands[0]].type.shape == node.type.shape
    return alike and node.op.view is None and not hands_on(node)


def _read_elementwise(
    graph: Graph, node: Node, data: list[int], sources: tuple[int, ...], fixed: list[int]
) -> Reading:
    source = sources[0]
    if multiplies(node) and len(fixed) == 1 and _is_single(graph, source):
        weights = read_weights(graph, fixed[0])
        if weights.param is not None and len(weights.sizes) <= 1:
            width = weights.sizes[0] if weights.sizes else 1
            return Part("dense", sources, "", (replace(weights, sizes=(1, width)),), width)
    if graph.nodes[source].type.shape != node.type.shape:
        why = "it gives more units than there are before it, and weighs none"
        return Unreadable(why, sources)
    if hands_on(node):
        return Same(source)
    if adds(node) and len(fixed) == 1 and not labels.is_number(graph.nodes[fixed[0]]):
        return Bias(source, read_weights(graph, fixed[0]))
    if len(data) > 1:
        return Function(source, _written(node))
    known = {i: name_of(graph, id) for i, id in enumerate(node.operands) if i not in data}
    return Function(source, clip(labels.function_text(node, known), LONGEST))


def _normalises(graph: Graph, node: Node, source: int, fixed: list[int]) -> bool:
    """Whether a node keeps the shape of its data and is given nothing but numbers for each unit."""
    types = [graph.nodes[id].type for id in fixed]
    alike = graph.nodes[source].type.shape == node.type.shape
    return alike and all(type.rank <= 1 and type.dtype.is_float for type in types)


def _is_single(graph: Graph, id: int) -> bool:
    """Whether a value is that of a single unit."""
    shape = graph.nodes[id].type.shape
    return not shape or shape[-1] == 1


def _called(node: Node) -> str:
    """What a rectangle or a unit says: the op, or, of what has no name, what is written."""
    return node.op.name if node.op.public else _written(node)


def _written(node: Node) -> str:
    if node.origin is None:
        return node.op.name
    return one_line(node.origin.span.text, LONGEST)


def _longer(shape: Shape, batch: str | None) -> Shape:
    """The sizes of one example that are not 1."""
    rows = None if batch is None else symbol(batch)
    return tuple(size for size in shape if size not in (1, rows))
