"""Factors: products of powers of untyped scalars, as they are moved through a graph.

A factor is kept as powers, not as a number, so that √c · √c is c, and c / c is nothing at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from typing import TypeVar

from graphdsl.compiler.rewrite.algebra import number_of
from graphdsl.compiler.rewrite.bounds import is_moderate, stays_moderate
from graphdsl.compiler.rewrite.sharing import Pool
from graphdsl.graph.build import Builder, Expr
from graphdsl.graph.op import OPS

_Base = TypeVar("_Base", float, int)
_HALF = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Factor:
    """Numbers and untyped nodes, by id, each with its exponent: sorted, no exponent 0."""

    numbers: tuple[tuple[float, Fraction], ...] = ()
    nodes: tuple[tuple[int, Fraction], ...] = ()

    def __mul__(self, other: Factor) -> Factor:
        return Factor(
            _joined(chain(self.numbers, other.numbers)), _joined(chain(self.nodes, other.nodes))
        )

    def __truediv__(self, other: Factor) -> Factor:
        return self * other ** Fraction(-1)

    def __pow__(self, power: Fraction) -> Factor:
        return Factor(
            tuple((base, exponent * power) for base, exponent in self.numbers),
            tuple((base, exponent * power) for base, exponent in self.nodes),
        )

    @property
    def number(self) -> float:
        """The product of the numbers, infinite where Python would raise."""
        product = 1.0
        for base, exponent in self.numbers:
            try:
                product *= base ** float(exponent)
            except OverflowError:
                return math.inf
        return product

    @property
    def gone(self) -> bool:
        """Whether it is 1, its numbers multiplied."""
        return not self.nodes and self.number == 1

    @property
    def tame(self) -> bool:
        """Whether a tensor can be left without it, and not overflow for that."""
        bases = [base for base, _ in self.numbers if base != 0]
        whole = is_moderate(self.number) or len(bases) < len(self.numbers)
        # a node is moderate at best: a higher power of it may be 0 or infinite
        low_powers = all(abs(exponent) <= 2 for _, exponent in self.nodes)
        return low_powers and whole and all(map(is_moderate, bases))


ONE = Factor()


def _joined(powers: Iterable[tuple[_Base, Fraction]]) -> tuple[tuple[_Base, Fraction], ...]:
    total: dict[_Base, Fraction] = {}
    for base, exponent in powers:
        total[base] = total.get(base, Fraction()) + exponent
    return tuple(sorted((base, exponent) for base, exponent in total.items() if exponent))


def _whole(x: Expr) -> Factor:
    return Factor((), ((x.id, Fraction(1)),))


@dataclass(frozen=True, slots=True)
class Scalars:
    """The untyped nodes of a graph as factors, which are known by their ids in it."""

    builder: Builder
    known: dict[int, Factor] = field(default_factory=dict)

    def factor(self, id: int) -> Factor:
        """What an untyped node is the product of, as far as its numbers can be multiplied."""
        if id not in self.known:
            x = Expr(self.builder, id)
            apart = self._taken_apart(x)
            exact = number_of(x) is not None or 0 < abs(apart.number) < math.inf
            self.known[id] = apart if exact else _whole(x)
        return self.known[id]

    def is_positive(self, factor: Factor) -> bool:
        """Whether a factor may be divided by and have its root taken, at every step."""
        numbers = all(base > 0 and is_moderate(base) for base, _ in factor.numbers)
        return numbers and all(stays_moderate(Expr(self.builder, id)) for id, _ in factor.nodes)

    def _taken_apart(self, x: Expr) -> Factor:
        value = number_of(x)
        if value is not None:
            return Factor(((float(value), Fraction(1)),)) if value != 1 else ONE
        whole = _whole(x)
        if x.node.op not in (OPS["mul"], OPS["div"], OPS["sqrt"]):
            return whole
        left, *right = (self.factor(id) for id in x.node.operands)
        if x.node.op is OPS["mul"]:
            return left * right[0]
        if x.node.op is OPS["div"]:
            return left / right[0] if self.is_positive(right[0]) else whole
        return left**_HALF if self.is_positive(left) else whole


@dataclass(frozen=True, slots=True)
class Maker:
    """Builds factors from the untyped nodes of a graph; `find` tells where one is now."""

    builder: Builder
    find: Callable[[int], Expr]
    pool: Pool

    def expression(self, factor: Factor) -> Expr:
        """The untyped node that a factor is, its numbers multiplied."""
        made = self.number(factor.number)
        for part in self._powers(factor, above=True):
            made = part if number_of(made) == 1 else self._apply("mul", made, part)
        for part in self._powers(factor, above=False):
            made = self._apply("div", made, part)
        return made

    def number(self, value: float) -> Expr:
        """The node of a number."""
        return self.pool.adopt(self.builder.number(value))

    def _powers(self, factor: Factor, *, above: bool) -> Iterator[Expr]:
        """The powers above the fraction bar, or those below it."""
        for id, exponent in factor.nodes:
            if (exponent > 0) is above:
                yield self._power(self.find(id), abs(exponent))

    def _power(self, x: Expr, exponent: Fraction) -> Expr:
        if exponent == 1:
            return x
        if exponent == _HALF:
            return self._apply("sqrt", x)
        return self._apply("power", x, self.number(float(exponent)))

    def _apply(self, op: str, *operands: Expr) -> Expr:
        return self.pool.adopt(self.builder.apply(OPS[op], operands))
