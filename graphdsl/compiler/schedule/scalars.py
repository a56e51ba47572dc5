"""Untyped scalars of a program: numbers that are known, and what depends on the step.

They are Python floats while the program runs: an optimizer's 1 - beta^t costs no array.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphdsl.graph.graph import Node
from graphdsl.graph.op import OPS
from graphdsl.graph.sizes import evaluate
from graphdsl.language.diagnostics import InternalError
from graphdsl.ops import formulas


class Scalars:
    """The values of weak nodes, entered in order: numbers, or variables of the program."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._sizes = sizes
        self._values: dict[int, Any] = {}
        self._lines: list[tuple[str, str]] = []

    def enter(self, node: Node) -> None:
        """Take up a weak node whose operands are there."""
        attrs = node.attributes()
        if node.op is OPS["number"]:
            self._values[node.id] = attrs["value"]
        elif node.op is OPS["extent"]:
            self._values[node.id] = evaluate(attrs["size"], self._sizes)
        elif node.op is OPS["clock"]:
            self._values[node.id] = attrs["which"]
        else:
            self._values[node.id] = self._computed(node)

    def value(self, id: int) -> Any:
        """A number, or the name of the variable that holds one while the program runs."""
        return self._values[id]

    def lines(self) -> tuple[tuple[str, str], ...]:
        """(variable, expression) for everything that depends on the step, in order."""
        return tuple(self._lines)

    def _computed(self, node: Node) -> Any:
        if node.op.scalar is None:
            raise InternalError(f"the op {node.op.name} has no scalar formula")
        values = [self._values[id] for id in node.operands]
        if not any(isinstance(value, str) for value in values):
            return formulas.evaluate(node.op, *values)
        fields = {
            name: value if isinstance(value, str) else f"({value!r})"
            for name, value in zip(node.op.operands, values, strict=True)
        }
        name = f"w{node.id}"
        self._lines.append((name, node.op.scalar.format(**fields)))
        return name
