"""What arrays held when a program ran, in a few numbers: from where to where, and what was none."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from graphdsl.graph.kernel import Array


@dataclass(frozen=True, slots=True)
class Range:
    """What an array held: its size, its finite values from `low` to `high`, and the rest."""

    size: int
    low: float
    """nan where no value is finite, as `high` is."""
    high: float
    zeros: int
    nans: int
    above: int
    """How many were inf."""
    below: int
    """How many were -inf."""

    @classmethod
    def of(cls, array: Array) -> Range:
        """The range of an array of floats."""
        finite = array[np.isfinite(array)]
        low, high = (finite.min(), finite.max()) if finite.size else (math.nan, math.nan)
        zeros = finite.size - np.count_nonzero(finite)
        tests = (np.isnan(array), array == math.inf, array == -math.inf)
        nans, above, below = (int(np.count_nonzero(test)) for test in tests)
        return cls(array.size, float(low), float(high), int(zeros), nans, above, below)

    @property
    def finite(self) -> bool:
        """Whether every value was."""
        return not (self.nans or self.above or self.below)

    @property
    def unfinite(self) -> list[tuple[str, int]]:
        """What it held that is no number, the worst first, and how often."""
        counts = (("nan", self.nans), ("inf", self.above), ("-inf", self.below))
        return [(name, number) for name, number in counts if number]

    def __str__(self) -> str:
        if self.finite and self.low == self.high:
            return f"{self.low:.4g}" + (" everywhere" if self.size > 1 else "")
        said = [] if math.isnan(self.low) else [f"from {self.low:.4g} to {self.high:.4g}"]
        counts = [("0", self.zeros), *self.unfinite]
        said += [count_in_words(number, self.size, name) for name, number in counts if number]
        return ", ".join(said)


UNKNOWN = Range.of(np.empty(0))
"""Of an operand that nothing is known of."""


def count_in_words(number: int, size: int, name: str) -> str:
    """Such as `3 of 64 are nan`."""
    if size == 1:
        return name
    return f"all are {name}" if number == size else f"{number:,} of {size:,} are {name}"
