"""Symbolic sizes: polynomials with integer coefficients in the symbols of `dim` declarations.

A size is an `int` where it is known and a `Poly` where it depends on a symbol; arithmetic mixes
both. Floor division and minimum have no polynomial form: they are opaque terms, equal to
themselves alone, that are computed when the symbols are bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Union

MAX_TERMS = 1_000
"""Terms of one size, those inside its opaque terms counted along."""

MAX_DEGREE = 64
"""How high a size's symbols are multiplied up, and how deep its opaque terms are nested."""

MAX_COEFFICIENT = 2**63
_TOO_LONG = f"a size has more than {MAX_TERMS:,} terms, or is nested deeper than {MAX_DEGREE}"


class SizeLimit(Exception):
    """A size is too long, or of too high a power, to be computed with."""


Monomial = tuple[tuple[Union[str, "Opaque"], int], ...]


@dataclass(frozen=True, slots=True)
class Opaque:
    """A term without polynomial form; `kind` is "floor" (a // b) or "min"."""

    kind: str
    args: tuple[Size, ...]
    terms: int = field(default=0, compare=False, repr=False)
    depth: int = field(default=0, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Count what is inside, so that nobody walks over what is shared there again."""
        inside = [
            atom
            for arg in self.args
            for monomial, _ in _terms(arg)
            for atom, _ in monomial
            if isinstance(atom, Opaque)
        ]
        object.__setattr__(self, "terms", 1 + sum(atom.terms for atom in inside))
        object.__setattr__(self, "depth", 1 + max((atom.depth for atom in inside), default=0))
        if self.terms > MAX_TERMS or self.depth > MAX_DEGREE:
            raise SizeLimit(_TOO_LONG)

    def evaluate(self, binding: Mapping[str, int]) -> int:
        """The term's value with every symbol bound."""
        values = [evaluate(arg, binding) for arg in self.args]
        return values[0] // values[1] if self.kind == "floor" else min(values)

    def __str__(self) -> str:
        if self.kind == "min":
            return f"min({', '.join(map(str, self.args))})"
        above, below = self.args
        return f"floor({quotient_text(above, below)})"


@dataclass(frozen=True, slots=True)
class Poly:
    """A sum of monomials with coefficients, at least one of them not constant."""

    terms: tuple[tuple[Monomial, int], ...]

    def __add__(self, other: Size) -> Size:
        return _collect([*self.terms, *_terms(other)])

    __radd__ = __add__

    def __neg__(self) -> Size:
        return self * -1

    def __sub__(self, other: Size) -> Size:
        return self + other * -1

    def __rsub__(self, other: Size) -> Size:
        return self * -1 + other

    def __mul__(self, other: Size) -> Size:
        return _collect((_join(a, b), ca * cb) for a, ca in self.terms for b, cb in _terms(other))

    __rmul__ = __mul__

    def __floordiv__(self, other: Size) -> Size:
        exact = divide(self, other)
        return opaque("floor", self, other) if exact is None else exact

    def __rfloordiv__(self, other: Size) -> Size:
        exact = divide(other, self)
        return opaque("floor", other, self) if exact is None else exact

    def __str__(self) -> str:
        text = ""
        for monomial, coefficient in self.terms:
            sign = "-" if coefficient < 0 else "+" if text else ""
            factors = [str(a) if n == 1 else f"{a}^{n}" for a, n in monomial]
            if abs(coefficient) != 1 or not factors:
                factors.insert(0, str(abs(coefficient)))
            text += (f" {sign} " if text else sign) + "*".join(factors)
        return text


Size = int | Poly
Shape = tuple[Size, ...]


def _operand(size: Size, divides: bool = False) -> str:
    """A size as an operand of `/`: a sum stands in parentheses, and a product that divides."""
    if isinstance(size, int):
        return f"({size})" if size < 0 and divides else str(size)
    (monomial, coefficient), *more = size.terms
    one = len(monomial) == 1 and coefficient == 1
    return f"({size})" if more or (divides and not one) else str(size)


def quotient_text(a: Size, b: Size) -> str:
    """`a / b` as a message shows it."""
    return f"{_operand(a)} / {_operand(b, divides=True)}"


def symbol(name: str) -> Poly:
    """The size that a `dim` declaration names."""
    return Poly(((((name, 1),), 1),))


def opaque(kind: str, *args: Size) -> Poly:
    """A size without polynomial form."""
    return Poly(((((Opaque(kind, args), 1),), 1),))


def minimum(a: Size, b: Size) -> Size:
    """The smaller of two sizes."""
    if isinstance(a, int) and isinstance(b, int):
        return min(a, b)
    return a if a == b else opaque("min", a, b)


def divide(a: Size, b: Size) -> Size | None:
    """`a / b` where it is a size for every value of the symbols, else None."""
    if isinstance(a, int) and isinstance(b, int):
        return a // b if b and a % b == 0 else None
    divisor = _terms(b)
    if len(divisor) != 1:
        return 1 if a == b else None
    (monomial, coefficient), quotients = divisor[0], []
    for term, factor in _terms(a):
        left = _remove(term, monomial)
        if left is None or factor % coefficient:
            return None
        quotients.append((left, factor // coefficient))
    return _collect(quotients)


def verify_count(shape: Shape) -> None:
    """Raise `SizeLimit` where the number of elements of a shape is no size to compute with."""
    if sum(isinstance(size, Poly) for size in shape) > 1:
        product(shape)


def product(sizes: Iterable[Size]) -> Size:
    """The product of sizes: the number of elements of a shape."""
    total: Size = 1
    for size in sizes:
        total = total * size
    return total


def evaluate(size: Size, binding: Mapping[str, int]) -> int:
    """The number a size stands for, once every symbol in it is bound.

    Raises `KeyError` with the symbol's name if one is not bound.
    """
    if isinstance(size, int):
        return size
    total = 0
    for monomial, coefficient in size.terms:
        for atom, power in monomial:
            value = binding[atom] if isinstance(atom, str) else atom.evaluate(binding)
            coefficient *= value**power
        total += coefficient
    return total


def told(binding: Mapping[str, int]) -> str:
    """Symbols and the numbers they are bound to, as messages have them: "N = 3, T = 4"."""
    return ", ".join(f"{name} = {number}" for name, number in binding.items())


def symbols(size: Size) -> set[str]:
    """The names of the symbols a size depends on."""
    if isinstance(size, int):
        return set()
    found: set[str] = set()
    for monomial, _ in size.terms:
        for atom, _ in monomial:
            if isinstance(atom, str):
                found.add(atom)
            else:
                found.update(*(symbols(arg) for arg in atom.args))
    return found


def _terms(size: Size) -> tuple[tuple[Monomial, int], ...]:
    if isinstance(size, Poly):
        return size.terms
    return (((), size),) if size else ()


def _collect(terms: Iterable[tuple[Monomial, int]]) -> Size:
    total: dict[Monomial, int] = {}
    for monomial, coefficient in terms:
        total[monomial] = total.get(monomial, 0) + coefficient
        if len(total) > MAX_TERMS:
            raise SizeLimit(_TOO_LONG)
    kept = {m: c for m, c in total.items() if c}
    if not kept or kept.keys() == {()}:
        return kept.get((), 0)
    _verify(kept)
    # constants last, higher powers first, as a reader writes them
    return Poly(tuple(sorted(kept.items(), key=lambda t: (-sum(n for _, n in t[0]), str(t[0])))))


def _verify(terms: Mapping[Monomial, int]) -> None:
    """Raise `SizeLimit` for what would take long to print, to compare or to evaluate."""
    atoms = [(atom, power) for monomial in terms for atom, power in monomial]
    if len(terms) + sum(atom.terms for atom, _ in atoms if isinstance(atom, Opaque)) > MAX_TERMS:
        raise SizeLimit(_TOO_LONG)
    if any(sum(power for _, power in monomial) > MAX_DEGREE for monomial in terms):
        raise SizeLimit(f"a size multiplies more than {MAX_DEGREE} symbols")
    if any(abs(coefficient) > MAX_COEFFICIENT for coefficient in terms.values()):
        raise SizeLimit("a size has a factor beyond 64 bits")


def _join(a: Monomial, b: Monomial) -> Monomial:
    powers = dict(a)
    for atom, power in b:
        powers[atom] = powers.get(atom, 0) + power
    return tuple(sorted(powers.items(), key=lambda item: str(item[0])))


def _remove(a: Monomial, b: Monomial) -> Monomial | None:
    powers = dict(a)
    for atom, power in b:
        powers[atom] = powers.get(atom, 0) - power
        if powers[atom] < 0:
            return None
    return tuple((atom, power) for atom, power in powers.items() if power)
