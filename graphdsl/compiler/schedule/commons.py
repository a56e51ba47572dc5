"""What kernels of one program do alike with an operand: the first one does it for those behind it.

Labels are checked and turned into places of a flat array by every kernel that picks at them. A node
of a graph never changes its value, so that what was found of it once stays right.
"""

from __future__ import annotations

from collections.abc import Hashable

from graphdsl.compiler.schedule.buffers import Buffers
from graphdsl.graph.graph import Node
from graphdsl.graph.kernel import KernelCall


class Commons:
    """What the kernels so far have done, in the order in which they run."""

    def __init__(self, buffers: Buffers) -> None:
        self.buffers = buffers
        self._known: dict[tuple[int, Hashable], str] = {}

    def find(self, node: Node, position: int, what: Hashable) -> str | None:
        """The variable of what an earlier kernel has done with an operand of a node, which lives
        until that node has read it; None where none has."""
        variable = self._known.get((node.operands[position], what))
        if variable:
            self.buffers.keep(variable, node)
        return variable

    def add(self, node: Node, call: KernelCall) -> None:
        """Take up what a node's kernel has done first."""
        for common in call.commons:
            self._known[node.operands[common.position], common.what] = common.variable
