"""Where a run stands between two steps: plain numbers, exact as JSON and back, and a table.

Batch order and random numbers are functions of the seed, the epoch and the step, so that no
generator has a state to be kept: with these numbers and the arrays, a run goes on as if it had
never stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from graphdsl.graph.kernel import Array
from graphdsl.training.history import Row

_MOST = 2**63


@dataclass(slots=True)
class Position:
    """A place in a run; the counts of the epoch under way are 0 between two epochs."""

    epoch: int = 0
    """The epochs that are done."""
    steps: int = 0
    """The steps of the epoch under way."""
    rows: int = 0
    total: float = 0.0
    """The sum of its losses, each times its rows."""

    def next_epoch(self) -> None:
        """Stand at the beginning of the next epoch."""
        self.epoch, self.steps, self.rows, self.total = self.epoch + 1, 0, 0, 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """All of a run but its arrays: how far it is, what it measured, what it waits for."""

    t: int
    first_step: int
    """The trainer's step before the run."""
    position: Position
    seconds: float
    best: int | None = None
    stopping: Mapping[str, Any] | None = None
    """The state of `Stopping`; None before the first epoch has ended."""
    epochs: tuple[Row, ...] = ()
    """The rows of the history."""

    def to_plain(self) -> dict[str, Any]:
        """All but the rows as JSON can hold it, nan and infinities in Python's own spelling, and
        whether each column of the rows counts something."""
        plain = asdict(replace(self, epochs=()))
        del plain["epochs"]
        first = self.epochs[0] if self.epochs else {}
        return plain | {"columns": {name: isinstance(first[name], int) for name in first}}

    def table(self) -> Array:
        """The rows: f64[epochs, columns]. As text they would outgrow a header after many epochs."""
        names = [*self.epochs[0]] if self.epochs else []
        return np.array([[row[name] for name in names] for row in self.epochs], np.float64).reshape(
            len(self.epochs), len(names)
        )

    @classmethod
    def from_plain(cls, plain: Any, table: Array) -> Progress:
        """What `to_plain` and `table` gave; raises `ValueError` for anything else."""
        wanted = {one.name for one in fields(cls)} - {"epochs"} | {"columns"}
        if not isinstance(plain, dict) or plain.keys() != wanted:
            raise ValueError("it says nothing of how far the run was")
        if table.ndim != 2:
            raise ValueError("the rows of its history are no table")
        if faults := list(_find_faults(plain, len(table))):
            raise ValueError(f"what it says of '{faults[0]}' makes no sense")
        columns: dict[str, bool] = plain["columns"]
        if table.dtype != np.float64 or table.shape[1:] != (len(columns),):
            raise ValueError("the rows of its history are not as it says")
        kinds = [int if counts else float for counts in columns.values()]
        rows = tuple(
            {name: kind(value) for name, kind, value in zip(columns, kinds, row, strict=True)}
            for row in table.tolist()
        )
        kept = {name: value for name, value in plain.items() if name != "columns"}
        return cls(**{**kept, "position": Position(**plain["position"]), "epochs": rows})


def _find_faults(plain: Mapping[str, Any], epochs: int) -> Iterator[str]:
    """The fields that hold what they cannot, with so many rows in the history."""
    position, best = plain["position"], plain["best"]
    counts = {"epoch", "steps", "rows"}
    if not (
        isinstance(position, dict)
        and position.keys() == counts | {"total"}
        and all(_is_count(position[name]) for name in counts)
        and type(position["total"]) is float
    ):
        yield "position"
    columns = plain["columns"]
    if not (isinstance(columns, dict) and all(type(one) is bool for one in columns.values())):
        yield "columns"
    if not (best is None or (_is_count(best) and 0 < best <= epochs)):
        yield "best"
    yield from (name for name in ("t", "first_step") if not _is_count(plain[name]))
    if type(plain["seconds"]) is not float:
        yield "seconds"
    if not (plain["stopping"] is None or _is_numbers(plain["stopping"])):
        yield "stopping"


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _MOST


def _is_numbers(value: Any) -> bool:
    """Whether it is a map of numbers by name, some of which may be missing."""
    if not isinstance(value, dict):
        return False
    return all(one is None or isinstance(one, int | float) for one in value.values())
