"""The training loop: epochs of steps, measured on the valid part, the best weights kept."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import numpy as np

from graphdsl.engines import feeds
from graphdsl.language.diagnostics import DataError, Diagnostic, DivergedError, UsageError
from graphdsl.session import Session
from graphdsl.training.batches import Batches
from graphdsl.training.dataset import Dataset, batch_symbol
from graphdsl.training.history import Ending, History, Row
from graphdsl.training.measure import evaluate
from graphdsl.training.options import FitSettings
from graphdsl.training.progress import Listener, Run, Silent
from graphdsl.training.snapshot import Snapshot
from graphdsl.training.stopping import Stopping
from graphdsl.training.threads import blas_threads
from graphdsl.training.trainer import Trainer, divergence


def fit(
    trainer: Trainer,
    dataset: Dataset,
    settings: FitSettings,
    listener: Listener | None = None,
    history: History | None = None,
) -> History:
    """Train; the history, with the model left at its best weights on the valid part.

    Best is what `settings.stop` watches, or else the valid loss; without a valid part the weights
    are the last. Ctrl-C ends training after the step under way, a second one at once; what was
    best so far is kept either way. A loss that is not finite, and a parameter that is not in the
    end, raise `DivergedError`, with the best weights, or those the failing epoch began with, put
    back. `history` is filled as training
    goes on, for a caller who wants it even if this raises.
    """
    history = history if history is not None else History()
    listener = listener if listener is not None else Silent()
    loop = _Loop(trainer, dataset, settings, listener, history)
    try:
        with _interruptible(loop), blas_threads(trainer.session, loop.batches.size):
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
        listener.on_end(history)
    return history


def verify_fit(dataset: Dataset, settings: FitSettings) -> None:
    """Raise what can be known to be wrong before a run: nothing to train on, or to watch."""
    part, stop = dataset.train, settings.stop
    if dataset.stream is None and part.arrays and not part.rows:
        raise DataError(Diagnostic("E0616", "the train part is empty"))
    if dataset.valid is None and stop is not None:
        message = f"early({stop.watch}, …) watches the valid part, and there is none"
        help = ("give the data block a split: split = [0.8, 0.2]", "or pass stop=None")
        raise UsageError(Diagnostic("E0811", message, (), help))


@dataclass
class _Loop:
    """One run: what it trains on, what it watches, how far it got."""

    trainer: Trainer
    dataset: Dataset
    settings: FitSettings
    listener: Listener
    history: History
    stopping: Stopping | None = None
    interrupted: bool = False
    _began: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        settings, session = self.settings, self.trainer.session
        part = self.dataset.train
        verify_fit(self.dataset, settings)
        self.batches = Batches(part, settings.batch, shuffle=settings.shuffle, seed=settings.seed)
        self.loss = self.trainer.purpose.results[:1]
        self.watched = self._watched(session)
        self.snapshot = Snapshot(session)

    def _watched(self, session: Session) -> str | None:
        """What chooses the best epoch; sets up its state."""
        stop = self.settings.stop
        if self.dataset.valid is None:
            return None
        if stop is not None:
            self.stopping = Stopping.of(stop)
            return stop.watch
        loss = session.graph.loss
        self.stopping = Stopping(maximise=False) if loss else None
        return loss.name if loss else None

    # --- running ---------------------------------------------------------------------------------

    def run(self) -> None:
        """Every epoch, until the last, until nothing improves, or until Ctrl-C."""
        trainer, dataset = self.trainer, self.dataset
        epochs = self.settings.epochs
        steps = _length(dataset.stream) if dataset.stream is not None else len(self.batches)
        if steps is not None:
            trainer.total_steps = trainer.t + epochs * steps
        rows = {name: part.rows for name, part in dataset.parts.items()}
        name = trainer.session.compilation.program.source.name
        self.listener.on_start(Run(trainer, epochs, steps, rows, name, trainer.t))
        self.history.watch = f"valid.{self.watched}" if self.watched else None
        try:
            for epoch in range(epochs):
                if self._epoch(epoch):
                    break
        except KeyboardInterrupt:
            self.interrupted = True
        except DivergedError:
            self.snapshot.restore()
            raise

    def _epoch(self, epoch: int) -> bool:
        """One epoch and its measures; whether it is the last."""
        if self.stopping is None:
            self.snapshot.take()
        trainer, history = self.trainer, self.history
        trainer.epoch = epoch
        total, rows, step = 0.0, 0, trainer.step
        for fed, count in self._batches(epoch):
            total += step(fed) * count
            rows += count
            if self.interrupted:
                return True
        if not rows:
            return True
        row: Row = {"epoch": epoch + 1, "step": trainer.t, "seconds": 0.0}
        if self.loss:
            row[f"train.{self.loss[0]}"] = total / rows
        measures = self._measure("valid")
        row |= {f"valid.{name}": value for name, value in measures.items()}
        row["seconds"] = history.seconds = round(time.perf_counter() - self._began, 6)
        history.epochs.append(row)
        finished = self._judge(measures, epoch)
        self.listener.on_epoch(row)
        return finished or self.interrupted

    def _judge(self, measures: Mapping[str, float], epoch: int) -> bool:
        """Keep the weights if they are the best so far; whether patience has run out."""
        stopping, watched = self.stopping, self.watched
        if stopping is None or watched is None or watched not in measures:
            return False
        if stopping.update(measures[watched]):
            self.snapshot.take()
            self.history.best = epoch + 1
        if stopping.finished:
            self.history.ending = "early"
        return stopping.finished

    def _batches(self, epoch: int) -> Iterator[tuple[Mapping[str, Any], int]]:
        stream = self.dataset.stream
        if stream is None:
            yield from self.batches.epoch(epoch)
            return
        inputs = self.trainer.session.inputs
        name = batch_symbol(inputs)
        for batch in stream:
            if not isinstance(batch, Mapping):
                message = f"a batch is a mapping of arrays by input, not {type(batch).__name__}"
                raise DataError(Diagnostic("E0618", message))
            arrays, sizes = self.trainer.session.feed(batch)
            feeds.check_all_fed(arrays, inputs)
            yield arrays, sizes.get(name or "", 1)

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


def _length(stream: object) -> int | None:
    """How many batches an iterable says it has, if it says so."""
    return len(stream) if hasattr(stream, "__len__") else None


@contextmanager
def _interruptible(loop: _Loop) -> Iterator[None]:
    """Ctrl-C lets the step under way end: half a step would leave half the parameters behind.

    Only where Python's own handler is in place, and in the main thread, which alone may set one.
    """
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    if not main or before is not signal.default_int_handler:
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        loop.interrupted = True

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
