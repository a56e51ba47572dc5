"""The kernel of a loop that stands alone: a reduction of columns, or one in a fixed order."""

from __future__ import annotations

import math
from collections.abc import Sequence

from graphdsl.engines.numba.formula import beginning, converted, number, written
from graphdsl.engines.numba.items import Loop, Number
from graphdsl.engines.numba.writing import Kernel, Surroundings, Writer, loop_over, merge


def loop_kernel(loop: Loop, around: Surroundings) -> Kernel:
    """The kernel of a loop that stands alone: a reduction of columns, or one in a fixed order."""
    return _LoopWriter(loop, around).kernel()


class _LoopWriter(Writer):
    def __init__(self, loop: Loop, around: Surroundings) -> None:
        super().__init__(around)
        accesses = [*loop.reads(), loop.out]
        axes = merge(loop.shape, [access.strides for access in accesses])
        self.loop = loop_over(loop, [axis[-1] for axis in axes])
        self.shape = [math.prod(loop.shape[axis] for axis in axes_) for axes_ in axes]

    def kernel(self) -> Kernel:
        """The whole text."""
        lines = self._reduced() if self.loop.start else self._nest(range(len(self.shape)))
        divided = bool(self.loop.start) and any(self.loop.out.strides)
        opening = [*self.opening()]
        if divided:
            size = self.shape[self._kept()[self._divided()]]
            opening += [f"first, last = {size} * part // parts, {size} * (part + 1) // parts"]
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

    def _nest(self, axes: Sequence[int]) -> list[str]:
        """A loop in the order of its elements."""
        loads = self._loads()
        index = ""
        if self.loop.out.index is not None:
            index = self.name()
            loads.append(f"{index} = {self.element(self.loop.out.index, self.shape)}")
        target = self.element(self.loop.out, self.shape, index)
        return self._looped(list(axes), [*loads, f"{target} = {self._formula('')}"], -1)

    def _looped(self, axes: Sequence[int], lines: list[str], divided: int) -> list[str]:
        for axis in reversed(axes):
            ends = "first, last" if axis == divided else str(self.shape[axis])
            lines = [f"for i{axis} in range({ends}):", *(f"    {line}" for line in lines)]
        return lines

    def _loads(self) -> list[str]:
        """The lines that read the operands, which are `self.read` from then on."""
        lines: list[str] = []
        self.read: list[str] = []
        for operand in self.loop.operands:
            if isinstance(operand, Number):
                self.read.append(number(operand.value, self.loop.literal))
            elif operand.root in self.around.values and operand.index is None:
                self.read.append(number(self.around.values[operand.root], operand.dtype))
            else:
                index = ""
                if operand.index is not None:
                    index = self.name()
                    lines.append(f"{index} = {self.element(operand.index, self.shape)}")
                name = self.name()
                lines.append(f"{name} = {self.loaded(operand, self.shape, index)}")
                self.read.append(name)
        return lines

    def _formula(self, before: str) -> str:
        loop = self.loop
        made = written(loop.formula, tuple(self.read), before, loop.literal)
        return converted(made, loop.out.dtype)
