"""Fed arrays that a program takes as they are: what its inputs have to be, as one function.

A step of a small model takes some ten microseconds, of which a loop over the inputs would be one:
the function's text is made for the inputs, one condition each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdsl.engines.late_rows import Arrivals, LateRows
from graphdsl.engines.loaded import Run
from graphdsl.graph.kernel import Array

RunFed = Callable[[Mapping[str, Any], float, float, float], tuple[Any, ...] | None]
"""A program as a function of arrays by name, and of the clock; None, and nothing is run, if one of
them needs a look or a conversion."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A program bound to its memory, and what its inputs have to be to be taken as they are."""

    run: Run
    arena: Array
    run_fed: RunFed
    arrivals: Arrivals | None
    """Where its workers look for late rows; None if they have to be there when it begins."""

    def run_late(
        self, fed: Mapping[str, Any], late: LateRows | None, *clock: float
    ) -> tuple[Any, ...] | None:
        """`run_fed` on arrays of which `late` are the rows that are yet to be gathered."""
        if self.arrivals is None:
            if late is not None:
                late.gather_all()
            return self.run_fed(fed, *clock)
        self.arrivals.rows = late
        try:
            return self.run_fed(fed, *clock)
        finally:
            self.arrivals.rows = None


def taking_as_fed(run: Run, arrays: Mapping[str, Array], owns: Callable[[Array], bool]) -> RunFed:
    """A program that runs on arrays that are like these, in its order: of their shapes, of their
    very element types, in C order, and none that it may write, which `owns` tells."""
    names: dict[str, Any] = {"run": run, "array": np.ndarray, "owns": owns}
    for number, one in enumerate(arrays.values()):
        names |= {f"shape{number}": one.shape, f"dtype{number}": one.dtype}
    exec("\n".join(_lines(list(arrays))), names)
    run_fed: RunFed = names["run_fed"]
    return run_fed


def _lines(inputs: Sequence[str]) -> Iterator[str]:
    conditions = [f"len(fed) == {len(inputs)}"]
    for number, name in enumerate(inputs):
        x = f"x{number}"
        conditions += [
            f"type({x} := fed.get({name!r})) is array",
            f"{x}.dtype is dtype{number}",
            f"{x}.shape == shape{number}",
            f"{x}.flags.c_contiguous",
            f"({x}.base is None or not owns({x}))",  # what a model owns are views
        ]
    taken = ", ".join([*(f"x{number}" for number in range(len(inputs))), "t, epoch, total_steps"])
    yield "def run_fed(fed, t, epoch, total_steps):"
    yield f"    if {' and '.join(conditions)}:"
    yield f"        return run({taken})"
    yield "    return None"
