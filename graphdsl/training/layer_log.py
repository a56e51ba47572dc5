"""What a run's layers do as it goes on: after every epoch the size of each gradient, that of the
update beside its parameter, and the learning rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphdsl.training.history import History, Row
from graphdsl.training.moments import root_mean_square
from graphdsl.training.progress import Run
from graphdsl.training.rate import Rate, find_rate
from graphdsl.training.statistics import gradients_of, measure_update, trained_names


@dataclass(frozen=True, slots=True)
class LayerRow:
    """After an epoch: the size of every gradient, and what a step changes beside each parameter."""

    epoch: int
    step: int
    gradients: Mapping[str, float]
    """The root of the mean square of a gradient's elements, by parameter."""
    updates: Mapping[str, float | None]
    rate: float | None
    """The learning rate, if the optimizer has one."""


@dataclass
class LayerLog:
    """A listener that measures on one batch, the same after every epoch: one gradient, and one
    step that is taken back. A model without an optimizer or a loss has its rate alone."""

    batch: Mapping[str, Any]
    rows: list[LayerRow] = field(default_factory=list)
    _run: Run | None = None
    _rate: Rate | float | None = None

    def on_start(self, run: Run) -> None:
        """Measure what the run begins with."""
        self._run, self._rate = run, find_rate(run.trainer.session)
        self._add(0)

    def on_epoch(self, row: Row) -> None:
        """Measure."""
        self._add(int(row["epoch"]))

    def on_end(self, history: History) -> None:
        """Nothing more."""

    def _add(self, epoch: int) -> None:
        assert self._run is not None
        trainer = self._run.trainer
        train = trainer.session.compilation.lowered(training=True).train
        gradients: dict[str, float] = {}
        updates: dict[str, float | None] = {}
        if train is not None and train.rule is not None:
            names = trained_names(trainer.session)
            found = gradients_of(trainer.session, names, self.batch)
            gradients = {name: root_mean_square(gradient) for name, gradient in found.items()}
            updates = measure_update(trainer, self.batch, names)
        step = max(trainer.t, 1)
        rate = self._rate
        if callable(rate):
            rate = rate(step, trainer.epoch, trainer.total_steps)
        self.rows.append(LayerRow(epoch, trainer.t, gradients, updates, rate))
