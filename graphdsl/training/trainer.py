"""The trainer: one optimizer step at a time, on arrays that are fed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdsl.driver import Purpose
from graphdsl.engines import feeds
from graphdsl.engines.memory import Memory
from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import Diagnostic, DivergedError, UsageError
from graphdsl.ops.run_fault import RunFault
from graphdsl.session import Session, run_refusal


@dataclass(frozen=True, slots=True)
class _Ready:
    """A program bound to its memory, and what its inputs have to be to be taken as they are."""

    run: Callable[..., tuple[Any, ...]]
    arena: Array
    checks: tuple[tuple[str, tuple[int, ...], np.dtype[Any]], ...]


class Trainer:
    """Steps of a model's optimizer. `t` counts them from 1; schedules read it, `epoch` and
    `total_steps`, which is infinite until something sets it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._lock, self._memory = session.lock, session.memory
        self.purpose: Purpose = session.compilation.step_purpose()
        self.t = 0
        self.epoch = 0
        self.total_steps = math.inf
        self._ready: _Ready | None = None
        self._replaced = False
        session.compilation.compiled(self.purpose)
        with session.lock:
            if session.trainer is not None:
                session.trainer.retire()
            session.trainer = self

    def step(self, feeds: Mapping[str, Any] | None = None, /, **named: Any) -> float:
        """One optimizer step on a batch; the loss before it, as a float.

        Raises `DataError` for arrays that do not fit the inputs, with nothing changed, unless an
        index that the model computes is out of range; `DivergedError` for a loss that is not
        finite, the parameters then being those after the step. A model trained by its own
        updates alone gives nan.
        """
        fed = named if feeds is None else {**feeds, **named}
        with self._lock:
            ready, arrays = self._ready, None
            if ready is not None and ready.arena is self._memory.arena:
                arrays = _as_they_are(ready, fed, self._memory)
            if ready is None or arrays is None:
                ready, arrays = self._prepare(fed)
            self.t += 1
            try:
                results = ready.run(*arrays, self.t, self.epoch, self.total_steps)
            except RunFault as fault:
                self.t -= 1
                raise run_refusal(fault) from None
            loss = float(results[0]) if results else math.nan
        if not math.isfinite(loss) and results:
            raise self._diverged(loss)
        return loss

    def restart(self) -> None:
        """Back to the first step, the optimizer's states as they began."""
        with self._lock:
            self.t = self.epoch = 0
            for slot in self.session.compilation.compiled(self.purpose).slots:
                self._memory.add_slot(slot.name, slot.dtype, slot.size, slot.value)
            self.session.forget_programs(self.purpose)
            self._ready = None

    def retire(self) -> None:
        """Make way for another trainer of the model: its optimizer states are the other's now."""
        self._ready, self._replaced = None, True

    def _prepare(self, fed: Mapping[str, Any]) -> tuple[_Ready, list[Array]]:
        """Check and convert what is fed; remember what can be taken as it is next time."""
        session = self.session
        if self._replaced:
            message = "another trainer of this model has taken over its optimizer states"
            help = ("step with the newer trainer, or load the model twice",)
            raise UsageError(Diagnostic("E0816", message, (), help))
        feeds.check_names(fed, session.inputs)
        feeds.check_all_fed(fed, session.inputs)
        arrays, sizes = session.feed(fed)
        empty = next((name for name, array in arrays.items() if array.size == 0), None)
        if empty is not None:
            message = f"the batch is empty: '{empty}' has the shape {list(arrays[empty].shape)}"
            raise feeds.refusal("E0817", message, "a step needs one row or more")
        program = session.executable(self.purpose, sizes)
        names = [name for name, _, _ in program.program.schedule.inputs]
        checks = tuple((name, arrays[name].shape, arrays[name].dtype) for name in names)
        ready = _Ready(session.bound(program), self._memory.arena, checks)
        # an input the program does not read is checked every time: nothing remembers its shape
        self._ready = ready if len(names) == len(arrays) else None
        return ready, [arrays[name] for name in names]

    def _diverged(self, loss: float) -> DivergedError:
        return divergence(f"the loss {self.purpose.results[0]} is {loss} at step {self.t}")


def divergence(message: str) -> DivergedError:
    """The error for a training that has left the finite numbers."""
    help = (
        "a smaller learning rate, or inputs of unit scale, often mends this",
        "ln and / of values near 0, and exp of large ones, are where it begins",
    )
    return DivergedError(Diagnostic("E0805", message, (), help))


def _as_they_are(ready: _Ready, fed: Mapping[str, Any], memory: Memory) -> list[Array] | None:
    """The fed arrays in the program's order, or None if one needs a look or a conversion."""
    if len(fed) != len(ready.checks):
        return None
    arrays = []
    for name, shape, dtype in ready.checks:
        array = fed.get(name)
        if (
            type(array) is not np.ndarray
            or array.dtype is not dtype
            or array.shape != shape
            or not array.flags.c_contiguous
            or (array.base is not None and memory.owns(array))
        ):
            return None
        arrays.append(array)
    return arrays
