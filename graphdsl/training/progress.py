"""Who is told of a run as it goes on: plain lines, JSON lines, or what a program listens with.

Nobody is called from within an epoch.
"""

from __future__ import annotations

import json
import math
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol, TextIO

from graphdsl.ops.rules import plural
from graphdsl.training.history import History, Row
from graphdsl.training.plain import finite
from graphdsl.training.trainer import Trainer

MOST_LINES = 100
"""Lines that a plain report of a run has at most, about."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run about to begin. `trainer.t` counts its steps while it goes on, at no cost.

    `steps_per_epoch` is None where an iterable of batches does not say; `rows` are those of each
    part; `first_step` is the trainer's step before the run.
    """

    trainer: Trainer
    epochs: int
    steps_per_epoch: int | None
    rows: dict[str, int]
    name: str
    first_step: int = 0

    @property
    def steps(self) -> int:
        """The steps taken so far."""
        return self.trainer.t - self.first_step


class Listener(Protocol):
    """Is told of a run's beginning, of each epoch's row, and of its end, however it ends."""

    def on_start(self, run: Run) -> None: ...

    def on_epoch(self, row: Row) -> None: ...

    def on_end(self, history: History) -> None: ...


class Silent:
    """Says nothing."""

    def on_start(self, run: Run) -> None:
        """Nothing."""

    def on_epoch(self, row: Row) -> None:
        """Nothing."""

    def on_end(self, history: History) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Several:
    """Tells several listeners, in order."""

    listeners: tuple[Listener, ...]

    def on_start(self, run: Run) -> None:
        """Pass it on."""
        for one in self.listeners:
            one.on_start(run)

    def on_epoch(self, row: Row) -> None:
        """Pass it on."""
        for one in self.listeners:
            one.on_epoch(row)

    def on_end(self, history: History) -> None:
        """Pass it on; what one of them raises keeps no other from its end."""
        with ExitStack() as stack:
            for one in reversed(self.listeners):
                stack.callback(one.on_end, history)


class Lines:
    """One line an epoch, fewer where there are many epochs."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._every = 1
        self._last: Row | None = None
        self._shown = 0.0

    def on_start(self, run: Run) -> None:
        """Say what is trained on."""
        rows = ", ".join(f"{count:,} to {_DOES[name]}" for name, count in run.rows.items())
        self._every = max(1, math.ceil(run.epochs / MOST_LINES))
        self._write(f"training {run.name}: rows: {rows}; at most {_epochs(run.epochs)}")

    def on_epoch(self, row: Row) -> None:
        """A line, unless so many are to come that this one is left out."""
        self._last = row
        if row["epoch"] == 1 or row["epoch"] % self._every == 0:
            self._show(row)

    def on_end(self, history: History) -> None:
        """The last epoch, and how training ended."""
        if self._last is not None and self._shown != self._last["epoch"]:
            self._show(self._last)
        self._write(outcome(history))

    def _show(self, row: Row) -> None:
        self._shown = row["epoch"]
        self._write(f"epoch {int(row['epoch'])}  {measures(row)}")

    def _write(self, line: str) -> None:
        print(line, file=self.stream, flush=True)


class JsonLines:
    """Each event as one JSON object on a line of its own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def on_start(self, run: Run) -> None:
        """`{"event": "start", …}`."""
        self._write(
            event="start",
            model=run.name,
            epochs=run.epochs,
            steps_per_epoch=run.steps_per_epoch,
            rows=run.rows,
        )

    def on_epoch(self, row: Row) -> None:
        """`{"event": "epoch", …}` with the row's values."""
        self._write(event="epoch", **row)

    def on_end(self, history: History) -> None:
        """`{"event": "end", …}` with the history's summary."""
        self._write(event="end", **history.summary())

    def _write(self, **event: object) -> None:
        print(json.dumps(finite(event), ensure_ascii=False), file=self.stream, flush=True)


_DOES = {"train": "train on", "valid": "validate on", "test": "test on"}


def measures(row: Row) -> str:
    """A row's losses and metrics on one line, such as `train.J 0.0312  valid.J 0.105`."""
    return "  ".join(list_measures(row))


def list_measures(row: Row) -> list[str]:
    """A row's losses and metrics, such as `train.J 0.0312`."""
    return [f"{name} {value:.4g}" for name, value in row.items() if "." in name]


def outcome(history: History) -> str:
    """How a run ended, in one line."""
    ending = {
        "epochs": "trained",
        "early": "stopped early",
        "interrupted": "interrupted",
        "diverged": "diverged",
        "failed": "failed",
    }[history.ending]
    if history.stopped_by is not None:
        ending += f" by {history.stopped_by},"
    line = f"{ending} after {_epochs(len(history.epochs))} in {history.seconds:.2f} s"
    if history.best is not None:
        line += f"; best epoch {history.best}"
    return line


def _epochs(count: int) -> str:
    return f"{count} {plural(count, 'epoch', 'epochs')}"
