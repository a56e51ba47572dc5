"""A run between two steps: how far it is, the state it can go back to, and its checkpoints.

What changes as a run goes on is here, and changes as a whole: wherever a run is cut short, there is
a state in memory, some steps old at most, that it goes back to and that is written down.
"""

from __future__ import annotations

import time
from dataclasses import replace

from graphdsl.training.checkpoint import Checkpoint, unusable
from graphdsl.training.guard import Guard
from graphdsl.training.history import History, Row
from graphdsl.training.interrupts import Interrupts
from graphdsl.training.keeper import Keeper
from graphdsl.training.position import Position, Progress
from graphdsl.training.snapshot import Snapshot
from graphdsl.training.stopping import Moment, Stopping
from graphdsl.training.trainer import Trainer


class RunState:
    """The state of one run; `keeper` is None where nobody saves it."""

    def __init__(
        self,
        trainer: Trainer,
        guard: Guard,
        stopping: Stopping,
        history: History,
        keeper: Keeper | None,
        interrupts: Interrupts,
    ) -> None:
        self.position = Position()
        self.first_step = trainer.t
        self.history, self.stopping, self.guard = history, stopping, guard
        self.snapshot = Snapshot(trainer.session)
        """The weights that training would end with: the best, or those an epoch began with."""
        self._trainer, self._keeper, self._interrupts = trainer, keeper, interrupts
        self._began = time.perf_counter()
        self._written: tuple[int, Position] | None = None

    @property
    def seconds(self) -> float:
        """How long the run has taken."""
        return time.perf_counter() - self._began

    def begin(self) -> None:
        """Take up the run where its checkpoint left it, if it has one; raises `DataError`."""
        if self._keeper is not None:
            if self._keeper.start is not None:
                self._take_up(self._keeper.start)
            self._keeper.begin(self.history)

    def _take_up(self, start: Checkpoint) -> None:
        progress, history = start.progress, self.history
        start.apply(self._trainer.session, self.snapshot)
        self._trainer.t, self.first_step = progress.t, progress.first_step
        self.position = replace(progress.position)
        self._written = progress.t, progress.position
        history.epochs[:] = progress.epochs
        history.best, history.seconds = progress.best, progress.seconds
        self._began -= progress.seconds
        try:
            if progress.stopping is not None:
                self.stopping.restore(progress.stopping)
        except (KeyError, TypeError, ValueError, OverflowError):
            why = "what it says of stopping is for other criteria"
            raise unusable(start.path, why) from None

    def begin_epoch(self) -> None:
        """Take this for the state to go back to; raises `DivergedError` as `Guard.keep` does."""
        with self._interrupts.whole():
            if self.stopping.watch is None and not self.position.steps:
                self._take_snapshot()
            self.guard.keep(self.position)

    def keep(self) -> None:
        """The same within an epoch."""
        with self._interrupts.whole():
            self.guard.keep(self.position)

    def end_epoch(self, row: Row) -> None:
        """Take in what an epoch came to, and stand at the beginning of the next."""
        history = self.history
        with self._interrupts.whole():
            row["seconds"] = history.seconds = round(self.seconds, 6)
            history.epochs.append(row)
            if self.stopping.update(row):
                self._take_snapshot()
                history.best = self.position.epoch + 1
            self.position.next_epoch()
            self.begin_epoch()

    def _take_snapshot(self) -> None:
        """Keep the weights that are measured: the averages, where they are averaged."""
        with self._trainer.averaged():
            self.snapshot.take()

    def reason_to_stop(self) -> str | None:
        """The criterion of `stop` that holds now."""
        steps = self._trainer.t - self.first_step
        return self.stopping.reason(Moment(self.position.epoch, steps, self.seconds))

    # --- being saved -----------------------------------------------------------------------------

    def save(self) -> None:
        """Take this for the state to go back to, and write it where someone keeps the run.

        Raises `DivergedError` if a parameter is not finite, `DataError` if the disk refuses.
        """
        with self._interrupts.whole():
            self.guard.keep(self.position)
            self._write()

    def go_back(self) -> None:
        """Go back to the last good state, for a step may be half done or have gone wrong, and write
        that; where there was none, nothing. Raises `DataError` if the disk refuses."""
        if self.guard.kept:
            with self._interrupts.whole():
                self.position = self.guard.go_back()
                self._write()

    def _write(self) -> None:
        here = self._trainer.t, replace(self.position)
        if self._keeper is None or here == self._written:
            return
        self._keeper.save(self._trainer.session, self.snapshot, self._progress())
        self._written = here

    def _progress(self) -> Progress:
        return Progress(
            self._trainer.t,
            self.first_step,
            replace(self.position),
            self.seconds,
            self.history.best,
            self.stopping.state(),
            tuple(self.history.epochs),
        )
