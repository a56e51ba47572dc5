"""A run's memory of how it got where it is, so that what went wrong can be found by doing it again.

Every `STRIDE` steps the parameters are looked at, and kept with the optimizer's states if they are
finite. Batches, random numbers and schedules are functions of the seed, the epoch and the step: a
run that goes wrong is done again from there, step by step, until the step that spoils it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import islice
from typing import Protocol

import numpy as np

from graphdsl.graph.flat_arrays import is_kind
from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import Diagnostic, DivergedError
from graphdsl.training.diagnosis import Diagnosis, Recorder
from graphdsl.training.feeding import Fed
from graphdsl.training.position import Position
from graphdsl.training.trainer import Trainer, divergence

STRIDE = 64
"""Steps between two looks, which make them cost well under a hundredth of the steps."""


class Epochs(Protocol):
    """Gives the batches of an epoch, the same ones whenever it is asked."""

    def __call__(self, epoch: int, /) -> Iterator[Fed]: ...


class Guard:
    """Keeps the last good state of a trainer, and explains what came after it.

    `epochs` is None where batches come once and cannot be asked for again.
    """

    def __init__(self, trainer: Trainer, epochs: Epochs | None) -> None:
        self.trainer, self._epochs = trainer, epochs
        self._copies: dict[str, Array] = {}
        self._position, self._t = Position(), trainer.t
        self.due = 0
        """The steps of an epoch at which the next look is due."""
        self.kept = False
        """Whether there is a good state to go back to."""
        self._found_finite = -1

    def keep(self, position: Position) -> None:
        """Look at the parameters, between two steps; raises `DivergedError` if one is not finite,
        and otherwise takes this for the last good state."""
        self.verify()
        for name, live in self.trainer.session.memory.arrays.items():
            if is_kind(name, "grad"):
                continue  # every step computes them before it reads them
            if name not in self._copies or self._copies[name].shape != live.shape:
                self._copies[name] = np.empty_like(live)
            np.copyto(self._copies[name], live)
        self._position, self._t = replace(position), self.trainer.t
        self.due, self.kept = position.steps + STRIDE, True

    def go_back(self) -> Position:
        """Give the trainer its last good state, which it may be in the midst of a step after; where
        in the run that was."""
        self._put_back(self._copies, self._t)
        self._found_finite = -1
        self.trainer.epoch = self._position.epoch
        return replace(self._position)

    def verify(self) -> None:
        """Raise `DivergedError` if a trained parameter is not finite: what a gradient that is not
        leaves behind."""
        t = self.trainer.t
        if self._found_finite == t:
            return
        name = _find_spoilt(self.trainer)
        if name is not None:
            raise divergence(f"the parameter '{name}' is not finite after step {t}")
        self._found_finite = t

    def explain(self, error: DivergedError) -> DivergedError:
        """The error with the node where it began, where doing it again shows one.

        The trainer is left where the fault is: whoever calls puts good parameters back.
        """
        if self._epochs is None:
            note = "its batches come once, and cannot be gone through again: debug_nan=True looks"
            (first,) = error.diagnostics
            return DivergedError(replace(first, help=(*first.help, f"{note} at every node")))
        for turn in self._turns(self._epochs):
            before = {name: a.copy() for name, a in self.trainer.session.memory.arrays.items()}
            t = self.trainer.t
            if not _goes_wrong(self.trainer, turn):
                continue
            self._put_back(before, t)
            recorder = Recorder()
            with self.trainer.session.watched(recorder):
                _goes_wrong(self.trainer, turn)
            found = recorder.find()
            return error if found is None else tell(found, self.trainer, error.diagnostics[0])
        return error

    def _turns(self, epochs: Epochs) -> Iterator[Callable[[], object]]:
        """The steps since the last good state; then the update that an epoch's end may bring."""
        trainer, position = self.trainer, self.go_back()
        for fed, _ in islice(epochs(position.epoch), position.steps, None):
            yield lambda fed=fed: trainer.step(fed)  # type: ignore[misc]
        yield trainer.flush

    def _put_back(self, copies: dict[str, Array], t: int) -> None:
        for name, live in self.trainer.session.memory.arrays.items():
            if name in copies:
                np.copyto(live, copies[name])
        self.trainer.t = t


def watching(trainer: Trainer) -> AbstractContextManager[None]:
    """Inside, the first node of a step whose values are not finite raises `DivergedError`."""
    return trainer.session.watched(Recorder(lambda found: tell(found, trainer)))


def tell(found: Diagnosis, trainer: Trainer, first: Diagnostic | None = None) -> DivergedError:
    """The error for a step in which a node went wrong; `first` is how it was noticed."""
    step, epoch = f"step {trainer.t}", trainer.epoch + 1
    message = f"{found.summarise()} at {step}"
    if first is not None:
        began = "" if first.message.endswith(step) else f"; it began at {step}"
        message = f"{first.message}{began}: {found.summarise()}"
    told = found.describe("E0805", message)
    return DivergedError(replace(told, notes=(*told.notes, f"this was in epoch {epoch}")))


def _goes_wrong(trainer: Trainer, turn: Callable[[], object]) -> bool:
    """Whether a turn ends in a loss, a parameter or an optimizer's state that is not finite."""
    before = _spoilt_arrays(trainer)
    try:
        turn()
    except DivergedError:
        return True
    return not _spoilt_arrays(trainer) <= before


def _spoilt_arrays(trainer: Trainer) -> set[str]:
    arrays = trainer.session.memory.arrays
    stored = (name for name in arrays if is_kind(name, "param", "slot"))
    return {name for name in stored if not np.isfinite(arrays[name]).all()}


def _find_spoilt(trainer: Trainer) -> str | None:
    """The first trained parameter that is not finite."""
    memory = trainer.session.memory
    flat = (a for name, a in memory.arrays.items() if is_kind(name, "param"))
    # the sum of squares is a dozen times as fast, and may overflow where every number is finite
    with np.errstate(over="ignore", invalid="ignore"):
        if all(math.isfinite(np.dot(array, array)) for array in flat):
            return None
    trained = (v.name for v in trainer.session.graph.params if not v.frozen)
    return next((name for name in trained if not np.isfinite(memory.params[name]).all()), None)
