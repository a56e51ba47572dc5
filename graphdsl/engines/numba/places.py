"""Where the arrays of a schedule stand: which memory, from which element on, with which strides.

Variables of a program come in, `Access`es over the axes of a loop go out. Two accesses with the
same memory, start and strides are the same elements in the same order.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from graphdsl.compiler.schedule import Schedule, Step
from graphdsl.compiler.schedule.stand_ins import StandIns, view_of
from graphdsl.graph.kernel import Array, ArrayType
from graphdsl.graph.types import DType

NAME = re.compile(r"(?<![\w.'\"])[bcpvx]\d+(?:_\d+)?\b|\bk_w\w+\b")
"""The variables of a program that are arrays."""

Key = tuple[str, int, DType, tuple[int, ...]]
"""What tells apart the elements that accesses stand for: the memory, the byte of the first one in
it, their type and their strides."""

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
        return math.prod(self.shape)


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

    def key(self, extents: Mapping[str, Extent]) -> Key:
        """What tells apart its elements, but for those that an index says."""
        extent = extents[self.root]
        first = extent.start + self.start * self.dtype.numpy.itemsize
        return extent.memory, first, self.dtype, self.strides


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
            self.extents[name] = Extent(name, 0, array.nbytes)
        for name, dtype in schedule.cells.items():
            self._own(name, ArrayType(dtype))
        self._fed = {name: text for step in steps for name, text in step.views}
        self._views = {**self._fed, **dict(schedule.views)}

    def root(self, name: str) -> str:
        """The variable whose memory `name` is a view of."""
        while name not in self.extents:
            name = _base(self._views[name])
        return name

    def roots_in(self, lines: Iterable[str]) -> set[str]:
        """The roots of all arrays that statements name."""
        found = {name for line in lines for name in NAME.findall(line)}
        return {self.root(name) for name in found if name in self.extents or name in self._views}

    def fed_views(self, lines: Iterable[str]) -> tuple[tuple[str, str], ...]:
        """(variable, expression) of the views of what is fed that statements name, bases first."""
        used = {name for line in lines for name in NAME.findall(line)}
        for name, text in reversed(self._fed.items()):
            used |= set(NAME.findall(text)) if name in used else set()
        return tuple((name, text) for name, text in self._fed.items() if name in used)

    def find(self, name: str) -> Place | None:
        """The place of an array; None where it is none, or has elements no loop is made for."""
        if name not in self.extents and name not in self._views:
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
        base = _base(self._views[name])
        return view_of(self._stand_in(base), self._views[name].removeprefix(base))


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
    left = [pair for pair in zip(shape, access.strides, strict=True) if pair[0] != 1]
    for size in reversed(wanted):
        stride = 0 if size == 1 else _take_axis(left, size)
        if stride is None:
            return None
        strides.append(stride)
    if left:
        return None
    index = access.index and reshaped(access.index, shape, wanted)
    if index is None and access.index is not None:
        return None
    return replace(access, strides=tuple(reversed(strides)), index=index)


def _take_axis(left: list[tuple[int, int]], size: int) -> int | None:
    """The stride of an axis of so many turns, which the last of those that are `left`, pairs of
    size and stride, are taken for; None where they have no one stride."""
    if not left:
        return None
    whole, stride = left.pop()
    while whole < size and left and size % whole == 0:
        # two axes as one, where they are as far apart as they are long
        outer, outer_stride = left[-1]
        if outer_stride != stride * whole:
            return None
        left.pop()
        whole *= outer
    if whole % size:
        return None
    if whole > size:
        left.append((whole // size, stride * size))
    return stride


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
