"""Products with weights: a node comes in; the sizes before and after it, and its matrix, go out."""

from __future__ import annotations

from dataclasses import dataclass

from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.provenance import Entry, find_entry
from graphdsl.graph.sizes import Size
from graphdsl.graph.types import TensorType
from graphdsl.language.clipping import clip, one_line
from graphdsl.ops import equations
from graphdsl.ops.equations import Equation, Labels
from graphdsl.views import labels
from graphdsl.views.network.layers import Weights
from graphdsl.views.network.regions import hands_on

LONGEST = 20
"""Characters of a formula that stands for a name."""


@dataclass(frozen=True, slots=True)
class Product:
    """A product of data with a matrix: how many units there are after it, and the matrix."""

    width: Size
    weights: Weights


def read_product(graph: Graph, node: Node, data: int) -> Product | None:
    """A contraction of one axis of the operand at position `data` with a matrix or a vector; None
    if it is anything else."""
    if len(node.operands) != 2:
        return None
    types = [graph.nodes[id].type for id in node.operands]
    equation = _equation(node, types)
    own, other = equation.operands[data], equation.operands[1 - data]
    inner = [label for label in other if label in own and label not in equation.result]
    outer = [label for label in other if label not in own]
    kept = [label for label in own if label not in inner]
    if len(inner) != 1 or len(other) != len(inner) + len(outer) or len(outer) > 1:
        return None
    if not {*outer, *kept} <= set(equation.result):
        return None
    axes = [other.index(label) for label in (*inner, *outer)]
    width = equation.sizes[outer[0]] if outer else 1
    return Product(width, _matrix(graph, node.operands[1 - data], axes))


def _equation(node: Node, types: list[TensorType]) -> Equation:
    """What a contraction sums over, as an equation; without one of its own it is a product of
    matrices."""
    written = node.attributes().get("equation")
    if written is not None:
        return equations.read(written, [type.shape for type in types])
    batches = [tuple(str(i) for i in reversed(range(max(t.rank - 2, 0)))) for t in types]
    left: Labels = ("rows", "inner")[-min(types[0].rank, 2) :]
    right: Labels = ("inner", "columns")[: min(types[1].rank, 2)]
    operands = ((*batches[0], *left), (*batches[1], *right))
    ends = [label for label in (*left, *right) if label != "inner"]
    sizes: dict[str, Size] = {}
    for type, named in zip(types, operands, strict=True):
        sizes |= dict(zip(named, type.shape, strict=True))
    return Equation(operands, (*max(batches, key=len), *ends), sizes)


def _matrix(graph: Graph, id: int, axes: list[int]) -> Weights:
    """A matrix by the axis that is summed over and then that of the units after it."""
    sizes = tuple(graph.nodes[id].type.shape[axis] for axis in axes)
    param = stored_in(graph, id)
    if param is None:
        return Weights(name_of(graph, id), sizes)
    known: dict[tuple[int, int], Entry] = {}
    entries = [find_entry(graph.nodes, id, axis, known) for axis in axes]
    turned = len(entries) == 2 and entries[0].axis > entries[1].axis
    return Weights(param, sizes, param, turned)


def read_weights(graph: Graph, id: int) -> Weights:
    """Weights that are none of a matrix: a kernel, a table, a bias."""
    param = stored_in(graph, id)
    node = graph.nodes[id]
    if param is not None:
        return Weights(param, graph.nodes[graph.names[param]].type.shape, param)
    return Weights(name_of(graph, id), node.type.shape)


def stored_in(graph: Graph, id: int) -> str | None:
    """The parameter that a node shows, in whatever order of its axes; None if it is computed."""
    node = graph.nodes[id]
    while len(node.operands) == 1 and (node.op.view is not None or hands_on(node)):
        if graph.nodes[node.operands[0]].type.size != node.type.size:
            return None
        node = graph.nodes[node.operands[0]]
    if node.operands:
        return None
    return next((each.name for each in graph.params if each.node == node.id), None)


def name_of(graph: Graph, id: int) -> str:
    """The name of a node, or the text that it comes from."""
    node = graph.nodes[id]
    if node.name is not None:
        return node.name
    if labels.is_number(node):
        return labels.number_text(node)
    stored = stored_in(graph, id)
    if stored is not None:
        return stored
    if node.origin is None:
        return labels.function_text(node, {})
    return clip(one_line(node.origin.span.text, 80), LONGEST)
