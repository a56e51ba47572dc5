"""The trainer: one optimizer step at a time, on arrays that are fed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from graphdsl.compiler.conditioning import AVERAGE, BATCHES, PASSES
from graphdsl.compiler.recipe import PLAIN, Recipe
from graphdsl.compiler.slots import Slot, shared_name
from graphdsl.driver import Purpose
from graphdsl.engines import feeds
from graphdsl.engines.late_rows import LateRows, read_by_workers
from graphdsl.engines.limits import ran_out
from graphdsl.engines.refusals import run_refusal
from graphdsl.graph.flat_arrays import flat_array
from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import DataError, Diagnostic, DivergedError, UsageError
from graphdsl.ops.run_fault import RunFault
from graphdsl.session import Session
from graphdsl.training.dataset import batch_symbol, batched
from graphdsl.training.feeding import verify_rows
from graphdsl.training.taken import Ready, taking_as_fed
from graphdsl.training.threads import blas_threads, on_one_thread


class Trainer:
    """Steps of a model's optimizer. `t` counts them from 1; schedules read it, `epoch` and
    `total_steps`, which is infinite until something sets it.

    `recipe` is what a step does besides the optimizer's rule; with `accumulate` above 1 the
    gradients of so many batches make one step.
    """

    t: int
    epoch: int

    def __init__(self, session: Session, recipe: Recipe, accumulate: int) -> None:
        self.session = session
        self._lock, self._memory = session.lock, session.memory
        whole = session.compilation.step_purpose(recipe)
        self.accumulate = accumulate
        self._apply: Purpose | None = None
        if accumulate > 1:
            self._apply = replace(whole, results=(), stage="apply")
            plain = replace(PLAIN, memory=whole.recipe.memory)
            whole = replace(whole, stage="gather", recipe=plain)
        self.purpose: Purpose = whole
        self.recipe = recipe
        self.total_steps = math.inf
        self._replaced = False
        self.restart()
        with session.lock:
            if session.trainer is not None:
                session.trainer.retire()
            session.trainer = self

    def step(self, feeds: Mapping[str, Any] | None = None, /, **named: Any) -> float:
        """One optimizer step on a batch; the loss before it, as a float.

        With `accumulate` above 1 the batch's gradients are gathered, and every so many calls the
        parameters are updated. The loss is this batch's own, whether they are or not.

        Raises `DataError` for arrays that do not fit the inputs, with nothing changed, unless an
        index that the model computes is out of range; `DivergedError` for a loss that is not
        finite, the parameters then being those after the step. A model trained by its own
        updates alone gives nan.
        """
        return self.step_on(named if feeds is None else {**feeds, **named})

    def step_on(self, fed: Mapping[str, Any], late: LateRows | None = None) -> float:
        """`step` on a batch of which `late` are the rows that are yet to be gathered into the
        arrays fed, all of them of the inputs' elements and in C order: workers that share the step
        gather their own."""
        with self._lock:
            if self._apply is not None:
                loss = self._gather(fed, late)
            else:
                results = self._run(fed, late, self.t + 1, self.t + 1)
                loss = float(results[0]) if results else math.nan
        if not math.isfinite(loss) and self.purpose.results:
            raise self._diverged(loss)
        return loss

    @property
    def pending(self) -> int:
        """How many batches were gathered since the last update."""
        if self._apply is None:
            return 0
        self._verify_current()
        return self._count(PASSES)

    def flush(self) -> None:
        """Update the parameters from what was gathered, if anything was: the last batches of an
        epoch may be fewer than `accumulate`."""
        with self._lock:
            if self._apply is None or not self.pending:
                return
            program = self.session.executable(self._apply, {})
            with blas_threads(self.session, 1):
                self.session.run(program, (), self.t + 1, self.epoch, self.total_steps)
            self.t += 1

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The parameters are their averages inside, and again what they were afterwards; without
        `average`, and before the first step, nothing changes. Other threads wait."""
        with self._lock:
            pairs = self._averages()
            raw = [live.copy() for live, _ in pairs]
            self.take_average()
            try:
                yield
            finally:
                for (live, _), kept in zip(pairs, raw, strict=True):
                    np.copyto(live, kept)

    def take_average(self) -> None:
        """Leave the parameters at their averages, where there are any."""
        with self._lock:
            for live, average in self._averages():
                np.copyto(live, average)

    def restart(self) -> None:
        """Back to the first step, the optimizer's states as they began."""
        with self._lock:
            compiled = [self.session.compilation.compiled(p) for p in self._purposes]
            self.t = self.epoch = 0
            self._ready: Ready | None = None
            self._other: Ready | None = None
            self._memory.forget_slots()
            slots = {slot.name: slot for one in compiled for slot in one.slots}
            self._memory.add_slots(slots.values())
            for purpose in self._purposes:
                self.session.forget_programs(purpose)

    def retire(self) -> None:
        """Make way for another trainer of the model: its optimizer states are the other's now."""
        self.renew()
        self._replaced = True

    def renew(self) -> None:
        """Ask for the program again at the next step."""
        self._ready = self._other = None

    def gathers(self) -> bool:
        """Whether the last step was shared among workers that gather their rows themselves."""
        ready = self._ready  # another thread may take it away meanwhile
        return ready is not None and ready.arrivals is not None

    @property
    def _purposes(self) -> tuple[Purpose, ...]:
        return (self.purpose,) if self._apply is None else (self.purpose, self._apply)

    def _gather(self, fed: Mapping[str, Any], late: LateRows | None) -> float:
        """A batch gathered, and the update if it was the last one of a step; the batch's loss.

        Only random streams read `t` here, and they are counted by the batches.
        """
        results = self._run(fed, late, self._count(BATCHES) + 1, self.t)
        loss = float(results[0])  # the update writes over it
        if self.pending >= self.accumulate:
            self.flush()
        return loss

    def _run(
        self, fed: Mapping[str, Any], late: LateRows | None, t: int, steps: int
    ) -> tuple[Any, ...]:
        """The results of the program for what is fed; raises `DataError`.

        `self.t` is `steps` while it runs: who watches it reads that. What is raised before, by a
        Ctrl-C while it is compiled for one, finds the number as it was, for nothing was changed.
        """
        ready, results, before, given = self._ready, None, self.t, fed
        try:
            if ready is not None and ready.arena is self._memory.arena:
                self.t = steps
                if late is None:
                    results = ready.run_fed(fed, t, self.epoch, self.total_steps)
                else:
                    results = ready.run_late(fed, late, t, self.epoch, self.total_steps)
            if results is None:
                self.t = steps
                results = self._run_other(fed, late, t)
            if results is None:
                self.t = before
                if late is not None:
                    late.gather_all()
                ready, given = self._prepare(fed)
                self.t = steps
                results = ready.run(*given.values(), t, self.epoch, self.total_steps)
        except RunFault as fault:
            self.t = before
            raise run_refusal(fault, given) from None
        except MemoryError:
            self.t = before
            raise DataError(ran_out("a training step")) from None
        return results

    def _run_other(
        self, fed: Mapping[str, Any], late: LateRows | None, t: int
    ) -> tuple[Any, ...] | None:
        """The results of the program before the last one, which takes its place for the batches to
        come; None if it does not take what is fed either."""
        self._ready, self._other = self._other, self._ready
        ready = self._ready
        if ready is None or ready.arena is not self._memory.arena:
            return None
        return ready.run_late(fed, late, t, self.epoch, self.total_steps)

    def _count(self, slot: Slot) -> int:
        return int(self._memory.arrays[flat_array("slot", slot.name)][0])

    def _averages(self) -> list[tuple[Array, Array]]:
        """The stretches of trained parameters, each beside the one of its average; none before
        the first step, or without `average`."""
        if self.recipe.average is None or not self.t:
            return []
        self._verify_current()
        arrays = self._memory.arrays
        found = []
        for group in self._memory.layout.groups:
            live = arrays[flat_array("param", group.dtype)]
            average = arrays[flat_array("slot", shared_name(AVERAGE, group.dtype))]
            stretch = slice(group.start, group.stop)
            found.append((live[stretch], average[stretch]))
        return found

    def _verify_current(self) -> None:
        if self._replaced:
            message = "another trainer of this model has taken over its optimizer states"
            help = ("step with the newer trainer, or load the model twice",)
            raise UsageError(Diagnostic("E0816", message, (), help))

    def _prepare(self, fed: Mapping[str, Any]) -> tuple[Ready, dict[str, Array]]:
        """Check and convert what is fed, for the program to read; remember what can be taken as
        it is next time, of this program and the one before: an epoch's last batch is shorter."""
        session = self.session
        self._verify_current()
        feeds.verify_names(fed, session.inputs)
        feeds.verify_all_fed(fed, session.inputs)
        arrays, sizes = session.feed(fed, session.compilation.compiled(self.purpose))
        verify_rows(arrays)
        program = session.executable(self.purpose, sizes)
        schedule = program.program.schedule
        names = [name for name, _, _ in schedule.inputs]
        read = {name: arrays[name] for name in names}
        rows = sizes.get(batch_symbol(session.inputs) or "", 1)
        run = on_one_thread(session.bound(program), session, rows)
        run_fed = taking_as_fed(run, read, self._memory.owns)
        late = read_by_workers(schedule, batched(session.inputs))
        memory = self._memory
        ready = Ready(run, memory.arena, run_fed, memory.arrivals if late else None)
        # an input the program does not read is checked every time: nothing remembers its shape
        self._ready = ready if len(names) == len(arrays) else None
        if self._other is not None and self._other.arena is not memory.arena:
            self._other = None  # it would keep memory that nothing else uses
        return ready, read

    def _diverged(self, loss: float) -> DivergedError:
        step = self.t + (self.pending > 0)
        return divergence(f"the loss {self.purpose.results[0]} is {loss} at step {step}")


def divergence(message: str) -> DivergedError:
    """The error for a training that has left the finite numbers."""
    help = (
        "a smaller learning rate, or inputs of unit scale, often mends this",
        "ln and / of values near 0, and exp of large ones, are where it begins",
    )
    return DivergedError(Diagnostic("E0805", message, (), help))
