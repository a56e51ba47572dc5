"""What a kernel rule sees: concrete types and the names of arrays in the emitted program.

A rule emits NumPy statements. Whatever it needs besides operands and result (scratch arrays,
constants, other views of an operand) it asks for, so that the planner can place it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphdsl.graph.sizes import evaluate
from graphdsl.graph.types import DType, TensorType

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class ArrayType:
    """A tensor type with every size a number. `weak` scalars are Python floats."""

    dtype: DType
    shape: tuple[int, ...] = ()
    weak: bool = False

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes the elements take."""
        return self.size * self.dtype.numpy.itemsize

    def __str__(self) -> str:
        sizes = ", ".join(map(str, self.shape))
        return f"{self.dtype}[{sizes}]" if self.shape else str(self.dtype)


def bound(type: TensorType, sizes: Mapping[str, int]) -> ArrayType:
    """A type with its symbols bound to numbers; raises `KeyError` with the name of one that is
    not."""
    return ArrayType(type.dtype, tuple(evaluate(size, sizes) for size in type.shape), type.weak)


@dataclass(frozen=True, slots=True)
class Common:
    """What a kernel says or computes of one operand and constants alone, so that another kernel
    with the same operand need not do it again."""

    position: int
    what: Hashable
    variable: str = ""
    """The array that holds it; empty where nothing is computed."""


@dataclass(slots=True)
class KernelCall:
    """One application of an op, while its statements are made."""

    out: str
    out_type: ArrayType
    args: tuple[str, ...]
    types: tuple[ArrayType, ...]
    contiguous: tuple[bool, ...]
    """Whether each operand's elements stand in C order without gaps."""
    attrs: Mapping[str, Any]
    where: str
    """The node as a message names it, for faults found while running; empty where its op refuses
    nothing."""
    bind_constant: Callable[[Array], str]
    bind_view: Callable[[str, str], str]
    bind_stream: Callable[[str], str] | None = None
    find_common: Callable[[int, Hashable], str | None] = lambda position, what: None
    """The variable of what an earlier kernel has done with an operand, None where none has."""
    prefix: str = ""
    """What the names of scratch arrays begin with; `out` if empty."""
    lines: list[str] = field(default_factory=list)
    scratches: list[tuple[str, ArrayType]] = field(default_factory=list)
    commons: list[Common] = field(default_factory=list)
    """What is done here for the first time."""

    def emit(self, *lines: str) -> None:
        """Add statements."""
        self.lines.extend(lines)

    def scratch(self, shape: Sequence[int], dtype: DType | None = None) -> str:
        """The name of an array that only this kernel uses, in C order, uninitialised."""
        name = f"{self.prefix or self.out}_{len(self.scratches)}"
        self.scratches.append((name, ArrayType(dtype or self.out_type.dtype, tuple(shape))))
        return name

    def is_new(self, position: int, what: Hashable) -> bool:
        """Whether nothing before has done with operand `position` what `what` names: then the
        statements that follow do it."""
        if self.find_common(position, what) is not None:
            return False
        self.commons.append(Common(position, what))
        return True

    def common(
        self, position: int, what: Hashable, shape: Sequence[int], dtype: DType
    ) -> tuple[str, bool]:
        """The name of an array for what `what` names of operand `position`, and whether the
        statements that follow have yet to fill it; nothing else may write it."""
        known = self.find_common(position, what)
        if known is not None:
            return known, False
        name = self.scratch(shape, dtype)
        self.commons.append(Common(position, what, name))
        return name, True

    def constant(self, array: Array) -> str:
        """The name of a read-only array with these elements, made once when the program loads."""
        return self.bind_constant(array)

    def stream(self) -> str:
        """The name of the random stream of this node, an object of `ops.runtime.Stream`; the
        attribute `stream` is its qualified name. The step is the variable `t`."""
        assert self.bind_stream is not None
        return self.bind_stream(self.attrs["stream"])

    def view(self, name: str, suffix: str) -> str:
        """The name of a view, `name` followed by `suffix` (".T", ".reshape(-1)"), made once
        where the array is planned and at each call where it is fed."""
        return self.bind_view(name, suffix)

    def bare(self, position: int) -> str:
        """Operand `position`, without its axes if it is one element among more: NumPy has a faster
        loop for it."""
        type, name = self.types[position], self.args[position]
        if type.weak or not type.shape or type.size != 1 or self.out_type.size == 1:
            return name
        return self.view(name, ".reshape(())")

    def ordered(self, position: int) -> str:
        """Operand `position` in C order without gaps, copied where it does not stand so."""
        if self.contiguous[position]:
            return self.args[position]
        array = self.scratch(self.types[position].shape, self.types[position].dtype)
        self.emit(f"copyto({array}, {self.args[position]})")
        return array

    def flat(self, position: int) -> str:
        """Operand `position` in one axis; it has to be contiguous."""
        name = self.args[position]
        return name if self.types[position].rank == 1 else self.view(name, ".reshape(-1)")

    def flat_out(self) -> str:
        """The result in one axis."""
        return self.out if self.out_type.rank == 1 else self.view(self.out, ".reshape(-1)")
