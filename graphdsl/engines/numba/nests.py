"""The kernel of a group: one nest of loops over its rows, in which stages loop over its columns."""

from __future__ import annotations

import math
from collections.abc import Sequence

from graphdsl.engines.numba.formula import beginning, converted, number, written
from graphdsl.engines.numba.fusing import Group, Member
from graphdsl.engines.numba.items import Loop, Number, Operand
from graphdsl.engines.numba.places import Access, Key
from graphdsl.engines.numba.writing import (
    Kernel,
    Surroundings,
    Writer,
    loop_over,
    merge,
    part_line,
)
from graphdsl.graph.types import DType


def _simple(group: Group) -> tuple[tuple[int, ...], int, list[Member]]:
    """The group over as few axes as can be: sizes, how many are rows, members."""
    axes = (*group.rows, *group.columns)
    steps = [access.strides for access in group.accesses()]
    split = len(group.rows)
    rows = merge(axes[:split], [s[:split] for s in steps])
    columns = merge(axes[split:], [s[split:] for s in steps])
    joined = [*rows, *([split + a for a in axis] for axis in columns)]
    kept = [axis[-1] for axis in joined]
    sizes = tuple(math.prod(axes[one] for one in axis) for axis in joined)
    members = [Member(loop_over(m.loop, kept), m.whole, m.stage) for m in group.members]
    return sizes, len(rows), members


def group_kernel(group: Group, around: Surroundings) -> Kernel:
    """The kernel of a group."""
    return _GroupWriter(group, around).kernel()


class _GroupWriter(Writer):
    def __init__(self, group: Group, around: Surroundings) -> None:
        super().__init__(around)
        self.shape, self.depth, members = _simple(group)
        self.members = sorted(members, key=lambda m: (m.stage, not m.whole))
        self.stored = self._find_stored()
        # loads of what does not change in a loop stand before it
        self.outer = [list[str]() for _ in range(self.depth + 1)]
        self.values: dict[Key, str] = {}

    def kernel(self) -> Kernel:
        """The whole text."""
        stages: dict[int, list[Member]] = {}
        for member in self.members:
            stages.setdefault(member.stage, []).append(member)
        body = self.outer[self.depth]
        for members in stages.values():
            body += self._stage(members)
            rows = {k: v for k, v in self.values.items() if self._depth(k[3]) <= self.depth}
            self.values = rows
        lines = self._nested(self.outer, 0, divided=True)
        opening = [*self.opening()]
        if self.depth:
            opening.append(part_line(self.shape[0]))
        work = math.prod(self.shape) * len(self.members)
        return Kernel((*opening, *lines), self.arguments(), self.depth > 0, work)

    def _nested(
        self, scopes: Sequence[Sequence[str]], first: int, divided: bool = False
    ) -> list[str]:
        """The lines inside no loop, those inside the one over the axis `first`, and so on, the
        outermost loop `divided` between parts or not."""
        lines: list[str] = []
        for depth in reversed(range(len(scopes))):
            lines = [*scopes[depth], *lines]
            if depth:
                lines = self._looped(first + depth - 1, lines, divided and depth == 1)
        return lines

    def _looped(self, axis: int, lines: Sequence[str], divided: bool) -> list[str]:
        """Lines inside the loop over an axis."""
        ends = "first, last" if divided else str(self.shape[axis])
        return [f"for i{axis} in range({ends}):", *(f"    {line}" for line in lines)]

    def _stage(self, members: Sequence[Member]) -> list[str]:
        """A loop over the columns, and what stands before and behind it once a row; a flat group
        has no columns, so that all it computes stands in its rows."""
        before: list[str] = []
        after: list[str] = []
        scopes = [list[str]() for _ in range(len(self.shape) - self.depth + 1)]
        sums: list[tuple[Member, str]] = []
        wholes = [m for m in members if m.whole]
        for member in wholes:
            if member.folds:
                sums.append((member, self._fold(member.loop, before, scopes)))
            else:
                self._compute(member, scopes[-1], scopes)
        for member, name in sums:  # which nobody may read before the loop is done
            self._keep(member, name, after)
        for member in members:
            if not member.whole:
                self._compute(member, after, [[]])
        return [*before, *(self._nested(scopes, self.depth) if wholes else ()), *after]

    def _fold(self, loop: Loop, before: list[str], scopes: list[list[str]]) -> str:
        """The variable of a reduction: begun before the loop over the columns, added to in it."""
        name = self.name()
        before.append(f"{name} = {beginning(loop.start, loop.out.dtype)}")
        scopes[-1].append(f"{name} = {self._expression(loop, name, scopes)}")
        return name

    def _compute(self, member: Member, lines: list[str], scopes: list[list[str]]) -> None:
        """The line of a member that is no reduction."""
        name = self.name()
        expression = self._expression(member.loop, "", scopes, lines)
        lines.append(f"{name} = {expression}")
        self._keep(member, name, lines)

    def _keep(self, member: Member, name: str, lines: list[str]) -> None:
        """Remember which variable holds a member's result, and store it if need be."""
        out = member.loop.out
        self.values[self.key(out)] = name
        if id(member) in self.stored:
            lines.append(f"{self.element(out, self.shape)} = {name}")

    def _expression(
        self, loop: Loop, before: str, scopes: list[list[str]], lines: list[str] | None = None
    ) -> str:
        operands = tuple(self._operand(o, loop.literal, scopes, lines) for o in loop.operands)
        return converted(written(loop.formula, operands, before, loop.literal), loop.out.dtype)

    def _operand(
        self, operand: Operand, literal: DType, scopes: list[list[str]], lines: list[str] | None
    ) -> str:
        if isinstance(operand, Number):
            return number(operand.value, literal)
        if operand.root in self.around.values:
            return number(self.around.values[operand.root], operand.dtype)
        if operand.index is not None:
            index = self._operand(operand.index, DType.i64, scopes, lines)
            target = scopes[-1] if lines is None else lines
            return self._load(operand, target, index)
        key = self.key(operand)
        if key not in self.values:
            depth = self._depth(operand.strides)
            is_row = depth <= self.depth
            target = self.outer[depth] if is_row else scopes[depth - self.depth]
            self.values[key] = self._load(operand, target, "")
        return self.values[key]

    def _load(self, access: Access, lines: list[str], index: str) -> str:
        name = self.name()
        lines.append(f"{name} = {self.loaded(access, self.shape, index)}")
        return name

    def _is_inner(self, access: Access) -> bool:
        return self._depth(access.strides) > self.depth

    def _depth(self, strides: Sequence[int]) -> int:
        """How many loops an element depends on."""
        return max((axis + 1 for axis, stride in enumerate(strides) if stride), default=0)

    def _find_stored(self) -> set[int]:
        """The members whose results have to be in memory: read by a later stage, or afterwards."""
        stored: set[int] = set()
        last: dict[Key, Member] = {}
        for member in self.members:
            for access in member.loop.reads():
                writer = last.get(self.key(access))
                if writer is not None and writer.stage != member.stage and self._is_inner(access):
                    stored.add(id(writer))
            last[self.key(member.loop.out)] = member
        for member in last.values():
            if self.around.needed(member.loop.out.root):
                stored.add(id(member))
        return stored
