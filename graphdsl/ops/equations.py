"""Equations of Einstein's summation: text comes in, labels of axes go out.

A label is a letter or, for the axes that an ellipsis stands for, a number counted from the end.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from graphdsl.graph.op import Fault
from graphdsl.graph.sizes import Shape, Size

Labels = tuple[str, ...]
_TERM = re.compile(r"[A-Za-z]*(\.\.\.)?[A-Za-z]*")
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Equation:
    """The labels of each operand's axes and of the result's, and the size of each label."""

    operands: tuple[Labels, ...]
    result: Labels
    sizes: dict[str, Size]

    @property
    def shape(self) -> Shape:
        """The sizes of the result."""
        return tuple(self.sizes[label] for label in self.result)


def read(equation: str, shapes: Sequence[Shape]) -> Equation:
    """The equation for operands of these shapes; raises `Fault` E0210 where it does not fit."""
    text = equation.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        raise _fault(f"{equation!r} is for {len(terms)} operands, and there are {len(shapes)}")
    for term in [*terms, right]:
        if not _TERM.fullmatch(term):
            raise _fault(f"{term!r} in {equation!r} is no list of letters with one '...' at most")
    pairs = enumerate(zip(terms, shapes, strict=True))
    operands = tuple(_axes(term, len(shape), i) for i, (term, shape) in pairs)
    sizes = _sizes(operands, shapes)
    rest = max((sum(map(str.isdigit, labels)) for labels in operands), default=0)
    if arrow:
        result = _axes(right, rest + len(right.replace("...", "")), None)
        if "..." not in right:
            result = tuple(right)
    else:
        seen = Counter(left.replace("...", "").replace(",", ""))
        letters = sorted(label for label, often in seen.items() if often == 1)
        result = (*(str(rest - 1 - i) for i in range(rest)), *letters)
    unknown = [label for label in result if label not in sizes]
    if unknown or len(set(result)) < len(result):
        label = unknown[0] if unknown else Counter(result).most_common(1)[0][0]
        said = "stands in no operand" if unknown else "stands twice in the result"
        raise _fault(f"{label!r} of {equation!r} {said}")
    return Equation(operands, result, sizes)


def _axes(term: str, rank: int, operand: int | None) -> Labels:
    """The labels of a term for that many axes."""
    before, dots, after = term.partition("...")
    rest = rank - len(before) - len(after)
    if rest < 0 or (rest and not dots):
        raise _fault(
            f"{term!r} names {len(before) + len(after)} axes, and the operand has {rank}", operand
        )
    return (*before, *(str(rest - 1 - i) for i in range(rest)), *after)


def _sizes(operands: Sequence[Labels], shapes: Sequence[Shape]) -> dict[str, Size]:
    sizes: dict[str, Size] = {}
    places: dict[str, tuple[int, int]] = {}
    for position, (labels, shape) in enumerate(zip(operands, shapes, strict=True)):
        for axis, (label, size) in enumerate(zip(labels, shape, strict=True)):
            place = (position, axis)
            first, known = places.setdefault(label, place), sizes.setdefault(label, size)
            if label.isdigit() and known == 1:
                sizes[label], places[label] = size, place
            elif known != size and not (label.isdigit() and size == 1):
                what = "an axis of '...'" if label.isdigit() else repr(label)
                message = f"{what} is {known} in one place and {size} in another"
                raise _fault(message, position, (first, place))
    return sizes


def _fault(
    message: str, operand: int | None = None, clash: Sequence[tuple[int, int]] = ()
) -> Fault:
    return Fault(
        "E0210",
        f"'einsum': {message}",
        operand=operand,
        help='one letter for each axis, as in einsum("ij,jk->ik", a, b)',
        clash=clash,
    )


def spell(operands: Sequence[Labels], result: Labels) -> str:
    """The equation in letters alone; no more than 52 labels have one."""
    used = {label for labels in [*operands, result] for label in labels}
    free = (letter for letter in _LETTERS if letter not in used)
    names = {label: label if label in _LETTERS else next(free) for label in sorted(used)}
    left = ",".join("".join(names[label] for label in labels) for labels in operands)
    return f"{left}->{''.join(names[label] for label in result)}"


def fresh(used: set[str]) -> str:
    """A label that is not used yet."""
    return next(label for n in count() if (label := f"_{n}") not in used)
