"""The kernel of a loop that stands alone: a reduction of columns, or one in a fixed order."""

from __future__ import annotations

import math
from collections.abc import Sequence

from graphdsl.engines.numba.formula import beginning, converted, number, written
from graphdsl.engines.numba.items import Loop, Number
from graphdsl.engines.numba.places import Access
from graphdsl.engines.numba.writing import (
    Kernel,
    Surroundings,
    Writer,
    loop_over,
    merge,
    part_line,
)


def loop_kernel(loop: Loop, around: Surroundings) -> Kernel:
    """The kernel of a loop that stands alone: a reduction of columns, or one in a fixed order."""
    return _LoopWriter(loop, around).kernel()


class _LoopWriter(Writer):
    def __init__(self, loop: Loop, around: Surroundings) -> None:
        super().__init__(around)
        accesses = [*loop.reads(), loop.out]
        axes = merge(loop.shape, [access.strides for access in accesses])
        self.loop = loop_over(loop, [axis[-1] for axis in axes])
        self.shape = [math.prod(loop.shape[one] for one in axis) for axis in axes]
        self.read: list[str] = []
        """The operands as the formula has them, since they were last read."""

    def kernel(self) -> Kernel:
        """The whole text."""
        lines = self._reduced() if self.loop.start else self._nest()
        divided = bool(self.loop.start) and any(self.loop.out.strides)
        opening = [*self.opening()]
        if divided:
            size = self.shape[self._kept()[self._divided()]]
            opening.append(part_line(size))
        work = math.prod(self.shape)
        return Kernel((*opening, *lines), self.arguments(), divided, work)

    def _kept(self) -> list[int]:
        return [axis for axis, stride in enumerate(self.loop.out.strides) if stride]

    def _divided(self) -> int:
        """Which of the kept axes is divided between parts: the longest."""
        sizes = [self.shape[axis] for axis in self._kept()]
        return sizes.index(max(sizes))

    def _reduced(self) -> list[str]:
        """A reduction: sums are kept in memory where elements that lie together are reduced to
        different ones, else in a variable."""
        kept, loop = self._kept(), self.loop
        others = [axis for axis in range(len(self.shape)) if axis not in kept]
        divided = kept[self._divided()] if kept else -1
        begin = beginning(loop.start, loop.out.dtype)
        element = self.element(loop.out, self.shape)
        if kept and kept[-1] > max(others, default=-1):
            outer, inner = kept[:-1], kept[-1:]
            opened = self._looped(inner, [f"{element} = {begin}"], divided)
            lines = self._loads()
            lines.append(f"{element} = {self._formula(element)}")
            added = self._looped([*others, *inner], lines, divided)
            return self._looped(outer, [*opened, *added], divided)
        loads = self._loads()
        inside = self._looped(others, [*loads, f"y = {self._formula('y')}"], divided)
        return self._looped(kept, [f"y = {begin}", *inside, f"{element} = y"], divided)

    def _nest(self) -> list[str]:
        """A loop in the order of its elements. Indices are read in the outermost loop that moves
        them: compilers can't tell that nothing which is written there changes them."""
        out = self.loop.out
        scopes = [list[str]() for _ in range(len(self.shape) + 1)]
        self._load(scopes)
        index = self._index(out, scopes)
        made = self._formula(self.loaded(out, self.shape, index))
        scopes[-1].append(f"{self.element(out, self.shape, index)} = {made}")
        lines = scopes.pop()
        while scopes:
            lines = [*scopes.pop(), *self._looped([len(scopes)], lines, -1)]
        return lines

    def _looped(self, axes: Sequence[int], lines: list[str], divided: int) -> list[str]:
        for axis in reversed(axes):
            ends = "first, last" if axis == divided else str(self.shape[axis])
            lines = [f"for i{axis} in range({ends}):", *(f"    {line}" for line in lines)]
        return lines

    def _loads(self) -> list[str]:
        """The lines that read the operands."""
        lines: list[str] = []
        self._load([lines] * (len(self.shape) + 1))
        return lines

    def _load(self, scopes: Sequence[list[str]]) -> None:
        """Add the lines that read the operands; `scopes` are the lines inside no loop, the first,
        and so on."""
        self.read = []
        for operand in self.loop.operands:
            if isinstance(operand, Number):
                self.read.append(number(operand.value, self.loop.literal))
            elif operand.root in self.around.values and operand.index is None:
                self.read.append(number(self.around.values[operand.root], operand.dtype))
            else:
                index = self._index(operand, scopes)
                name = self.name()
                scopes[-1].append(f"{name} = {self.loaded(operand, self.shape, index)}")
                self.read.append(name)

    def _index(self, access: Access, scopes: Sequence[list[str]]) -> str:
        """The variable that holds an access' index, read in the scope that it depends on; empty if
        it has none."""
        if access.index is None:
            return ""
        name = self.name()
        moved = [axis for axis, stride in enumerate(access.index.strides) if stride]
        depth = max(moved, default=-1) + 1
        scopes[depth].append(f"{name} = {self.element(access.index, self.shape)}")
        return name

    def _formula(self, before: str) -> str:
        loop = self.loop
        made = written(loop.formula, tuple(self.read), before, loop.literal)
        return converted(made, loop.out.dtype)
