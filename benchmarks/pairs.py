"""Two ways to do the same thing, timed in turns: times by round come in; a table or JSON, and the
bounds that were missed, go out."""

import json
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared with what: the second of `names` is what the first is measured by."""

    what: str
    """The unit of what is shown, such as `ms a step`."""
    names: tuple[str, str]
    summarise: Callable[[list[float]], float]
    target: float
    """The most that the first may take of the second."""
    least: float = 0.0
    """Seconds that the second takes at least for the target to be meant."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Seconds of both on one workload, one for each round."""

    workload: str
    first: list[float] = field(default_factory=list)
    second: list[float] = field(default_factory=list)

    def sums(self, comparison: Comparison) -> tuple[float, float]:
        """One figure for each of the two."""
        return comparison.summarise(self.first), comparison.summarise(self.second)

    def ratio(self, comparison: Comparison) -> float:
        """The first's figure to the second's."""
        first, second = self.sums(comparison)
        return first / second

    def misses(self, comparison: Comparison) -> bool:
        """Whether the first takes more of the second than it may."""
        meant = self.sums(comparison)[1] >= comparison.least
        return meant and self.ratio(comparison) > comparison.target


def report(pairs: Sequence[Pair], comparison: Comparison, *, as_json: bool) -> int:
    """Print them on stdout, and those that miss the target on stderr; the exit code."""
    if as_json:
        print(json.dumps([_describe(pair, comparison) for pair in pairs], indent=2))
    else:
        _print_table(pairs, comparison)
    misses = [pair for pair in pairs if pair.misses(comparison)]
    for pair in misses:
        ratio = f"{pair.ratio(comparison):.3f}, at most {comparison.target}"
        print(f"{pair.workload}: {ratio}", file=sys.stderr)
    return 1 if misses else 0


def _print_table(pairs: Sequence[Pair], comparison: Comparison) -> None:
    first, second = comparison.names
    print(f"{comparison.what:12}{first:>12}{second:>12}{'ratio':>8}")
    for pair in pairs:
        one, other = (1e3 * seconds for seconds in pair.sums(comparison))
        print(f"{pair.workload:12}{one:12.3f}{other:12.3f}{pair.ratio(comparison):8.3f}")


def _describe(pair: Pair, comparison: Comparison) -> dict[str, Any]:
    """A pair as data."""
    first, second = (f"{name.replace(' ', '_')}_seconds" for name in comparison.names)
    return {
        "workload": pair.workload,
        "python": platform.python_version(),
        "numpy": np.__version__,
        first: pair.first,
        second: pair.second,
        "ratio": pair.ratio(comparison),
        "target": comparison.target if pair.sums(comparison)[1] >= comparison.least else None,
    }
