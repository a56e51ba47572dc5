"""States and parameters on the way to their new values: which node computes in a stored array.

From the last read of what it holds until its new value is written, a stored array is free. What
the update sweep computes from it meanwhile, element by element, is written over it: that takes no
memory of its own, and the kernels pass through fewer arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from graphdsl.compiler.schedule.storage import Storage
from graphdsl.compiler.schedule.values import Region
from graphdsl.graph.graph import Node


@dataclass(frozen=True, slots=True)
class _Loan:
    """Until when an array holds what was computed in it, and the node that is written at last."""

    end: int
    value: int


class Lending:
    """The stored arrays of one program, lent to one node after the other."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.nodes: set[int] = set()
        """Those that have computed in a stored array."""
        self._loans: dict[str, _Loan] = {}
        writes = storage.graph.writes
        self._values = {
            w.target: w.value
            for w in writes
            if storage.pinned.get(w.value) == storage.leaves[w.target]
        }
        self._read_elsewhere = _last_reads_elsewhere(storage) if self._values else {}

    def lend(self, node: Node, names: Sequence[str]) -> str | None:
        """The name of the operand that a node may write over, of those with these names in its
        operands' order; None where it needs an array of its own."""
        storage = self.storage
        if node.sweep != "update" or not node.op.inplace:
            return None
        if storage.when[node.id] < storage.last_refusal:
            return None  # what a kernel refuses leaves what is stored as it was
        for id, name in zip(node.operands, names, strict=True):
            if storage.types[id] != storage.types[node.id] or storage.reads_view(id, node):
                continue
            value = self._written_at_last(id, name, storage.when[node.id])
            if value is not None and self._ends_before(node, value):
                self._loans[name] = _Loan(storage.last_read[node.id], value)
                self.nodes.add(node.id)
                return name
        return None

    def _written_at_last(self, id: int, name: str, now: int) -> int | None:
        """The node that will be written where an operand lies, if nothing but the node that runs
        now needs the operand any more."""
        if name in self._loans:
            loan = self._loans[name]
            return loan.value if loan.end == now else None
        if id not in self._values or self.storage.last_read[id] != now:
            return None
        return self._values[id] if self._read_elsewhere.get(id, -1) < now else None

    def _ends_before(self, node: Node, value: int) -> bool:
        """Whether a node is read for the last time before the value is written over it, or by the
        value's own kernel, element by element."""
        storage = self.storage
        end, written = storage.last_read[node.id], storage.when[value]
        if end != written:
            return end < written
        reader = storage.graph.nodes[value]
        same = storage.types[value] == storage.types[node.id]
        return reader.op.inplace and same and not storage.reads_view(node.id, reader)


def _last_reads_elsewhere(storage: Storage) -> Mapping[int, int]:
    """Of each leaf that shares memory with others when one of these is read last."""
    last: dict[int, int] = {}
    for one, other in _sharing(storage.leaves):
        last[one] = max(last.get(one, -1), storage.last_read[other])
        last[other] = max(last.get(other, -1), storage.last_read[one])
    return last


def _sharing(regions: Mapping[int, Region]) -> Iterator[tuple[int, int]]:
    """The pairs of leaves that share memory."""
    sized = [id for id, region in regions.items() if region.type.size]
    open: list[int] = []
    for id in sorted(sized, key=lambda id: (regions[id].array, regions[id].offset)):
        open = [other for other in open if regions[other].overlaps(regions[id])]
        yield from ((other, id) for other in open)
        open.append(id)
