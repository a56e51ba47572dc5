"""When to stop, and which epoch was best: the state of a run behind `stop = …`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from graphdsl.compiler.lower.criteria import (
    FORMS,
    After,
    Both,
    Criterion,
    EarlyStop,
    Either,
    Leaf,
    Plateau,
    leaves,
)
from graphdsl.language.diagnostics import Diagnostic, UsageError

State = dict[str, float | None]
"""Numbers by name, which JSON holds as they are; None where there is no value yet."""


def early(
    watch: str, patience: int = 5, min_delta: float = 0.0, *, maximise: bool | None = None
) -> EarlyStop:
    """What `stop = early(…)` says in a file, for `Model.fit(stop=…)`; raises `UsageError`.

    A loss is minimised and a metric maximised, unless `maximise` says which.
    """
    _verify("early", patience=patience, min_delta=min_delta)
    return EarlyStop(watch, maximise, patience, min_delta)


def plateau(
    watch: str,
    window: int = 5,
    min_delta: float = 0.0,
    part: Literal["train", "valid"] = "valid",
    *,
    maximise: bool | None = None,
) -> Plateau:
    """What `stop = plateau(…)` says in a file; raises `UsageError`."""
    _verify("plateau", window=window, min_delta=min_delta, part=part)
    return Plateau(watch, maximise, window, min_delta, part)


def after(
    *, epochs: int | None = None, steps: int | None = None, seconds: float | None = None
) -> After:
    """What `stop = after(…)` says in a file, with one of the three; raises `UsageError`."""
    counts = {"epochs": epochs, "steps": steps, "seconds": seconds}
    given = {name: count for name, count in counts.items() if count is not None}
    _verify("after", **given)
    match given:
        case {"epochs": count, **rest} if not rest:
            return After("epochs", count)
        case {"steps": count, **rest} if not rest:
            return After("steps", count)
        case {"seconds": count, **rest} if not rest:
            return After("seconds", count)
    message = f"'after' takes one of epochs, steps and seconds, not {len(given)}"
    raise UsageError(Diagnostic("E0809", message, (), ("after(epochs=5)",)))


def _verify(name: str, **arguments: Any) -> None:
    for key, value in arguments.items():
        kind = FORMS[name].kinds[key]
        if not kind.fits(value):
            raise UsageError(Diagnostic("E0809", f"'{key}' is {kind.words}, not {value!r}"))


@dataclass(slots=True)
class _Best:
    """The best value so far; `update` says whether one is better by more than a margin."""

    maximise: bool
    value: float = math.nan

    def update(self, value: float, margin: float = 0.0) -> bool:
        """Take in a value; one that is not a number is no improvement."""
        if math.isnan(self.value):
            better = not math.isnan(value)
        elif self.maximise:
            better = value > self.value + margin
        else:
            better = value < self.value - margin
        if better:
            self.value = value
        return better


@dataclass(slots=True)
class _Patience:
    """How many epochs ago the value last improved by more than `min_delta`."""

    stop: EarlyStop
    mark: _Best
    waited: int = 0

    def update(self, row: Mapping[str, float]) -> None:
        """Take in an epoch's row."""
        value = row.get(f"valid.{self.stop.watch}", math.nan)
        self.waited = 0 if self.mark.update(value, self.stop.min_delta) else self.waited + 1

    def holds(self) -> bool:
        """Whether patience has run out."""
        return self.waited > 0 and self.waited >= self.stop.patience

    def state(self) -> State:
        """As plain numbers."""
        return {"mark": _plain(self.mark.value), "waited": self.waited}

    def restore(self, state: Mapping[str, float | None]) -> None:
        """Take up what `state` gave."""
        self.mark.value, self.waited = _number(state["mark"]), int(_number(state["waited"]))


@dataclass(slots=True)
class _Trend:
    """The best value as it was after each of the last `window` epochs and before them."""

    stop: Plateau
    best: _Best
    trail: list[float] = field(default_factory=list)

    def update(self, row: Mapping[str, float]) -> None:
        """Take in an epoch's row."""
        self.best.update(row.get(self.stop.column, math.nan))
        self.trail = [*self.trail, self.best.value][-self.stop.window - 1 :]

    def holds(self) -> bool:
        """Whether the window improved too little on what was before it."""
        if len(self.trail) <= self.stop.window:
            return False
        before = _Best(self.best.maximise, self.trail[0])
        return not before.update(self.trail[-1], self.stop.min_delta)

    def state(self) -> State:
        """As plain numbers."""
        return {f"trail.{i}": _plain(value) for i, value in enumerate(self.trail)}

    def restore(self, state: Mapping[str, float | None]) -> None:
        """Take up what `state` gave."""
        self.trail = [_number(state[f"trail.{i}"]) for i in range(len(state))]
        self.best.value = self.trail[-1] if self.trail else math.nan


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a run is: epochs that are done, steps, seconds."""

    epochs: int
    steps: int
    seconds: float


class Stopping:
    """Follows a run from epoch to epoch: which is the best, and whether to stop.

    The best epoch is the first of those with the best value of `watch`, on the valid part: that of
    the first `early`, or else the loss; None where there is nothing to choose by. A criterion holds
    or not at a moment: `early` that has run out of patience holds until the value improves again.
    """

    def __init__(self, stop: Criterion | None, watch: str | None, maximise: bool = False) -> None:
        self.stop = stop
        first = next((leaf for leaf in leaves(stop) if isinstance(leaf, EarlyStop)), None)
        if first is not None:
            watch, maximise = first.watch, bool(first.maximise)
        self.watch = watch
        self.best = _Best(maximise)
        self._followed = {leaf: _follow(leaf) for leaf in leaves(stop)}
        self.within_epochs = any(
            isinstance(leaf, After) and leaf.counted != "epochs" for leaf in leaves(stop)
        )
        """Whether it may be time to stop between two epochs."""

    def update(self, row: Mapping[str, float]) -> bool:
        """Take in an epoch's row of the history; whether it is the best so far."""
        for follower in self._followed.values():
            if follower is not None:
                follower.update(row)
        column = f"valid.{self.watch}"
        return self.watch is not None and column in row and self.best.update(row[column])

    def reason(self, moment: Moment) -> str | None:
        """The criterion for which to stop now, as a file says it; None to go on."""
        return self._reason(self.stop, moment) if self.stop is not None else None

    def _reason(self, stop: Criterion, moment: Moment) -> str | None:
        match stop:
            case Both(criteria):
                reasons = [self._reason(one, moment) for one in criteria]
                return str(stop) if all(reasons) else None
            case Either(criteria):
                reasons = [self._reason(one, moment) for one in criteria]
                return next((reason for reason in reasons if reason), None)
            case After(counted, count):
                return str(stop) if getattr(moment, counted) >= count else None
        follower = self._followed[stop]
        return str(stop) if follower is not None and follower.holds() else None

    def state(self) -> State:
        """All that it remembers, as numbers by name: what a checkpoint keeps."""
        said: State = {"best": _plain(self.best.value)}
        for number, follower in enumerate(self._followed.values()):
            if follower is not None:
                said |= {f"{number}.{key}": value for key, value in follower.state().items()}
        return said

    def restore(self, state: Mapping[str, float | None]) -> None:
        """Remember what `state` gave; raises `KeyError` where that was for other criteria."""
        self.best.value = _number(state["best"])
        for number, follower in enumerate(self._followed.values()):
            start = f"{number}."
            if follower is not None:
                own = {k.removeprefix(start): v for k, v in state.items() if k.startswith(start)}
                follower.restore(own)


def _follow(leaf: Leaf) -> _Patience | _Trend | None:
    match leaf:
        case EarlyStop():
            return _Patience(leaf, _Best(bool(leaf.maximise)))
        case Plateau():
            return _Trend(leaf, _Best(bool(leaf.maximise)))
    return None


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value


def _number(value: float | None) -> float:
    return math.nan if value is None else value
