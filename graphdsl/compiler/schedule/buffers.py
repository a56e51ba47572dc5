"""The arrays that kernels write: which node takes new memory, which an operand's, and how long.

Nodes come in one by one, names of arrays go out; at the end, slots of an arena.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphdsl.compiler.schedule.lending import Lending
from graphdsl.compiler.schedule.names import Names
from graphdsl.compiler.schedule.storage import Storage
from graphdsl.compiler.schedule.values import Region, Slot, Step, place_buffers
from graphdsl.graph.graph import Node
from graphdsl.graph.kernel import ArrayType, KernelCall


@dataclass(slots=True)
class _Buffer:
    """A stretch of the arena: written first and read last at these places in the order."""

    start: int
    end: int
    type: ArrayType


class Buffers:
    """The arrays of one program. `order` is the order in which its nodes run."""

    def __init__(self, storage: Storage, names: Names) -> None:
        self.storage = storage
        self.names = names
        self.lending = Lending(storage)
        self.regions: dict[str, Region] = {}
        self.naive_bytes = 0
        self.scratch_bytes: dict[int, int] = {}
        """Of each node that has a kernel, beside its result."""
        self._region_names: dict[Region, str] = {}
        self._buffers: dict[str, _Buffer] = {}

    def enter_region(self, name: str, region: Region) -> None:
        """Take up a stored array by the name it is read by."""
        self.regions[name] = region
        self._region_names[region] = name

    def output(self, node: Node, call: KernelCall) -> str:
        """The name of the array that takes the result: a pinned one, an operand's, a stored one
        that is written over anyway, a new one.

        A kernel that writes over an operand uses the operand's own name: NumPy is slower where
        it has to find out that two arrays are the same memory.
        """
        name, storage = f"b{node.id}", self.storage
        if node.id in storage.pinned:
            region = storage.pinned[node.id]
            name = self._region_names.get(region, name)
            self.regions[name] = region
            return name
        end = storage.last_read[node.id]
        # NumPy takes its quick path for arrays without axes only where they are apart
        inplace = node.op.inplace and storage.types[node.id].shape
        over = self._overwritten(node, call) if inplace else None
        if over is not None:
            self._buffers[over].end = end
            return over
        lent = self.lending.lend(node, call.args) if inplace else None
        if lent is not None:
            return lent
        self._buffers[name] = _Buffer(storage.when[node.id], end, storage.types[node.id])
        return name

    def add_scratch(self, node: Node, call: KernelCall) -> None:
        """Make room for what a kernel has asked for besides its result."""
        when = self.storage.when[node.id]
        for name, type in call.scratches:
            self._buffers[name] = _Buffer(when, when, type)
        self.scratch_bytes[node.id] = sum(type.nbytes for _, type in call.scratches)
        self.naive_bytes += self.storage.types[node.id].nbytes + self.scratch_bytes[node.id]

    def keep(self, name: str, node: Node) -> None:
        """Let an array live until a node has read it."""
        buffer = self._buffers[name]
        buffer.end = max(buffer.end, self.storage.when[node.id])

    def slots(self, steps: Sequence[Step]) -> tuple[dict[str, Slot], int]:
        """Each buffer's place in the arena, lives counted in steps, and the bytes in all."""
        numbers = self._step_numbers(steps)
        return place_buffers(
            (name, buffer.type, numbers[buffer.start], numbers[buffer.end])
            for name, buffer in self._buffers.items()
        )

    def _step_numbers(self, steps: Sequence[Step]) -> list[int]:
        """The number of the step of each place in the order; nodes without one take the step
        before, and the end of the program the last one."""
        when = [*self.storage.when, len(self.storage.when)]
        numbers = [-1] * len(when)
        for number, step in enumerate(steps):
            numbers[when[step.node]] = number
        last = 0
        for at, number in enumerate(numbers):
            last = numbers[at] = number if number >= 0 else last
        return numbers

    def _overwritten(self, node: Node, call: KernelCall) -> str | None:
        """An operand's array that nothing needs any more and that has the result's type."""
        types, now = self.storage.types, self.storage.when[node.id]
        for id, name in zip(node.operands, call.args, strict=True):
            buffer = self._buffers.get(name)
            if buffer is None or buffer.end != now or types[id] != types[node.id]:
                continue
            # a view of the same array would be read after it is partly overwritten
            others = {self.names.root(arg) for arg in call.args if arg != name}
            if name not in others:
                return name
        return None
