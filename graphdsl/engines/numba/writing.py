"""What the texts of kernels are made of: numbered arrays, their elements, merged axes.

Arrays are numbered in the order they appear, so that equal computations on other arrays have equal
texts and are compiled once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from graphdsl.engines.numba.items import Loop
from graphdsl.engines.numba.places import Access, Extent, Key
from graphdsl.graph.types import DType

Argument = tuple[str, int]
"""(root, byte) of the first element of an array that a kernel is given."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """The text of a kernel but for its name, what it is given, and whether it has parts."""

    body: tuple[str, ...]
    arguments: tuple[Argument, ...]
    divided: bool
    work: int
    """About how many elements it makes."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a kernel's text depends on besides its loops."""

    extents: Mapping[str, Extent]
    values: Mapping[str, float | int | bool]
    """Of the constants all of whose elements are equal."""
    needed: Callable[[str], bool]
    """Whether what a root holds is read after the kernel."""


class Writer:
    """Names and loads of one kernel."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.arrays: dict[tuple[str, DType, int], str] = {}
        self.count = 0

    def name(self) -> str:
        """A new variable."""
        self.count += 1
        return f"t{self.count}"

    def key(self, access: Access) -> Key:
        """What the elements of an access are told apart by."""
        return access.key(self.around.extents)

    def element(self, access: Access, shape: Sequence[int], index: str = "") -> str:
        """An element as it is read or written inside loops `i0`, `i1`, … over `shape`."""
        back = sum(s * (n - 1) for s, n in zip(access.strides, shape, strict=True) if s < 0)
        key = (access.root, access.dtype, access.start + back)
        array = self.arrays.setdefault(key, f"a{len(self.arrays)}")
        terms = [_term(i, s) for i, s in enumerate(access.strides) if s]
        at = f"({index} if {index} >= 0 else {index} + {access.end})" if access.end else index
        terms += [f"{access.scale} * {at}"] if index else []
        terms += [str(-back)] if back or not terms else []
        return f"{array}[{' + '.join(terms).replace('+ -', '- ')}]"

    def loaded(self, access: Access, shape: Sequence[int], index: str = "") -> str:
        """The element as an expression: truth values are bytes in memory."""
        element = self.element(access, shape, index)
        return f"({element} != 0)" if access.dtype is DType.bool else element

    def arguments(self) -> tuple[Argument, ...]:
        """The arrays in the order of their numbers."""
        return tuple((root, start * dtype.numpy.itemsize) for root, dtype, start in self.arrays)

    def opening(self) -> Iterator[str]:
        """The lines that make arrays of the arguments."""
        if self.arrays:
            yield "at = i64_at(arguments)"
        for place, ((_, dtype, _), name) in enumerate(self.arrays.items()):
            yield f"{name} = {dtype}_at(at[{place}])"


def _term(axis: int, stride: int) -> str:
    return f"i{axis}" if stride == 1 else f"{stride} * i{axis}"


def part_line(size: int) -> str:
    """The line that says which turns of a loop are one part's."""
    return f"first, last = {size} * part // parts, {size} * (part + 1) // parts"


def merge(shape: Sequence[int], steps: Sequence[tuple[int, ...]]) -> list[list[int]]:
    """The axes to be made one loop each: those that every access passes as one."""
    groups: list[list[int]] = []
    for axis, size in enumerate(shape):
        if size == 1:
            continue
        last = groups[-1][-1] if groups else None
        if last is not None and all(s[last] == s[axis] * size for s in steps):
            groups[-1].append(axis)
        else:
            groups.append([axis])
    return groups


def over(access: Access, kept: Sequence[int]) -> Access:
    """The access over merged axes: the last of each has the stride."""
    index = access.index and over(access.index, kept)
    return replace(access, strides=tuple(access.strides[axis] for axis in kept), index=index)


def loop_over(loop: Loop, kept: Sequence[int]) -> Loop:
    """The loop over merged axes."""
    operands = tuple(over(o, kept) if isinstance(o, Access) else o for o in loop.operands)
    return replace(loop, shape=(), operands=operands, out=over(loop.out, kept))
