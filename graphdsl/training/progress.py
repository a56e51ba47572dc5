"""What a person sees while a model trains: a live display, plain lines, or JSON lines."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal, Protocol, TextIO

from graphdsl.training.history import History, Row
from graphdsl.training.trainer import Trainer

Kind = Literal["auto", "live", "plain", "json", "quiet"]


@dataclass(frozen=True, slots=True)
class Run:
    """A run about to begin. `trainer.t` counts its steps while it goes on, at no cost."""

    trainer: Trainer
    epochs: int
    steps_per_epoch: int | None
    rows: dict[str, int]
    name: str
    first_step: int = 0


class Listener(Protocol):
    """Is told of a run's beginning, of each epoch's row, and of its end."""

    def on_start(self, run: Run) -> None: ...

    def on_epoch(self, row: Row) -> None: ...

    def on_end(self, history: History) -> None: ...


def listener(kind: Kind = "auto", stream: TextIO | None = None) -> Listener:
    """A listener that writes to `stream`, or else to stderr."""
    raise NotImplementedError
