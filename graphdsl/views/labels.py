"""What a drawing says of a node: a node comes in, its function and its role as words go out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from graphdsl.graph.dump import attribute_text, attribute_texts
from graphdsl.graph.graph import Graph, Node
from graphdsl.language.clipping import one_line

Role = Literal["input", "param", "frozen", "state", "constant", "op", "output", "metric", "loss"]

MINUS = "−"

SIGNS = {"*": "·", "-": MINUS, "<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}
"""Signs of mathematics for those of the language."""

DIGITS = 6
"""Significant digits of a number in a drawing."""

HOLE = "_"
"""Stands for an operand that is a node of its own, where others are numbers."""

RESULTS = ("loss", "metric", "output")
"""The roles of results, the weightiest first."""


def roles(graph: Graph) -> dict[int, Role]:
    """The role of every node; of several results that are one node, the weightiest."""
    found: dict[int, Role] = {n.id: "op" if n.operands else "constant" for n in graph.nodes}
    found |= dict.fromkeys(graph.inputs, "input")
    found |= {v.node: "frozen" if v.frozen else "param" for v in graph.params}
    found |= {v.node: "state" for v in graph.states}
    for result in sorted(graph.results, key=lambda r: -RESULTS.index(r.role)):
        found[result.node] = result.role
    return found


def names(graph: Graph, more: Mapping[int, str] | None = None) -> dict[int, tuple[str, ...]]:
    """The names of the nodes that have some, several where they stand for one node; `m ←` for what
    the state m becomes. `more` are names of leaves that the graph has none for."""
    found: dict[int, list[str]] = {id: [name] for id, name in (more or {}).items()}
    for name, id in graph.names.items():
        found.setdefault(id, []).append(name)
    for node in graph.nodes:
        if node.name is not None:
            found.setdefault(node.id, [node.name])
    for write in graph.writes:
        value, target = graph.nodes[write.value], found.get(write.target)
        while is_silent(value) and value.id not in found:
            value = graph.nodes[value.operands[0]]
        if target is not None:
            found.setdefault(value.id, []).append(f"{target[0]} ←")
    return {id: tuple(several) for id, several in found.items()}


def is_number(node: Node) -> bool:
    """Whether a node is an untyped number or size, which is written where it is used."""
    return node.op.leaf and node.type.weak


def is_silent(node: Node) -> bool:
    """Whether a node hands its operand on, and the text does not ask for it: a conversion."""
    return len(node.operands) == 1 and node.op.formula == node.op.operands[0] and not _said(node)


def number_text(node: Node) -> str:
    """An untyped number as a drawing writes it."""
    value = next(iter(node.attributes().values()))
    if isinstance(value, float):
        if value == math.pi:
            return "π"
        return f"{value:.{DIGITS}g}".replace("-", MINUS)
    return attribute_text(value).replace("-", MINUS)


def function_text(node: Node, numbers: Mapping[int, str]) -> str:
    """What a node computes; `numbers` are the texts of those operands that have no box."""
    operands = [numbers.get(position) for position in range(len(node.operands))]
    if node.op.infix is not None and len(operands) == 2:
        return _infix(node.op.infix, *operands)
    if node.origin is None and not node.op.public and not node.op.leaf:
        return node.op.formula  # what no file can write, nor has
    attributes = list(_attributes(node))
    word = node.op.name if _said(node) else _formula(node)
    if node.op.leaf:
        return attributes[0] if attributes else word
    if any(operand is not None for operand in operands):
        inner = [HOLE if operand is None else operand for operand in operands]
        return f"{word}({', '.join([*inner, *attributes])})"
    if "items" in dict(node.attrs):
        return attributes[0]
    return " ".join([word, *attributes])


def _infix(sign: str, left: str | None, right: str | None) -> str:
    shown = SIGNS.get(sign, sign)
    if sign == "^":
        return f"{left or ''}^{right or ''}"
    return " ".join(part for part in (left, shown, right) if part)


def _attributes(node: Node) -> Iterator[str]:
    for text in attribute_texts(node):
        name, _, value = text.partition("=")
        if node.op.random and node.op.attributes[name].kind == "internal":
            continue  # the name of its stream
        # an index and a constant are their values; others need their names
        yield value if node.op.leaf or name == "items" else text


def _said(node: Node) -> bool:
    """Whether the text calls the op by its name."""
    if node.origin is None or node.op.leaf:
        return True
    return re.search(rf"\b{node.op.name}\b", node.origin.span.text) is not None


def _formula(node: Node) -> str:
    """The formula of an op that is not called by name, its one operand left out: `Σ`, `ᵀ`; the
    name where it is words: `x in another shape`."""
    formula = node.op.formula
    if len(node.op.operands) != 1:
        return node.op.name
    (operand,) = node.op.operands
    for bare in (formula.removeprefix(operand), formula.removesuffix(operand)):
        if bare != formula and operand not in bare and not bare.startswith((" ", ",")):
            return bare.strip().replace("-", MINUS) or node.op.name
    return node.op.name


def describe(node: Node, doc: str | None) -> str:
    """What a pointer over the node shows: type, the text it comes from, its documentation."""
    lines = [f"{node.name}: {node.type}" if node.name else str(node.type)]
    if node.origin is not None:
        span = node.origin.span
        lines.append(f"{span.source.name}:{span.line}: {one_line(span.text, 80)}")
    if doc:
        lines.append(doc)
    return "\n".join(lines)


def docs_by_name(statements: Any) -> dict[str, str]:
    """The `##` lines of a program's declarations, by the names they declare."""
    found = {}
    for statement in statements:
        doc = getattr(statement, "doc", None)
        name = getattr(statement, "name", None)
        for each in getattr(statement, "names", (name,) if name else ()):
            if doc:
                found[each.id] = doc
    return found
