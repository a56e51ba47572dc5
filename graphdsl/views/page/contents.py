"""What a page draws: a graph comes in; its boxes, what they read and the blocks that hold them go
out as plain data.

A block that is left and entered again on the way of a value (a derivative taken inside it) could
not be one box: what stands in it stands in the block around it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphdsl.graph.graph import Node
from graphdsl.language.clipping import one_line
from graphdsl.language.source import Source
from graphdsl.views import labels
from graphdsl.views.drawing.groups import Group, Tree, grow
from graphdsl.views.drawing.sources import Drawn

LONGEST = 160
"""Characters of an expression's text that are kept for search."""

KINDS = {"call": "block", "loop": "repeat", "turn": "turn"}


@dataclass(frozen=True, slots=True)
class Files:
    """The texts that nodes come from, the model's own first."""

    sources: Sequence[Source]

    def at(self, source: Source) -> int:
        """The position of a text."""
        return next(k for k, one in enumerate(self.sources) if one is source)


def find_files(own: Source, drawn: Drawn) -> Files:
    """The model's text, and those that boxes come from."""
    found = {id(own): own}
    for node in _nodes(drawn):
        if node.origin is not None:
            found.setdefault(id(node.origin.span.source), node.origin.span.source)
    return Files(tuple(found.values()))


def tell_files(files: Files) -> list[dict[str, Any]]:
    """The texts, line by line."""
    return [
        {"name": source.name.rpartition("/")[2], "lines": _lines(source)}
        for source in files.sources
    ]


def _lines(source: Source) -> list[str]:
    """The lines as messages count them: only a newline ends one."""
    return [line.removesuffix("\r") for line in source.text.removesuffix("\n").split("\n")]


def tell_nodes(
    drawn: Drawn, files: Files, docs: Mapping[str, str], home: Mapping[int, int]
) -> Iterator[dict[str, Any]]:
    """Each box: what is written on it, what it reads, where it comes from."""
    roles = labels.roles(drawn.graph)
    for node in _nodes(drawn):
        role = roles[node.id]
        leaf = role in ("input", "param", "frozen", "state")
        yield {
            "id": node.id,
            "name": ", ".join(drawn.named.get(node.id, ())) or None,
            "label": role if leaf else drawn.function(node.id),
            "role": role,
            "type": str(node.type),
            "shape": f"[{', '.join(map(str, node.type.shape))}]" if node.type.shape else "scalar",
            "dtype": str(node.type.dtype),
            "operands": [source for _, source in drawn.operands(node.id)],
            "group": home.get(node.id, -1),
            "doc": docs.get(node.name or ""),
            **_place(node, files),
        }


def _place(node: Node, files: Files) -> dict[str, Any]:
    """The line that a box comes from, and the line of the model's own text that called it."""
    if node.origin is None:
        return {"text": ""}
    span, own = node.origin.span, files.sources[0]
    place = {
        "text": one_line(span.text, LONGEST),
        "file": files.at(span.source),
        "line": span.line,
    }
    called = [level.span.line for level in node.origin.trail if level.span.source is own]
    return place | ({"via": called[-1]} if called and span.source is not own else {})


def tell_groups(drawn: Drawn) -> tuple[list[dict[str, Any]], dict[int, int]]:
    """The blocks, each behind the one that holds it; and the block that each box stands in."""
    tree = grow(drawn.graph, drawn.shown)
    kept, told = {tree.root: -1}, list[dict[str, Any]]()
    for group in tree.root.walk():
        if group.parent is None:
            continue
        if not _is_one_piece(group.members(), drawn):
            kept[group] = kept[group.parent]
            continue
        kept[group] = len(told)
        told.append(
            {
                "id": kept[group],
                "parent": kept[group.parent],
                "kind": KINDS[group.kind],
                "label": _label(group, drawn, tree),
            }
        )
    return told, {id: kept[group] for id, group in tree.home.items()}


def _label(group: Group, drawn: Drawn, tree: Tree) -> str:
    """`h: Dense` for a call that owns something, else what the group is called."""
    names = (name for id in group.members() for name in drawn.named.get(id, ()))
    owns = any(name.startswith(f"{group.name}.") for name in names)
    return f"{group.name}: {group.title}" if owns and group.kind == "call" else group.title


def _is_one_piece(members: Collection[int], drawn: Drawn) -> bool:
    """Whether no value leaves the members and comes back."""
    inside, left = set(members), set[int]()
    first, last = min(members), max(members)
    for id in drawn.shown:
        if first <= id <= last:
            sources = {source for _, source in drawn.operands(id)}
            if id not in inside:
                if not sources.isdisjoint(inside | left):
                    left.add(id)
            elif not sources.isdisjoint(left):
                return False
    return True


def _nodes(drawn: Drawn) -> Iterator[Node]:
    return (drawn.graph.nodes[id] for id in drawn.shown)
