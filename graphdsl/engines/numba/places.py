"""Where the arrays of a schedule stand: which memory, from which element on, with which strides.

Variables of a program come in, `Access`es over the axes of a loop go out. Two accesses with the
same memory, start and strides are the same elements in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from graphdsl.compiler.schedule import Schedule, Step
from graphdsl.compiler.schedule.stand_ins import StandIns
from graphdsl.graph.kernel import Array, ArrayType
from graphdsl.graph.types import DType

NAME = re.compile(r"(?<![\w.'\"])[bcpvx]\d+(?:_\d+)?\b|\bk_w\w+\b")
"""The variables of a program that are arrays."""

_DTYPES = {dtype.numpy: dtype for dtype in DType}


@dataclass(frozen=True, slots=True)
class Place:
    """An array: elements of the memory of `root` from `start` on; strides count elements."""

    root: str
    dtype: DType
    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape, dtype=object))


@dataclass(frozen=True, slots=True)
class Access:
    """The element of a root's memory at each turn of a loop nest: `start` plus each axis' counter
    times its stride, plus, if there is an `index`, what that holds times `scale`; what is below 0
    counts back from `end`."""

    root: str
    dtype: DType
    start: int
    strides: tuple[int, ...]
    index: Access | None = None
    scale: int = 0
    end: int = 0

    def reach(self, shape: Sequence[int]) -> tuple[int, int]:
        """The bytes of the root from the first to behind the last that the loops touch."""
        moves = [s * (n - 1) for s, n in zip(self.strides, shape, strict=True)]
        first = self.start + sum(m for m in moves if m < 0)
        last = self.start + sum(m for m in moves if m > 0)
        itemsize = self.dtype.numpy.itemsize
        return first * itemsize, (last + 1) * itemsize


@dataclass(frozen=True, slots=True)
class Extent:
    """The bytes of a root: those of a stored array that programs share, or its own."""

    memory: str
    start: int
    nbytes: int


class Places:
    """The arrays of one schedule by their variables; `steps` are those of the schedule.

    Little is kept of them: a program has many, and each is asked for a few times at most.
    """

    def __init__(self, schedule: Schedule, steps: Iterable[Step]) -> None:
        self._made = StandIns()
        self._types: dict[str, ArrayType] = {}
        self._constants = schedule.constants
        self.extents: dict[str, Extent] = {}
        for name, region in schedule.regions.items():
            first = region.offset * region.type.dtype.numpy.itemsize
            self.extents[name] = Extent(region.array, first, region.type.nbytes)
            self._types[name] = region.type
        for name, slot in schedule.slots.items():
            self._own(name, slot.type)
        for _, type, name in schedule.inputs:
            self._own(name, type)
        for name, array in schedule.constants.items():
            self._own(name, ArrayType(_DTYPES.get(array.dtype, DType.i64), array.shape))
        for name, dtype in schedule.cells.items():
            self._own(name, ArrayType(dtype))
        self._fed = {name: text for step in steps for name, text in step.views}
        self._views = {**self._fed, **dict(schedule.views)}

    def root(self, name: str) -> str:
        """The variable whose memory `name` is a view of."""
        while name not in self._types:
            name = _base(self._views[name])
        return name

    def roots_in(self, lines: Iterable[str]) -> set[str]:
        """The roots of all arrays that statements name."""
        found = {name for line in lines for name in NAME.findall(line)}
        return {self.root(name) for name in found if name in self._types or name in self._views}

    def fed_views(self, lines: Iterable[str]) -> tuple[tuple[str, str], ...]:
        """(variable, expression) of the views of what is fed that statements name, bases first."""
        used = {name for line in lines for name in NAME.findall(line)}
        for name, text in reversed(self._fed.items()):
            used |= set(NAME.findall(text)) if name in used else set()
        return tuple((name, text) for name, text in self._fed.items() if name in used)

    def find(self, name: str) -> Place | None:
        """The place of an array; None where it is none, or has elements no loop is made for."""
        if name not in self._types and name not in self._views:
            return None
        array, root = self._stand_in(name), self.root(name)
        if array.dtype not in _DTYPES:
            return None
        itemsize = array.itemsize
        apart = _address(array) - _address(self._stand_in(root))
        if apart % itemsize or any(stride % itemsize for stride in array.strides):
            return None
        strides = tuple(stride // itemsize for stride in array.strides)
        return Place(root, _DTYPES[array.dtype], apart // itemsize, array.shape, strides)

    def _own(self, name: str, type: ArrayType) -> None:
        self.extents[name] = Extent(name, 0, type.nbytes)
        self._types[name] = type

    def _stand_in(self, name: str) -> Array:
        """An array with the shape and the strides of `name`, that stands as far from what its root
        is given."""
        if name in self._constants:
            return self._constants[name]
        if name in self._types:
            return self._made.make(self._types[name])
        text = self._views[name]
        made: Array = eval(text, {_base(text): self._stand_in(_base(text))})
        return made


def _base(text: str) -> str:
    """The variable that the text of a view begins with."""
    found = NAME.match(text)
    assert found is not None, text
    return found[0]


def _address(array: Array) -> int:
    return int(array.__array_interface__["data"][0])


def spread(place: Place, shape: Sequence[int]) -> Access:
    """An array as loops over `shape` read it, broadcast as NumPy does."""
    missing = len(shape) - len(place.shape)
    strides = [
        0 if size == 1 else stride for size, stride in zip(place.shape, place.strides, strict=True)
    ]
    return Access(place.root, place.dtype, place.start, (*[0] * missing, *strides))


def reshaped(access: Access, shape: Sequence[int], wanted: Sequence[int]) -> Access | None:
    """The access over other axes with as many turns in the same order; None where an axis would
    need two strides."""
    strides: list[int] = []
    sizes = list(zip(shape, access.strides, strict=True))
    stack = [pair for pair in sizes if pair[0] != 1]
    for size in reversed(wanted):
        if size == 1:
            strides.append(0)
            continue
        if not stack:
            return None
        whole, stride = stack.pop()
        while whole < size and stack and size % whole == 0:
            # two axes as one, where they are as far apart as they are long
            outer, outer_stride = stack[-1]
            if outer_stride != stride * whole:
                return None
            stack.pop()
            whole *= outer
        if whole % size:
            return None
        strides.append(stride)
        if whole > size:
            stack.append((whole // size, stride * size))
    if stack:
        return None
    made = replace(access, strides=tuple(reversed(strides)))
    if access.index is None:
        return made
    index = reshaped(access.index, shape, wanted)
    return None if index is None else replace(made, index=index)


def refined(shapes: Iterable[Sequence[int]]) -> tuple[int, ...] | None:
    """The coarsest axes that those of all shapes, with as many elements, are made of."""
    cuts: set[int] = set()
    for shape in shapes:
        behind = 1
        for size in reversed(shape):
            behind *= size
            cuts.add(behind)
    ordered = sorted(cuts | {1})
    sizes = []
    for low, high in pairwise(ordered):
        if high % low:
            return None
        sizes.append(high // low)
    return tuple(reversed(sizes))
