"""What a schedule computes, as loops and products instead of statements of NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphdsl.compiler.schedule import Step
from graphdsl.engines.numba.places import Access
from graphdsl.graph.types import DType


@dataclass(frozen=True, slots=True)
class Number:
    """An operand that is a number known when the program is made."""

    value: float | int | bool


Operand = Access | Number


@dataclass(frozen=True, slots=True)
class Loop:
    """A formula at each turn of a loop nest over `shape`: `{0}`, `{1}`, … are its operands, and
    `{y}` is what `out`, to which the result goes, held before.

    With a `start` it is a reduction: `out` begins with `start`, and its strides are 0 along the
    axes that are reduced.
    """

    node: int
    shape: tuple[int, ...]
    formula: str
    operands: tuple[Operand, ...]
    out: Access
    literal: DType
    """The element type of the formula's numbers."""
    start: str = ""

    def reads(self) -> Iterator[Access]:
        """The accesses that the loop reads."""
        for operand in self.operands:
            if isinstance(operand, Access):
                yield operand
                if operand.index is not None:
                    yield operand.index
        if self.out.index is not None:
            yield self.out.index

    @property
    def roots(self) -> set[str]:
        """The roots of the arrays that the loop touches."""
        return {access.root for access in (*self.reads(), self.out)}

    @property
    def ordered(self) -> bool:
        """Whether elements may be written more than once, so that the order counts."""
        return self.out.index is not None


@dataclass(frozen=True, slots=True)
class Matrices:
    """A factor or the result of a product: a pair of axes, and two that matrices lie along."""

    root: str
    start: int
    strides: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Product:
    """A product of `batches` times `turns` pairs of matrices."""

    node: int
    dtype: DType
    batches: int
    turns: int
    rows: int
    columns: int
    inner: int
    left: Matrices
    right: Matrices
    out: Matrices

    @property
    def roots(self) -> set[str]:
        """The roots of the arrays that the product touches."""
        return {self.left.root, self.right.root, self.out.root}


@dataclass(frozen=True, slots=True)
class Statements:
    """What stays NumPy: statements of one step, and the roots of the arrays that they name."""

    step: Step
    lines: tuple[str, ...]
    roots: frozenset[str]


Item = Loop | Product | Statements
