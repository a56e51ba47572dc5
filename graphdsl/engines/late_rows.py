"""Rows of a batch that a step's workers gather themselves, each those that it is about to read.

Gathered before the step, by one core, they take its time while the others wait, and then move from
its cache to theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphdsl.compiler.schedule import Schedule
from graphdsl.graph.kernel import Array

if TYPE_CHECKING:
    from graphdsl.engines.loaded import Run


@dataclass(frozen=True, slots=True)
class LateRows:
    """Rows that are yet to be gathered: row `order[i]` of each array that is held, the first of a
    pair, belongs into row i of the buffer beside it."""

    pairs: Sequence[tuple[Array, Array]]
    order: Array

    def gather(self, first: int, last: int) -> None:
        """Put the rows of the buffers from `first` up to `last` in place."""
        chosen = self.order[first:last]
        for held, buffer in self.pairs:
            # three times as fast as held[chosen], and it allocates nothing
            held.take(chosen, axis=0, out=buffer[first:last], mode="clip")

    def gather_all(self) -> None:
        """Put all of them in place."""
        self.gather(0, len(self.order))


class Arrivals:
    """What the programs of one model's memory begin with: the late rows of the step about to run,
    if it has any."""

    __slots__ = ("rows",)

    def __init__(self) -> None:
        self.rows: LateRows | None = None

    def before(self, run: Run, first: int, last: int) -> Run:
        """A worker's program with its rows, from `first` up to `last`, gathered in front of it."""

        def gather_and_run(*args: Any) -> tuple[Any, ...]:
            rows = self.rows
            if rows is not None:
                rows.gather(first, last)
            return run(*args)

        return gather_and_run


def read_by_workers(schedule: Schedule, inputs: Iterable[str]) -> bool:
    """Whether workers read these inputs, each nothing but its own rows of them."""
    whole = {name: type for name, type, _ in schedule.inputs}
    parts = [{name: type for name, type, _ in worker.inputs} for worker in schedule.workers]
    return bool(parts) and all(
        name in part and part[name] != whole[name] for part in parts for name in inputs
    )
