"""Timing a model's steps: a trainer's, as they come, or those of one program on given arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdsl.compiler.schedule import Schedule
from graphdsl.driver import Purpose
from graphdsl.engines import feeds
from graphdsl.engines.memory import Memory
from graphdsl.engines.rates import product_rate
from graphdsl.engines.timed import Recorder
from graphdsl.graph.graph import Graph
from graphdsl.language.diagnostics import Diagnostic, UsageError
from graphdsl.session import Probed, Session
from graphdsl.training.dataset import batch_symbol
from graphdsl.training.measure import computable
from graphdsl.training.threads import blas_threads
from graphdsl.views.profile import Profile, summarised

STEPS, WARM_UP = 50, 5


@dataclass(slots=True)
class Profiler:
    """Records the steps of a model's trainer, and says what they came to."""

    session: Session
    recorder: Recorder
    rate: float = 0.0

    def measure_machine(self) -> None:
        """Measure the product, by as many threads as are allowed now; the best measure counts, for
        what else runs on the machine only slows it."""
        self.rate = max(self.rate, product_rate(self.session.graph.float))

    def probe(self, schedule: Schedule, graph: Graph, sizes: Mapping[str, int]) -> Probed:
        """The recorder's program; the machine is measured before the first of them runs, by the
        threads that its steps will have."""
        if not self.rate:
            rows = sizes.get(batch_symbol(self.session.inputs) or "", 1)
            with blas_threads(self.session, rows):
                self.measure_machine()
        return self.recorder.probe(schedule, graph, sizes)

    def profile(self) -> Profile | None:
        """What was recorded; None where no step came after those to warm up."""
        calls = sum(program.calls for program in self.recorder.programs)
        if not calls:
            return None
        return summarised(
            self.recorder.programs, calls, self.rate, self.session.compilation.program.source
        )


@contextmanager
def profiling(
    session: Session, steps: int = STEPS, warm_up: int = WARM_UP, everything: bool = False
) -> Iterator[Profiler]:
    """Inside, the first `steps` training steps after `warm_up` are timed, by programs that read
    the clock; after these the plain programs are back. The results have the same bits.

    With `everything`, programs that train nothing are timed too.
    """
    recorder = Recorder(steps, warm_up, everything=everything)
    profiler = Profiler(session, recorder)
    with session.probed(profiler.probe) as end:

        def full() -> None:
            end()
            profiler.measure_machine()

        recorder.full = full
        yield profiler


def profile_model(
    session: Session, fed: Mapping[str, Any], steps: int = STEPS, warm_up: int = WARM_UP
) -> Profile:
    """The profile of a training step; of what can be computed, where the model says no way to
    train it or is not fed all its inputs.

    Raises `UsageError` for no steps and where nothing can be computed, `DataError` for arrays that
    do not fit the inputs.
    """
    if steps < 1 or warm_up < 0:
        message = f"a profile of {steps} steps after {warm_up} is none"
        help = ("steps=1 or more, warm_up=0 or more",)
        raise UsageError(Diagnostic("E0883", message, (), help))
    arrays, _ = session.feed(fed)
    train = session.compilation.lowered(training=True).train
    if train is not None and session.inputs.keys() <= arrays.keys():
        purpose = session.compilation.step_purpose()
    else:
        purpose = Purpose(tuple(computable(session, arrays)))
    return profile_program(session, purpose, arrays, steps, warm_up)


def profile_program(
    session: Session, purpose: Purpose, fed: Mapping[str, Any], steps: int, warm_up: int
) -> Profile:
    """The profile of a purpose's program on what is fed; the model is left as it is.

    Raises `DataError` for arrays that do not fit the inputs.
    """
    arrays, sizes = session.feed(fed)
    feeds.verify_all_fed(arrays, session.compilation.compiled(purpose).inputs)
    rows = sizes.get(batch_symbol(session.inputs) or "", 1)
    with (
        session.lock,  # other threads' steps must neither be put back nor lose their BLAS threads
        blas_threads(session, rows),
        _kept(session.memory),
        profiling(session, steps, warm_up, everything=True) as profiler,
    ):
        program = session.executable(purpose, sizes)
        for t in range(1, warm_up + steps + 1):
            session.call(program, arrays, t, 0, math.inf)
        found = profiler.profile()
    assert found is not None
    return found


@contextmanager
def _kept(memory: Memory) -> Iterator[None]:
    """Afterwards the arrays of a model are what they were before, and no others are there."""
    before = {name: array.copy() for name, array in memory.arrays.items()}
    try:
        yield
    finally:
        for name in [name for name in memory.arrays if name not in before]:
            del memory.arrays[name]
        for name, array in before.items():
            np.copyto(memory.arrays[name], array)
