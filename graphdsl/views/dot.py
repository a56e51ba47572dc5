"""The computation graph as DOT: a forward graph comes in, the text of a drawing goes out.

The lecture's convention: a rectangle for each input, output and intermediate; the function inside
it, the variable's name outside; operands enter from left to right; edges have no labels. Roles
differ in shape as well as in colour. A number has no box: it is part of the function, as in `· 2`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import graphviz

from graphdsl.graph.graph import Graph, Node
from graphdsl.language.excerpt import visible
from graphdsl.views import boxes, labels

FONT = "DejaVu Sans,Verdana,Helvetica,Arial,sans-serif"

WORDS = {"frozen": "param"}


def draw(graph: Graph, statements: Any = (), title: str = "graph") -> str:
    """The DOT text of a forward graph; `statements` are those whose `##` lines are shown."""
    # of a large graph the layout is not polished to the end, which would take minutes
    hasty = {"nslimit": "1", "nslimit1": "1", "mclimit": "0.3"} if len(graph.nodes) > 300 else {}
    drawing = graphviz.Digraph(
        graph_attr={
            **hasty,
            "rankdir": "TB",
            "nodesep": "0.35",
            "ranksep": "0.55",
            "pad": "0.2",
            "bgcolor": "white",
            "tooltip": _text(title),
        },
        node_attr={
            "shape": "plain",
            "fontname": FONT,
            "fontsize": "13",
        },
        edge_attr={"color": "#555555", "arrowsize": "0.7"},
    )
    named, role_of, docs = labels.names(graph), labels.roles(graph), labels.docs_by_name(statements)
    shown = _shown(graph, named)
    for node in graph.nodes:
        if node.id in shown:
            _add(drawing, graph, node, role_of[node.id], named, docs, shown)
    text: str = drawing.source
    return text


def count_boxes(graph: Graph) -> int:
    """How many rectangles the drawing of a graph has."""
    return len(_shown(graph, labels.names(graph)))


def _shown(graph: Graph, named: Mapping[int, str]) -> set[int]:
    """The nodes that have a box: what is named, or reaches what is; no numbers, no conversions."""
    wanted = graph.reaching([*named, *(r.node for r in graph.results)])
    wanted |= graph.reaching(write.value for write in graph.writes)
    bare = {
        n.id
        for n in graph.nodes
        if n.id not in named and (labels.is_number(n) or labels.is_silent(n))
    }
    return wanted - bare


def _add(
    drawing: Any,
    graph: Graph,
    node: Node,
    role: str,
    named: Mapping[int, str],
    docs: Mapping[str, str],
    shown: set[int],
) -> None:
    """Add a node's box and the edges that enter it."""
    sources = [_source(graph, id, shown) for id in node.operands]
    numbers = {
        position: labels.number_text(graph.nodes[source])
        for position, source in enumerate(sources)
        if source not in shown
    }
    leaf = role in ("input", "param", "frozen", "state")
    function = WORDS.get(role, role) if leaf else labels.function_text(node, numbers)
    entering = [source for source in sources if source in shown]
    label = boxes.box(function, named.get(node.id), role, len(entering))
    tooltip = _text(labels.describe(node, docs.get(node.name or "")))
    drawing.node(f"n{node.id}", label, tooltip=tooltip)
    for position, source in enumerate(entering):
        # what is computed runs straight down, what is given stands beside it
        straight = graph.nodes[source].operands or entering.count(source) > 1
        weight = "8" if straight else "1"
        drawing.edge(f"n{source}:{boxes.OUT}:s", f"n{node.id}:{position}:n", weight=weight)


def _source(graph: Graph, id: int, shown: set[int]) -> int:
    """The node an operand is drawn from, conversions without a box passed over."""
    while id not in shown and graph.nodes[id].operands:
        (id,) = graph.nodes[id].operands
    return id


def _text(text: str) -> str:
    """Text that no layer between here and the picture takes for markup."""
    plain: str = graphviz.escape(visible(text).replace("&", "&amp;").replace("\t", "    "))
    return plain
