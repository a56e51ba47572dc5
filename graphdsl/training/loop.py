"""The training loop: epochs of steps, measured on the valid part, the best weights kept."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from itertools import islice

from graphdsl.language.diagnostics import DataError, Diagnostic, DivergedError
from graphdsl.training.batches import Batches
from graphdsl.training.dataset import Dataset
from graphdsl.training.feeding import arriving_batches, epoch_batches, steps_per_epoch
from graphdsl.training.foresight import load_programs, verify_copies
from graphdsl.training.guard import Epochs, Guard, watching
from graphdsl.training.history import Ending, History, Row
from graphdsl.training.interrupts import Interrupts
from graphdsl.training.keeper import Keeper
from graphdsl.training.locating import located
from graphdsl.training.measure import evaluate
from graphdsl.training.options import FitSettings
from graphdsl.training.preflight import verify_fit
from graphdsl.training.progress import Listener, Run, Silent
from graphdsl.training.run_state import RunState
from graphdsl.training.stopping import Stopping
from graphdsl.training.threads import blas_threads
from graphdsl.training.trainer import Trainer


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
    goes back to the last good state, a few steps old, and raises `KeyboardInterrupt`. A loss or a
    parameter that is not finite raises `DivergedError`, with the best weights, or those the failing
    epoch began with, put back. `history` is filled as training goes on, for a caller who wants it
    even if this raises. `keeper` saves the run now and then and where it ends, however it does but
    for other errors, and says where it begins. `debug_nan` looks at every node of every step.
    """
    history = history if history is not None else History()
    listener = listener if listener is not None else Silent()
    interrupts = Interrupts(signals)
    loop = _Loop(trainer, dataset, settings, listener, history, keeper, interrupts)
    try:
        threads = blas_threads(trainer.session, loop.batches.size)
        parts = located(*dataset.parts.values(), stream=dataset.stream)
        watch = watching(trainer) if debug_nan else nullcontext()
        with interrupts, threads, parts, watch:
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


class _Loop:
    """One run: what it trains on, and who is told of it."""

    def __init__(
        self,
        trainer: Trainer,
        dataset: Dataset,
        settings: FitSettings,
        listener: Listener,
        history: History,
        keeper: Keeper | None,
        interrupts: Interrupts,
    ) -> None:
        self.trainer, self.dataset, self.settings = trainer, dataset, settings
        self.listener, self.history, self.keeper = listener, history, keeper
        self.interrupts = interrupts
        verify_fit(dataset, settings, trainer.session.compilation)
        verify_copies(trainer)
        self.batches = Batches(
            dataset.train, settings.batch, shuffle=settings.shuffle, seed=settings.seed
        )
        loss = trainer.session.graph.loss
        stopping = Stopping(settings.stop, loss.name if loss and dataset.valid else None)
        guard = Guard(trainer, self._repeatable())
        self.state = RunState(trainer, guard, stopping, history, keeper, interrupts)

    def _repeatable(self) -> Epochs | None:
        """The batches of an epoch, if they can be asked for twice."""
        stream, session = self.dataset.stream, self.trainer.session
        if stream is not None and stream.once:
            return None
        return lambda epoch: epoch_batches(session, self.dataset, self.batches, epoch)

    def run(self) -> None:
        """Every epoch, until the last, until nothing improves, or until Ctrl-C."""
        state = self.state
        state.begin()
        self._announce()
        try:
            load_programs(self.trainer, self.dataset, self.batches.size, self.settings.eval_batch)
            state.begin_epoch()
            while not self._ended() and not self._epoch():
                pass
            state.save()
        except KeyboardInterrupt:
            state.go_back()
            if self.interrupts.insisted:
                self._settle()
                raise
            self.interrupts.asked = True  # it came from elsewhere, and asks once
        except DivergedError as error:
            refused = self._save_good()
            explained = self._explained(error)
            state.snapshot.restore()
            raise DivergedError((*explained.diagnostics, *refused)) from None

    def _announce(self) -> None:
        """Tell the listener, and the schedules, how long the run may be."""
        trainer, dataset, state = self.trainer, self.dataset, self.state
        epochs = self.settings.epochs
        steps = steps_per_epoch(dataset, self.batches)
        if steps is not None:
            steps = -(-steps // trainer.accumulate)
            trainer.total_steps = state.first_step + epochs * steps
        trainer.session.expect_steps(trainer.total_steps)
        rows = {name: part.rows for name, part in dataset.parts.items()}
        name = trainer.session.compilation.program.source.name
        self.listener.on_start(Run(trainer, epochs, steps, rows, name, state.first_step))
        watch = state.stopping.watch
        self.history.watch = f"valid.{watch}" if watch else None

    def _save_good(self) -> tuple[Diagnostic, ...]:
        """Save the last good state; what a disk that refuses it says."""
        try:
            self.state.go_back()
        except DataError as error:
            return error.diagnostics
        return ()

    def _explained(self, error: DivergedError) -> DivergedError:
        """The error with the node it began at; one that names its place says it already."""
        return error if error.diagnostics[0].labels else self.state.guard.explain(error)

    def _ended(self) -> bool:
        """Whether the last epoch is done, or `stop` says so."""
        reason = self.state.reason_to_stop()
        if reason is not None:
            self.history.ending, self.history.stopped_by = "early", reason
            return True
        return self.state.position.epoch >= self.settings.epochs

    def _epoch(self) -> bool:
        """One epoch, or the rest of one, and its measures; whether it is the last."""
        trainer, state, interrupts = self.trainer, self.state, self.interrupts
        position, guard, step = state.position, state.guard, trainer.step_on
        due = self.keeper.due_at_step if self.keeper is not None else None
        within = state.stopping.within_epochs
        trainer.epoch = position.epoch
        arriving = arriving_batches(
            trainer.session, self.dataset, self.batches, position.epoch, trainer.gathers
        )
        for fed, late, count in islice(arriving, position.steps, None):
            position.total += step(fed, late) * count
            position.rows += count
            position.steps += 1
            if interrupts.asked:
                return True
            if position.steps >= guard.due:
                state.keep()
            if due is not None and due(trainer.t):
                state.save()
            # a replay counts whole updates
            if within and not trainer.pending and state.reason_to_stop():
                break
        if not position.rows:
            return True
        trainer.flush()
        guard.verify()
        row = self._row()
        state.end_epoch(row)
        self._tell(row)
        return interrupts.asked

    def _row(self) -> Row:
        """What the epoch came to, measured."""
        position, loss = self.state.position, self.trainer.purpose.results[:1]
        row: Row = {"epoch": position.epoch + 1, "step": self.trainer.t, "seconds": 0.0}
        if loss:
            row[f"train.{loss[0]}"] = position.total / position.rows
        if "valid" not in self.dataset.parts:
            return row
        with self.trainer.averaged():
            measures = self._measure("valid")
        return row | {f"valid.{name}": value for name, value in measures.items()}

    def _tell(self, row: Row) -> None:
        """Tell of an epoch that is done, and save it if its time has come."""
        keeper = self.keeper
        if keeper is not None:
            keeper.log.add(self.history)
        self.listener.on_epoch(row)
        if keeper is not None and keeper.due_at_epoch(self.state.position.epoch):
            self.state.save()

    def _measure(self, name: str) -> dict[str, float]:
        part = self.dataset.parts.get(name)
        if part is None:
            return {}
        return evaluate(self.trainer.session, part, self.settings.eval_batch)

    def finish(self) -> None:
        """Leave the model at its best weights, and measure them."""
        history = self.history
        if self.interrupts.asked:
            history.ending = "interrupted"
        self._settle()
        for name in ("valid", "test"):
            measures = self._measure(name)
            if measures:
                history.final[name] = measures
        history.seconds = self.state.seconds

    def _settle(self) -> None:
        """Leave the model at its best weights, or else at its last, averaged if they are to be."""
        with self.interrupts.whole():
            if self.history.best is not None:
                self.state.snapshot.restore()
            else:
                self.trainer.take_average()
