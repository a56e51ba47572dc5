"""What `stop` says: criteria as immutable values, joined by `and` and `or` (`&` and `|` in Python).

`early`, `plateau` and `after` make them from Python as the calls of those names do in a file; their
state while a run goes on is the trainer's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from graphdsl.language.settings import is_number, is_whole

Counted = Literal["epochs", "steps", "seconds"]
PartName = Literal["train", "valid"]
COUNTED: tuple[Counted, ...] = ("epochs", "steps", "seconds")
PARTS: tuple[PartName, ...] = ("train", "valid")


def _both(self: Criterion, other: Criterion) -> Both:
    return Both((*_members(self, Both), *_members(other, Both)))


def _either(self: Criterion, other: Criterion) -> Either:
    return Either((*_members(self, Either), *_members(other, Either)))


def _members(criterion: Criterion, kind: type[Both] | type[Either]) -> tuple[Criterion, ...]:
    return criterion.criteria if isinstance(criterion, kind) else (criterion,)


@dataclass(frozen=True, slots=True)
class EarlyStop:
    """`early(m, patience)`: the valid part's value has not improved for so many epochs.

    `maximise` None is the sense of what is watched: a loss is minimised, a metric maximised.
    """

    watch: str
    maximise: bool | None = None
    patience: int = 5
    min_delta: float = 0.0

    __and__ = _both
    __or__ = _either

    def __str__(self) -> str:
        delta = f", min_delta = {self.min_delta:g}" if self.min_delta else ""
        return f"early({self.watch}, patience = {self.patience}{delta})"


@dataclass(frozen=True, slots=True)
class Plateau:
    """`plateau(m, window)`: the best of the last `window` epochs is no more than `min_delta` better
    than the best before them."""

    watch: str
    maximise: bool | None = None
    window: int = 5
    min_delta: float = 0.0
    part: PartName = "valid"

    __and__ = _both
    __or__ = _either

    @property
    def column(self) -> str:
        """The value's name in the history."""
        return f"{self.part}.{self.watch}"

    def __str__(self) -> str:
        delta = f", min_delta = {self.min_delta:g}" if self.min_delta else ""
        part = ', part = "train"' if self.part == "train" else ""
        return f"plateau({self.watch}, window = {self.window}{delta}{part})"


@dataclass(frozen=True, slots=True)
class After:
    """`after(epochs = 5)`: so much of the run is over, counted in epochs, steps or seconds."""

    counted: Counted
    count: float

    __and__ = _both
    __or__ = _either

    def __str__(self) -> str:
        return f"after({self.counted} = {self.count:g})"


@dataclass(frozen=True, slots=True)
class Both:
    """`… and …`: every one of them holds at the same time."""

    criteria: tuple[Criterion, ...]

    __and__ = _both
    __or__ = _either

    def __str__(self) -> str:
        texts = (f"({one})" if isinstance(one, Either) else str(one) for one in self.criteria)
        return " and ".join(texts)


@dataclass(frozen=True, slots=True)
class Either:
    """`… or …`: one of them holds."""

    criteria: tuple[Criterion, ...]

    __and__ = _both
    __or__ = _either

    def __str__(self) -> str:
        return " or ".join(map(str, self.criteria))


Leaf = EarlyStop | Plateau | After
Criterion = Leaf | Both | Either


def leaves(criterion: Criterion | None) -> Iterator[Leaf]:
    """The criteria that are joined, in the order of the text."""
    match criterion:
        case Both(criteria) | Either(criteria):
            for one in criteria:
                yield from leaves(one)
        case EarlyStop() | Plateau() | After():
            yield criterion


def with_senses(criterion: Criterion, roles: Mapping[str, str]) -> Criterion:
    """The same with every `maximise` decided: a loss is minimised, a metric maximised."""
    match criterion:
        case Both(criteria) | Either(criteria):
            return replace(criterion, criteria=tuple(with_senses(c, roles) for c in criteria))
        case EarlyStop(watch=watch, maximise=None) | Plateau(watch=watch, maximise=None):
            return replace(criterion, maximise=roles[watch] == "metric")
    return criterion


def need_valid(criterion: Criterion | None) -> Leaf | None:
    """The first criterion that cannot do without a valid part, if there is one."""
    return next(
        (
            leaf
            for leaf in leaves(criterion)
            if isinstance(leaf, EarlyStop) or (isinstance(leaf, Plateau) and leaf.part == "valid")
        ),
        None,
    )


@dataclass(frozen=True, slots=True)
class Kind:
    """What an argument may be: in words, and as a test."""

    words: str
    fits: Callable[[Any], bool]


_COUNT = Kind("a whole number, 0 or more", lambda value: is_whole(value, 0))
_POSITIVE = Kind("a whole number, 1 or more", lambda value: is_whole(value, 1))
_MARGIN = Kind("a number, 0 or more", lambda value: is_number(value) and value >= 0)
_DURATION = Kind("a number above 0", lambda value: is_number(value) and value > 0)
_PART = Kind('"train" or "valid"', lambda value: value in PARTS)


@dataclass(frozen=True, slots=True)
class Form:
    """A criterion's arguments behind what it watches, in their order, and the kind of each."""

    kinds: Mapping[str, Kind]
    watches: bool = True


FORMS = {
    "early": Form({"patience": _COUNT, "min_delta": _MARGIN}),
    "plateau": Form({"window": _POSITIVE, "min_delta": _MARGIN, "part": _PART}),
    "after": Form({"epochs": _POSITIVE, "steps": _POSITIVE, "seconds": _DURATION}, watches=False),
}
"""The calls that `stop` is made of."""
