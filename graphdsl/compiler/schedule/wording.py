"""Nodes as messages and comments of an emitted program tell them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from graphdsl.graph.graph import Node
from graphdsl.graph.kernel import ArrayType

_SHORT = 24
"""The longest expression that stands in a message for its node."""


def where(node: Node) -> str:
    """The node as a message names it; the file by its last name, as the program's text must not
    depend on the folder that it was made in."""
    if node.origin is None:
        return node.name or node.op.name
    name = node.name or _written(node, node.origin.span.text)
    return f"{name} at {_file(node)}:{node.origin.span.column}"


def note(node: Node, type: ArrayType) -> str:
    """The node as a comment of the program shows it."""
    name = f"{node.name}: " if node.name else ""
    place = f", {_file(node)}" if node.origin else ""
    return re.sub(r"[^ -~]", "?", f"{name}{node.op.name} {type}{place}")


class Notes(Mapping[int, str]):
    """The notes of a graph's nodes, made as they are asked for: who runs a program reads few of
    them, and together they would take as much memory as its steps."""

    def __init__(self, nodes: Sequence[Node], types: Sequence[ArrayType]) -> None:
        self._nodes, self._types = nodes, types

    def __getitem__(self, id: int) -> str:
        if not 0 <= id < len(self._nodes):
            raise KeyError(id)
        return note(self._nodes[id], self._types[id])

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self._nodes)))

    def __len__(self) -> int:
        return len(self._nodes)


def _written(node: Node, text: str) -> str:
    """What a node without a name was made for, as the file has it: the name that is called, or a
    short expression. Its op may be one that a composite or a derivative is made of."""
    called = re.match(r"[\w.]+(?=\(.*\)$)", text, re.DOTALL)
    if called:
        return called[0]
    return text if len(text) <= _SHORT and "\n" not in text else node.op.name


def _file(node: Node) -> str:
    """The file and the line that a node comes from."""
    assert node.origin is not None
    span = node.origin.span
    return f"{span.source.name.rpartition('/')[2]}:{span.line}"
