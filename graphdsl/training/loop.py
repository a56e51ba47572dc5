"""The training loop: epochs of steps, measured on the valid part, the best weights kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np

from graphdsl.language.diagnostics import DivergedError
from graphdsl.training.batches import Batches
from graphdsl.training.checkpoint import Checkpoint, unusable
from graphdsl.training.dataset import Dataset
from graphdsl.training.feeding import epoch_batches, steps_per_epoch
from graphdsl.training.guard import Epochs, Guard, watching
from graphdsl.training.history import Ending, History, Row
from graphdsl.training.interrupts import interruptible, postponed
from graphdsl.training.keeper import Keeper
from graphdsl.training.locating import located
from graphdsl.training.measure import evaluate
from graphdsl.training.options import FitSettings
from graphdsl.training.position import Position, Progress
from graphdsl.training.preflight import verify_fit
from graphdsl.training.progress import Listener, Run, Silent
from graphdsl.training.snapshot import Snapshot
from graphdsl.training.stopping import Moment, Stopping
from graphdsl.training.threads import blas_threads
from graphdsl.training.trainer import Trainer, divergence


def fit(
    trainer: Trainer,
    dataset: Dataset,
    settings: FitSettings,
    listener: Listener | None = None,
    history: History | None = None,
    keeper: Keeper | None = None,
    signals: Sequence[int] = (),
    debug_nan: bool = False,
) -> History:
    """Train; the history, with the model left at its best weights on the valid part.

    Best is what `settings.stop` watches, or else the valid loss; without a valid part the weights
    are the last. Ctrl-C ends training after the step under way, and so do `signals`; a second one
    raises `KeyboardInterrupt` at once. A loss that is not finite, and a parameter that is not in
    the end, raise `DivergedError`, with the best weights, or those the failing epoch
    began with, put back. `history` is filled as training goes on, for a caller who wants it even if
    this raises. `keeper` saves the run now and then and where it ends, unless it fails, and says
    where it begins. `debug_nan` looks at every node of every step.
    """
    history = history if history is not None else History()
    listener = listener if listener is not None else Silent()
    loop = _Loop(trainer, dataset, settings, listener, history, keeper)
    try:
        threads = blas_threads(trainer.session, loop.batches.size)
        parts = located(*dataset.parts.values())
        watch = watching(trainer) if debug_nan else nullcontext()
        with interruptible(loop.interrupt, signals), threads, parts, watch:
            loop.run()
            loop.finish()
    except BaseException as error:
        endings: dict[type, Ending] = {
            DivergedError: "diverged",
            KeyboardInterrupt: "interrupted",
        }
        history.ending = endings.get(type(error), "failed")
        raise
    finally:
        if keeper is not None:
            keeper.end()
        listener.on_end(history)
    return history


@dataclass
class _Loop:
    """One run: what it trains on, what it watches, how far it got."""

    trainer: Trainer
    dataset: Dataset
    settings: FitSettings
    listener: Listener
    history: History
    keeper: Keeper | None = None
    interrupted: bool = False
    position: Position = field(default_factory=Position)
    _began: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        settings, session = self.settings, self.trainer.session
        part = self.dataset.train
        verify_fit(self.dataset, settings, session.compilation)
        self.batches = Batches(part, settings.batch, shuffle=settings.shuffle, seed=settings.seed)
        self.loss = self.trainer.purpose.results[:1]
        valid, loss = self.dataset.valid, session.graph.loss
        self.stopping = Stopping(settings.stop, loss.name if loss and valid else None)
        self.snapshot = Snapshot(session)
        self.guard = Guard(self.trainer, self._repeatable())
        self.first_step = self.trainer.t

    def _repeatable(self) -> Epochs | None:
        """The batches of an epoch, if they can be asked for twice."""
        stream, session = self.dataset.stream, self.trainer.session
        if stream is not None and stream.once:
            return None
        return lambda epoch: epoch_batches(session, self.dataset, self.batches, epoch)

    def interrupt(self) -> None:
        """End after the step under way."""
        self.interrupted = True

    # --- going on and being saved ----------------------------------------------------------------

    def begin(self) -> None:
        """Take up the run where its checkpoint left it, if it has one."""
        keeper, trainer = self.keeper, self.trainer
        if keeper is None:
            return
        if keeper.start is not None:
            progress = keeper.start.progress
            keeper.start.apply(trainer.session, self.snapshot)
            trainer.t, self.first_step = progress.t, progress.first_step
            self.position = replace(progress.position)
            self.history.epochs[:] = progress.epochs
            self.history.best, self.history.seconds = progress.best, progress.seconds
            self._began -= progress.seconds
            self._restore_stopping(keeper.start)
        keeper.begin(self.history)

    def _restore_stopping(self, start: Checkpoint) -> None:
        """Follow the valid part from where it was; raises `DataError` for what is not its state."""
        try:
            self.stopping.restore(start.progress.stopping or {})
        except (KeyError, TypeError, ValueError, OverflowError):
            why = "what it says of stopping is for other criteria"
            raise unusable(start.path, why) from None

    def progress(self) -> Progress:
        """How far the run is, between two steps."""
        return Progress(
            self.trainer.t,
            self.first_step,
            replace(self.position),
            time.perf_counter() - self._began,
            self.history.best,
            self.stopping.state(),
            tuple(self.history.epochs),
        )

    def save(self) -> None:
        """Write a checkpoint, where someone keeps them."""
        if self.keeper is not None:
            with postponed():
                self.keeper.save(self.trainer.session, self.snapshot, self.progress())

    # --- running ---------------------------------------------------------------------------------

    def run(self) -> None:
        """Every epoch, until the last, until nothing improves, or until Ctrl-C."""
        trainer, dataset = self.trainer, self.dataset
        epochs = self.settings.epochs
        steps = steps_per_epoch(dataset, self.batches)
        self.begin()
        if steps is not None:
            steps = -(-steps // trainer.accumulate)
            trainer.total_steps = self.first_step + epochs * steps
        rows = {name: part.rows for name, part in dataset.parts.items()}
        name = trainer.session.compilation.program.source.name
        self.listener.on_start(Run(trainer, epochs, steps, rows, name, self.first_step))
        watch = self.stopping.watch
        self.history.watch = f"valid.{watch}" if watch else None
        try:
            while not self._ended() and not self._epoch():
                pass
            self.save()
        except KeyboardInterrupt:  # within a step, maybe: the last checkpoint stands
            if self.interrupted:
                raise  # the second: nothing is written of what may be half a step
            self.interrupted = True
        except DivergedError as error:
            explained = self._explained(error)
            self.snapshot.restore()
            raise explained from None

    def _explained(self, error: DivergedError) -> DivergedError:
        """The error with the node it began at; one that names its place says it already."""
        return error if error.diagnostics[0].labels else self.guard.explain(error)

    def _ended(self) -> bool:
        """Whether the last epoch is done, or `stop` says so."""
        reason = self._reason_to_stop()
        if reason is not None:
            self.history.ending, self.history.stopped_by = "early", reason
            return True
        return self.position.epoch >= self.settings.epochs

    def _epoch(self) -> bool:
        """One epoch, or the rest of one, and its measures; whether it was interrupted."""
        trainer, history, position = self.trainer, self.history, self.position
        epoch, step, due = position.epoch, trainer.step, self._due_at_step
        self.guard.keep(position)
        if self.stopping.watch is None and not position.steps:
            self._take_snapshot()
        within = self.stopping.within_epochs
        trainer.epoch = epoch
        batches = epoch_batches(trainer.session, self.dataset, self.batches, epoch)
        for fed, count in islice(batches, position.steps, None):
            position.total += step(fed) * count
            position.rows += count
            position.steps += 1
            if self.interrupted:
                return True
            if position.steps >= self.guard.due:
                self.guard.keep(position)
            if due is not None and due(trainer.t):
                self.save()
            if within and self._reason_to_stop():
                break
        if not position.rows:
            return True
        trainer.flush()
        self.guard.verify()
        row: Row = {"epoch": epoch + 1, "step": trainer.t, "seconds": 0.0}
        if self.loss:
            row[f"train.{self.loss[0]}"] = position.total / position.rows
        with trainer.averaged():
            measures = self._measure("valid")
        row |= {f"valid.{name}": value for name, value in measures.items()}
        row["seconds"] = history.seconds = round(time.perf_counter() - self._began, 6)
        history.epochs.append(row)
        if self.stopping.update(row):
            self._take_snapshot()
            history.best = epoch + 1
        position.next_epoch()
        self._record(row)
        return self.interrupted

    @property
    def _due_at_step(self) -> Callable[[int], bool] | None:
        return self.keeper.due_at_step if self.keeper is not None else None

    def _record(self, row: Row) -> None:
        """Tell of an epoch that is done, and save it if its time has come."""
        keeper = self.keeper
        if keeper is not None:
            keeper.log.add(self.history)
        self.listener.on_epoch(row)
        if keeper is not None and keeper.due_at_epoch(self.position.epoch):
            self.save()

    def _reason_to_stop(self) -> str | None:
        """The criterion of `stop` that holds now."""
        seconds, steps = time.perf_counter() - self._began, self.trainer.t - self.first_step
        return self.stopping.reason(Moment(self.position.epoch, steps, seconds))

    def _take_snapshot(self) -> None:
        """Keep the weights that are measured: the averages, where they are averaged."""
        with self.trainer.averaged():
            self.snapshot.take()

    def _measure(self, name: str) -> dict[str, float]:
        part = self.dataset.parts.get(name)
        if part is None:
            return {}
        return evaluate(self.trainer.session, part, self.settings.eval_batch)

    def finish(self) -> None:
        """Leave the model at its best weights, and measure them."""
        history = self.history
        if self.interrupted:
            history.ending = "interrupted"
        if history.best is not None:
            self.snapshot.restore()
        else:
            self.trainer.take_average()
        self._verify_finite()
        for name in ("valid", "test"):
            measures = self._measure(name)
            if measures:
                history.final[name] = measures
        history.seconds = time.perf_counter() - self._began

    def _verify_finite(self) -> None:
        """Raise `DivergedError` if the last step, whose loss nobody sees, spoilt a parameter."""
        session, t = self.trainer.session, self.trainer.t
        trained = [v.name for v in session.graph.params if not v.frozen]
        for name in trained if t else ():
            if not np.isfinite(session.memory.params[name]).all():
                self.snapshot.restore()
                raise divergence(f"the parameter '{name}' is not finite after step {t}")
