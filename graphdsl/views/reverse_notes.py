"""What is said of the lines of a printed sweep: the line of the file that a cotangent comes
through, and the rules that made it, as the ops declare them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from textwrap import wrap

from graphdsl.graph.graph import Graph, Node
from graphdsl.language import ast
from graphdsl.language.clipping import clip
from graphdsl.language.layout import WIDTH
from graphdsl.language.source import Span


class Notes:
    """Says where cotangents come from."""

    def __init__(
        self,
        graph: Graph,
        cotangents: Mapping[int, int],
        owners: Mapping[int, int],
        program: ast.Program,
    ) -> None:
        self.graph, self.cotangents, self.owners = graph, cotangents, owners
        self.source = program.source
        self.statements = sorted(_simple(program.statements), key=_start)
        self.consumers: dict[int, list[int]] = {}
        for id in (id for id in sorted(cotangents) if graph.nodes[id].op.vjp is not None):
            for operand in dict.fromkeys(graph.nodes[id].operands):
                self.consumers.setdefault(operand, []).append(id)
        self._said: set[str] = set()

    def place(self, cotangent: int) -> Span | None:
        """The statement that a cotangent comes through first: that of the node it is handed on
        by, its own where the sweep begins. A part of a cotangent knows itself."""
        owner = self.owners.get(cotangent)
        if owner is None:
            return self._statement(self.graph.nodes[cotangent])
        by = self.consumers.get(owner, [owner])
        return self._statement(self.graph.nodes[by[0]])

    def annotated(self, id: int, text: str) -> Iterator[str]:
        """A statement with its rules behind it, or above it where they are too long; a rule that
        has no room is told in full once."""
        rules = self._rules(self.owners[id]) if id in self.owners else {}
        if not rules:
            yield text
            return
        full = "; ".join(rules.values())
        if "\n" not in text and len(text) + len(full) + 4 <= WIDTH:
            self._said.update(rules)
            yield f"{text}  # {full}"
            return
        untold = [rule for op, rule in rules.items() if op not in self._said]
        self._said.update(rules)
        for rule in untold:
            yield from (f"# {line}" for line in wrap(rule, WIDTH - 2))
        names = ", ".join(rules)
        brief = "\n" not in text and not untold and len(text) + len(names) + 4 <= WIDTH
        yield f"{text}  # {names}" if brief else text

    def _rules(self, owner: int) -> dict[str, str]:
        """The rules that made the cotangent of a node, by op: those of the nodes that read it, and
        further on where these have no line of their own."""
        if owner not in self.consumers:
            name = self.graph.nodes[owner].name
            return {"": f"∂{name}/∂{name}"} if name and owner in self.cotangents else {}
        found: dict[str, str] = {}
        pending, seen = list(reversed(self.consumers.get(owner, []))), set()
        while pending:
            id = pending.pop()
            if id in seen:
                continue
            seen.add(id)
            node = self.graph.nodes[id]
            found[_spelled(node)] = self._rule(node, owner)
            if self.cotangents[id] not in self.owners:
                pending += reversed(self.consumers.get(id, []))
        return found

    def _rule(self, node: Node, owner: int) -> str:
        spread = node.op.elementwise and any(
            self.graph.nodes[o].type.shape != node.type.shape for o in node.operands if o == owner
        )
        summed = ", summed where it was broadcast" if spread else ""
        return f"{_spelled(node)}: {node.op.derivative}{summed}"

    def _statement(self, node: Node) -> Span | None:
        """The innermost statement of the file that a node comes from."""
        if node.origin is None:
            return None
        for span in (node.origin.span, *(level.span for level in reversed(node.origin.trail))):
            if span.source is self.source:
                # none stands inside another: the last that begins before the place, if any
                above = bisect_right(self.statements, span.start, key=_start)
                found = self.statements[above - 1] if above else None
                return found if found is not None and span.start < found.end else None
        return None


def _simple(statements: tuple[ast.AnyStatement, ...]) -> Iterator[Span]:
    """The places of the statements that have no body, those inside of bodies among them."""
    for statement in statements:
        if isinstance(statement, ast.Repeat | ast.Block):
            yield from _simple(statement.body)
        else:
            yield statement.span


def _start(span: Span) -> int:
    return span.start


def _spelled(node: Node) -> str:
    """An op as it is written."""
    return f"a {node.op.infix} b" if node.op.infix else node.op.name


def heading(span: Span | None) -> str:
    """A comment with a statement's line and its text, on one line."""
    if span is None:
        return ""
    lines = (line.partition("#")[0] for line in span.text.splitlines())
    text = f"# line {span.line}: {' '.join(' '.join(lines).split())}"
    return clip(text, WIDTH)
