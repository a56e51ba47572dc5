"""Any graph as text: one line a node, `id name: op(operands) type`, the same bytes every time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.types import DType, TensorType
from graphdsl.language.clipping import clip

LONGEST = 60
"""Characters of an attribute that are shown; a constant tensor may have a million."""


def dump(graph: Graph) -> str:
    """The graph's nodes, a section for each sweep, and below them what they are wanted for."""
    width = len(str(max(len(graph.nodes) - 1, 0)))
    lines: list[str] = []
    sweep = None
    for node in graph.nodes:
        if node.sweep != sweep:
            sweep = node.sweep
            lines.append(f"# {sweep}")
        lines.append(f"{node.id:>{width}} {node_text(node)}")
    return "\n".join([*lines, *_wanted(graph)]) + "\n"


def node_text(node: Node) -> str:
    """A node without its id."""
    name = f"{node.name}: " if node.name else ""
    inner = ", ".join([*map(str, node.operands), *attribute_texts(node)])
    return f"{name}{node.op.name}({inner}) {node.type}"


def attribute_texts(node: Node) -> Iterator[str]:
    """`name=value` for each attribute that is not as it would be anyway."""
    for name, value in node.attrs:
        spec = node.op.attributes.get(name)
        if isinstance(value, TensorType) or (spec is not None and spec.default is value):
            continue
        yield f"{name}={attribute_text(value)}"


def attribute_text(value: Any) -> str:
    """An attribute's value, cut where it is long."""
    return clip(_plain(value), LONGEST)


def _plain(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case ("slice", start, stop, step):
            bounds = [start, stop] if step is None else [start, stop, step]
            return ":".join("" if bound is None else str(bound) for bound in bounds)
        case tuple():
            return f"[{', '.join(map(_plain, value[:LONGEST]))}]"
        case DType() | int() | float():
            return str(value)
        case None:
            return "none"
    return str(value)


def _wanted(graph: Graph) -> Iterator[str]:
    if graph.results or graph.writes or graph.gradients:
        yield "# wanted"
    for result in graph.results:
        yield f"{result.role} {result.name} = {result.node}"
    for parameter, gradient in graph.gradients:
        yield f"gradient of {parameter} = {gradient}"
    for write in graph.writes:
        yield f"{write.target} <- {write.value}"
