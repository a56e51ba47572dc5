"""When to stop, and which epoch was best: the state behind `stop = early(…)`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from graphdsl.compiler.lower.settings import EarlyStop


def early(watch: str, patience: int = 5, min_delta: float = 0.0, *, maximise: bool) -> EarlyStop:
    """What `stop = early(…)` says in a file, for `Model.fit(stop=…)`."""
    return EarlyStop(watch, maximise, patience, min_delta)


@dataclass(slots=True)
class Stopping:
    """Follows one value of the valid part from epoch to epoch.

    The best epoch is the first of those with the best value. Patience counts the epochs since the
    value last improved by more than `min_delta`; a value that is not a number is no improvement.
    """

    maximise: bool
    patience: float = math.inf
    min_delta: float = 0.0
    best: float = math.nan
    _mark: float = math.nan
    _waited: int = 0

    @classmethod
    def of(cls, stop: EarlyStop) -> Stopping:
        """The state at the start for what a file says."""
        return cls(stop.maximise, stop.patience, stop.min_delta)

    def update(self, value: float) -> bool:
        """Take in an epoch's value; whether it is the best so far."""
        if self._beyond(value, self._mark, self.min_delta):
            self._mark, self._waited = value, 0
        else:
            self._waited += 1
        if not self._beyond(value, self.best, 0.0):
            return False
        self.best = value
        return True

    @property
    def finished(self) -> bool:
        """Whether there was no improvement for as long as patience allows."""
        return self._waited > 0 and self._waited >= self.patience

    def _beyond(self, value: float, mark: float, margin: float) -> bool:
        if math.isnan(mark):
            return not math.isnan(value)
        return value > mark + margin if self.maximise else value < mark - margin
