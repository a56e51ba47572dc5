"""A model at work: its memory, its programs for the sizes seen so far, and a lock around both.

A session binds sizes, plans and loads programs as they are needed, and runs them.
"""

from __future__ import annotations

import contextvars
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

import numpy as np

from graphdsl.compiler.direction import DIRECTION
from graphdsl.compiler.schedule import Schedule
from graphdsl.driver import Compilation, Compiled, Purpose, initial_values
from graphdsl.engines import feeds
from graphdsl.engines.choice import Engine, pays
from graphdsl.engines.heap import hand_back
from graphdsl.engines.limits import check_sizes, refused_program
from graphdsl.engines.loaded import Run
from graphdsl.engines.memory import Memory
from graphdsl.engines.numpy import Executable, Program, emit
from graphdsl.engines.refusals import run_refusal
from graphdsl.engines.room import check_results, make_room
from graphdsl.engines.watched import LOOK, Watch, watched
from graphdsl.engines.workers import count_cores
from graphdsl.graph.graph import Graph
from graphdsl.graph.kernel import Array
from graphdsl.graph.reach import verify_node
from graphdsl.graph.types import TensorType
from graphdsl.language.collector import paused_collector, release_spares
from graphdsl.ops.run_fault import RunFault

PROGRAMS_KEPT = 8
"""Programs kept for each purpose, by the sizes they are for; the least recently used goes."""

SizeKey = tuple[tuple[str, int], ...]

Programs = dict[Purpose, OrderedDict[SizeKey, Executable]]

Probed = tuple[Schedule, Mapping[str, Any]]
"""A schedule to be run in place of another, and what further names of it stand for."""
Probe = Callable[[Schedule, Graph, Mapping[str, int]], Probed]
"""Is given each schedule, with its graph and sizes, when a program is loaded."""


class Retiring(Protocol):
    """A trainer, as far as its successor needs it."""

    def retire(self) -> None:
        """Make way for another trainer."""

    def renew(self) -> None:
        """Ask for the program again at the next step."""


class Session:
    """One model's memory and programs. Calls from several threads wait for one another."""

    def __init__(self, compilation: Compilation, seed: int = 0, engine: Engine = "auto") -> None:
        self.compilation = compilation
        self.engine = engine
        self.workers = count_cores()  # a run that is replayed has as many as it had
        self._steps = 0.0
        self.memory = Memory(compilation.layout, seed)
        self.lock = threading.RLock()
        self.trainer: Retiring | None = None
        # IEEE's exceptions are silent here; entering a context costs a tenth of np.errstate
        self._silent = contextvars.copy_context()
        self._silent.run(np.seterr, all="ignore")
        self._programs: Programs = {}
        self._aside: list[Programs] = []  # they are back when a probe ends
        self._probe: Probe | None = None
        self.initialise(seed)

    @property
    def graph(self) -> Graph:
        """The forward graph, evaluation mode."""
        return self.compilation.graph()

    @property
    def inputs(self) -> dict[str, TensorType]:
        """The inputs' types by name."""
        nodes = self.graph.nodes
        return {nodes[id].name or "": nodes[id].type for id in self.graph.inputs}

    # --- initial values --------------------------------------------------------------------------

    def initialise(self, seed: int) -> None:
        """Set every parameter and state to its initial value.

        What is drawn comes from a Philox stream keyed by the seed and the qualified name, so
        that adding a parameter changes no other.
        """
        graph, memory = self.graph, self.memory
        memory.initialise((*graph.params, *graph.states), seed)
        computed = initial_values(self.compilation)
        if computed is None:
            return
        compiled, names = computed
        values = self.run(self._load(compiled, {}, self.engine == "numba"), [], 0, 0, 0)
        for name, value in zip(names, values, strict=True):
            target = memory.params.get(name)
            (memory.states[name] if target is None else target)[...] = value

    # --- programs --------------------------------------------------------------------------------

    def executable(self, purpose: Purpose, sizes: Mapping[str, int]) -> Executable:
        """The loaded program for a purpose and a binding of the sizes."""
        kept = self._programs.setdefault(purpose, OrderedDict())
        key = tuple(sorted(sizes.items()))
        if key in kept:
            kept.move_to_end(key)
            return kept[key]
        compiled = self.compilation.compiled(purpose)
        made = kept[key] = self._load(compiled, sizes, self._compiles(purpose, compiled))
        hand_back()  # what compiling and loading took
        if len(kept) > PROGRAMS_KEPT:
            kept.popitem(last=False)
        return made

    def expect_steps(self, steps: float) -> None:
        """Say how many training steps will be made, for the engine to be chosen by; infinitely
        many where nobody knows."""
        self._steps = steps
        if self.engine == "auto":
            self._forget(lambda purpose: purpose.step)
            self._renew()

    def _compiles(self, purpose: Purpose, compiled: Compiled) -> bool:
        """Whether a purpose's programs are compiled rather than run by NumPy."""
        if self.engine == "auto":
            return purpose.step and pays(compiled.graph, self._steps)
        return self.engine == "numba"

    def _load(
        self, compiled: Compiled, sizes: Mapping[str, int], compiles: bool = False
    ) -> Executable:
        check_sizes(compiled.graph, sizes)
        try:
            with paused_collector(), np.errstate(over="ignore"):  # of numbers: inf, as everywhere
                program, names = self._emitted(compiled, sizes, compiles)
                make_room(self.memory, program.schedule, compiled.slots)
                return Executable(program, self.memory, names)
        except MemoryError:
            raise refused_program(compiled.graph, sizes) from None

    def _emitted(
        self, compiled: Compiled, sizes: Mapping[str, int], compiles: bool
    ) -> tuple[Program, Mapping[str, Any]]:
        """The program to load, and what further names of it stand for; what it was made of is let
        go before Python compiles it."""
        names: Mapping[str, Any] = {}
        release_spares()
        if self._probe is not None:  # which sees what NumPy does between two statements
            seen = compiled.turned(sizes)
            schedule, names = self._probe(seen.plan_for_blocks(sizes, 1), seen.graph, sizes)
        elif compiles:
            from graphdsl.engines.numba.engine import needed_bytes, translate

            # in one line: no variable may hold the schedule while it is translated
            schedule, names = translate(compiled.plan(sizes, needed_bytes), compiled.graph)
        else:
            schedule = compiled.plan_blocks(sizes, self.workers)
        return emit(schedule).without_statements(), names

    @contextmanager
    def watched(self, watch: Watch) -> Iterator[None]:
        """Inside, programs are loaded anew, and show every array that they read or compute."""

        def probe(schedule: Schedule, graph: Graph, _: Mapping[str, int]) -> Probed:
            return watched(schedule, graph), {LOOK: watch(graph)}

        with self.probed(probe):
            yield

    @contextmanager
    def probed(self, probe: Probe) -> Iterator[Callable[[], None]]:
        """Inside, programs are loaded anew, as `probe` changes them; the function that is given
        ends that sooner."""
        with self.lock:
            before = self._programs, self._probe

            def end() -> None:
                self._programs, self._probe = before
                self._renew()

            self._aside.append(self._programs)
            self._programs, self._probe = {}, probe
            self._renew()
            try:
                yield end
            finally:
                end()
                self._aside.pop()

    def _renew(self) -> None:
        if self.trainer is not None:
            self.trainer.renew()

    # --- feeding and running ---------------------------------------------------------------------

    def feed(
        self, fed: Mapping[str, Any], compiled: Compiled | None = None
    ) -> tuple[dict[str, Array], dict[str, int]]:
        """What is fed as arrays of the right elements, and the sizes they bind; for a program it is
        all that it reads, inputs that a derivative adds too, and what makes the program too large
        is refused before it is copied. Raises `DataError`."""
        inputs = self.inputs
        if compiled is not None:
            inputs |= compiled.inputs
        feeds.verify_names(fed, inputs)
        if compiled is not None:
            feeds.verify_all_fed(fed, compiled.inputs)
        arrays = {name: feeds.read(name, fed[name]) for name in fed}
        if compiled is not None and any(array.size > feeds.LARGE for array in arrays.values()):
            check_sizes(compiled.graph, feeds.bind_sizes(arrays, inputs))
        arrays = {name: feeds.convert(name, arrays[name], inputs[name]) for name in arrays}
        # what a step writes must not change what it reads
        arrays = {n: a.copy() if self.memory.owns(a) else a for n, a in arrays.items()}
        return arrays, feeds.bind_sizes(arrays, inputs)

    def results(
        self,
        purpose: Purpose,
        fed: Mapping[str, Any],
        clock: tuple[float, float, float] = (0, 0, 0),
    ) -> dict[str, Array]:
        """The purpose's results by name, as arrays of the caller's own."""
        compiled = self.compilation.compiled(purpose)
        if DIRECTION in fed and DIRECTION not in compiled.inputs:
            # the derivative is the same, 0, in every direction
            fed = {name: value for name, value in fed.items() if name != DIRECTION}
        arrays, sizes = self.feed(fed, compiled)
        with self.lock:
            return self._own_results(self.executable(purpose, sizes), arrays, *clock)

    def values(
        self, compiled: Compiled, several: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Array]]:
        """The results of a graph that nothing keeps, at step 0, for one feed after the other, all
        of the same sizes: by name, as arrays of the caller's own."""
        bound = [self.feed(fed, compiled) for fed in several]
        with self.lock:
            program = self._load(compiled, bound[0][1])
            return [self._own_results(program, arrays, 0, 0, 0) for arrays, _ in bound]

    def _own_results(
        self, program: Executable, arrays: Mapping[str, Array], *clock: float
    ) -> dict[str, Array]:
        results = program.program.schedule.results
        check_results(self.memory, program.program.schedule)
        values = self.call(program, arrays, *clock)
        return {
            name: np.array(value, type.dtype.numpy).reshape(type.shape)
            for value, (name, _, type) in zip(values, results, strict=True)
        }

    def call(
        self, program: Executable, arrays: Mapping[str, Array], *clock: float
    ) -> tuple[Any, ...]:
        """Run a program on arrays by input name; IEEE's exceptions are silent."""
        ordered = [arrays[name] for name, _, _ in program.program.schedule.inputs]
        return self.run(program, ordered, *clock)

    def run(self, program: Executable, arrays: Sequence[Array], *clock: float) -> tuple[Any, ...]:
        """Run a program on arrays in its order; the lock is held by whoever calls.

        The results are the program's own arrays, overwritten by the next call.
        """
        try:
            return self.bound(program)(*arrays, *clock)
        except RunFault as fault:
            names = [name for name, _, _ in program.program.schedule.inputs]
            raise run_refusal(fault, dict(zip(names, arrays, strict=True))) from None

    def bound(self, program: Executable) -> Run:
        """The program as a function of its inputs and the clock, at the memory as it is now."""
        return partial(self._silent.run, program.bound())

    def forget_programs(self, *purposes: Purpose) -> None:
        """Load the programs of these purposes, of all without any, anew when they are next asked
        for."""
        self._forget(lambda purpose: not purposes or purpose in purposes)
        if not purposes:
            self._renew()

    def _forget(self, chosen: Callable[[Purpose], bool]) -> None:
        for programs in (self._programs, *self._aside):
            for purpose in list(filter(chosen, programs)):
                del programs[purpose]

    def verify_node(self, name: str, training: bool = False) -> None:
        """Raise `UsageError` unless `name` is a node."""
        verify_node(self.compilation.graph(training), name)
