"""A model at work: its memory, its programs for the sizes seen so far, and a lock around both.

A session binds sizes, plans and loads programs as they are needed, and runs them. The embedding
API and the trainer stand on it.
"""

from __future__ import annotations

import contextvars
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np

from graphdsl.driver import DIRECTION, Compilation, Compiled, Purpose, initial_values
from graphdsl.engines import feeds
from graphdsl.engines.memory import Memory, machine_memory
from graphdsl.engines.numpy import Executable
from graphdsl.graph.graph import Graph, Node, Variable
from graphdsl.graph.kernel import Array
from graphdsl.graph.sizes import evaluate, symbols
from graphdsl.graph.types import TensorType
from graphdsl.language.collector import paused_collector
from graphdsl.language.diagnostics import (
    DataError,
    Diagnostic,
    ModelError,
    UsageError,
    did_you_mean,
)
from graphdsl.ops.initial import INITIALIZERS
from graphdsl.ops.run_fault import RunFault
from graphdsl.ops.runtime import stream_key

PROGRAMS_KEPT = 8
"""Programs kept for each purpose, by the sizes they are for; the least recently used goes."""

SizeKey = tuple[tuple[str, int], ...]


class Retiring(Protocol):
    """A trainer, as far as its successor needs it."""

    def retire(self) -> None:
        """Make way for another trainer."""


class Session:
    """One model's memory and programs. Calls from several threads wait for one another."""

    def __init__(self, compilation: Compilation, seed: int = 0) -> None:
        self.compilation = compilation
        self.memory = Memory(compilation.layout, seed)
        self.lock = threading.RLock()
        self.trainer: Retiring | None = None
        # IEEE's exceptions are silent here; entering a context costs a tenth of np.errstate
        self._silent = contextvars.copy_context()
        self._silent.run(np.seterr, all="ignore")
        self._programs: dict[Purpose, OrderedDict[SizeKey, Executable]] = {}
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
        for variable in graph.params:
            _fill(memory.params[variable.name], variable, seed)
        for variable in graph.states:
            _fill(memory.states[variable.name], variable, seed)
        computed = initial_values(self.compilation)
        if computed is None:
            return
        compiled, names = computed
        values = self.run(self._load(compiled, {}), [], 0, 0, 0)
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
        for slot in compiled.slots:
            if f"slot_{slot.name}" not in self.memory.arrays:
                self.memory.add_slot(slot.name, slot.dtype, slot.size, slot.value)
        made = kept[key] = self._load(compiled, sizes)
        if len(kept) > PROGRAMS_KEPT:
            kept.popitem(last=False)
        return made

    def _load(self, compiled: Compiled, sizes: Mapping[str, int]) -> Executable:
        _check_sizes(compiled.graph, sizes)
        try:
            with paused_collector():
                return Executable(compiled.emit(sizes), self.memory)
        except MemoryError:
            message = "this program's arrays take more memory than there is"
            raise _refused("E0802", message, sizes) from None

    # --- feeding and running ---------------------------------------------------------------------

    def feed(
        self, fed: Mapping[str, Any], more: Mapping[str, TensorType] | None = None
    ) -> tuple[dict[str, Array], dict[str, int]]:
        """What is fed as arrays of the right elements, and the sizes they bind; `more` inputs
        are those that a derivative adds."""
        inputs = {**self.inputs, **(more or {})}
        feeds.check_names(fed, inputs)
        arrays = {name: feeds.as_array(name, fed[name], inputs[name]) for name in fed}
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
        needed = self.needed_inputs(compiled.graph)
        if DIRECTION in fed and DIRECTION not in needed:
            # the derivative is the same, 0, in every direction
            fed = {name: value for name, value in fed.items() if name != DIRECTION}
        arrays, sizes = self.feed(fed, needed)
        feeds.check_all_fed(arrays, needed)
        with self.lock:
            program = self.executable(purpose, sizes)
            values = self.call(program, arrays, *clock)
            types = [type for _, _, type in program.program.schedule.results]
            names = [name for name, _, _ in program.program.schedule.results]
            return {
                name: np.array(value, type.dtype.numpy).reshape(type.shape)
                for name, value, type in zip(names, values, types, strict=True)
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
            raise run_refusal(fault) from None

    def bound(self, program: Executable) -> Callable[..., tuple[Any, ...]]:
        """The program as a function of its inputs and the clock, at the memory as it is now."""
        return partial(self._silent.run, program.bound())

    def forget_programs(self, purpose: Purpose) -> None:
        """Load the programs of a purpose anew when they are next asked for."""
        self._programs.pop(purpose, None)

    def needed_inputs(self, graph: Graph) -> dict[str, TensorType]:
        """The inputs that a rewritten graph still reads."""
        return {graph.nodes[i].name or "": graph.nodes[i].type for i in graph.inputs}

    def reachable(self, fed: Sequence[str], names: Sequence[str]) -> list[str]:
        """Those of `names` that depend on nothing but what is fed."""
        graph = self.graph
        blocked = graph.depending(id for id in graph.inputs if graph.nodes[id].name not in fed)
        bound = {s for n in fed for size in self.inputs[n].shape for s in symbols(size)}
        return [
            name
            for name in names
            if graph.names[name] not in blocked and self._sizes_known(name, bound)
        ]

    def _sizes_known(self, name: str, bound: set[str]) -> bool:
        graph = self.graph
        needed = graph.reaching([graph.names[name]])
        return all(symbols(size) <= bound for id in needed for size in graph.nodes[id].type.shape)

    def check_node(self, name: str) -> None:
        """Raise `UsageError` unless `name` is a node."""
        if name not in self.graph.names:
            known = [n for n in self.graph.names if n]
            help = did_you_mean(name, known) or (f"the nodes are: {', '.join(known[:12])}",)
            raise UsageError(Diagnostic("E0803", f"the model has no node '{name}'", (), help))


def run_refusal(fault: RunFault) -> DataError:
    """What only a running program could find: an index out of range, a singular matrix."""
    return DataError(Diagnostic(fault.code, str(fault)))


def _fill(target: Array, variable: Variable, seed: int) -> None:
    init = variable.init
    if init.draw is not None:
        initializer = INITIALIZERS[init.draw]
        stream = np.random.Generator(np.random.Philox(key=stream_key(seed, variable.name)))
        target[...] = initializer.draw(stream, target.shape, *init.args)
    elif init.fill is None:
        target[...] = np.asarray(init.value).reshape(np.shape(init.value))


def _check_sizes(graph: Graph, sizes: Mapping[str, int]) -> None:
    """Refuse a program one of whose arrays is larger than the machine's memory."""
    limit = machine_memory()
    seen: set[TensorType] = set()
    for node in graph.nodes:
        if node.type not in seen:
            seen.add(node.type)
            _check_size(node, sizes, limit)


def _check_size(node: Node, sizes: Mapping[str, int], limit: int) -> None:
    what = f"{node.name or node.op.name} at {node.origin.span if node.origin else 'the update'}"
    try:
        shape = [evaluate(size, sizes) for size in node.type.shape]
    except KeyError as unbound:
        message = f"the size {unbound.args[0]} is bound by nothing that is fed"
        help = f"feed an input that has {unbound.args[0]} as a size of its own"
        raise ModelError(Diagnostic("E0804", message, (), (help,))) from None
    except ZeroDivisionError:
        raise _refused("E0815", f"a size of {what} divides by zero", sizes) from None
    if any(size < 0 for size in shape):
        raise _refused("E0815", f"{what} has the sizes {shape}", sizes)
    nbytes = math.prod(shape) * node.type.dtype.numpy.itemsize
    if nbytes > limit:
        message = f"{what} takes {nbytes:,} bytes; this machine has {limit:,}"
        raise _refused("E0802", message, sizes)


def _refused(code: str, message: str, sizes: Mapping[str, int]) -> DataError:
    """Sizes that a program cannot be made for."""
    bound = ", ".join(f"{name} = {value}" for name, value in sizes.items())
    return DataError(Diagnostic(code, message, (), (f"with {bound}",) if bound else ()))
