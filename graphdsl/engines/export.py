"""Schedules as a Python file of its own, which needs NumPy alone.

Comes in: the schedules of a model's programs, planned for the sizes it is exported for, and the
values of its parameters. Goes out: text, stable byte for byte, and the arrays that stand in a file
beside it because they would drown the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from graphdsl.compiler.conditioning import AVERAGE, BATCHES, PASSES
from graphdsl.compiler.schedule import Schedule
from graphdsl.compiler.slots import Slot, shared_name
from graphdsl.engines import standalone
from graphdsl.engines.borrowed import COLUMNS, Borrower
from graphdsl.engines.export_functions import PREDICT, TAKE_AVERAGE, TRAIN, gathering
from graphdsl.engines.export_values import Values, element, quoted, shape_words, wrapped
from graphdsl.engines.export_workers import PartNames, largest_parts, spread_call
from graphdsl.engines.loaded import stretches
from graphdsl.engines.numpy import nested_functions, numpy_names
from graphdsl.graph.flat_arrays import Kind, flat_array, type_of
from graphdsl.graph.kernel import Array
from graphdsl.graph.layout import Layout, Place
from graphdsl.graph.types import DType
from graphdsl.ops import runtime, scalars


@dataclass(frozen=True, slots=True)
class Update:
    """The programs that train: for each binding of the sizes the step, or, where the gradients of
    `accumulate` batches make one step, their gathering, and then `apply`."""

    steps: tuple[Schedule, ...]
    slots: tuple[Slot, ...]
    apply: Schedule | None = None
    accumulate: int = 1
    averaged: bool = False
    """Whether there are slots with the averages of the parameters."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a file is made of."""

    docstring: str
    inputs: Mapping[str, np.dtype[np.generic]]
    predict: tuple[Schedule, ...]
    update: Update | None
    layout: Layout
    values: Mapping[str, Array]
    """Of the parameters and states, by name."""
    seed: int
    beside: str
    """The name of the file for the arrays, if there are any."""


def file_text(parts: Parts) -> tuple[str, dict[str, Array]]:
    """The text of the file, and the arrays to be put beside it, maybe none."""
    return _Writer(parts).write()


@dataclass(slots=True)
class _Writer:
    parts: Parts
    values: Values = field(default_factory=Values)
    borrower: Borrower = field(default_factory=Borrower)

    def write(self) -> tuple[str, dict[str, Array]]:
        """Programs first: they say what the text before them has to hold."""
        programs = [*self._predict(), *self._train()]
        memory = [*self._memory()]
        helpers = list(self._helpers([*programs, *memory]))
        head = f'"""{self.parts.docstring}"""\n\nfrom __future__ import annotations\n'
        imports = "\n".join(self.borrower.import_lines())
        sections = [f"{head}\n{imports}", *helpers, "\n".join(memory), "\n".join(programs)]
        return "\n\n\n".join(part.strip("\n") for part in sections) + "\n", self.values.beside

    # --- what the programs stand on --------------------------------------------------------------

    def _helpers(self, lines: Sequence[str]) -> Iterator[str]:
        """The definitions that these lines call, and the imports."""
        words = {word for line in lines for word in _words(line)}
        for module in (standalone, scalars, runtime):
            names = [name for name in vars(module) if name in words]
            self.borrower.borrow(module.__name__, names)
        called = {name for s in self._schedules() for name in numpy_names([*nested_functions(s)])}
        self.borrower.imports |= {("numpy", name, name) for name in called}
        self.borrower.imports |= {("numpy", "", "np"), ("threading", "", "threading"), *_TYPES}
        self.borrower.imports |= {("math", name, name) for name in ("inf", "nan") if name in words}
        yield from self.borrower.texts.values()

    def _schedules(self) -> list[Schedule]:
        update = self.parts.update
        apply = [update.apply] if update and update.apply else []
        steps = update.steps if update else ()
        workers = [worker for step in steps for worker in step.workers]
        return [*self.parts.predict, *steps, *apply, *workers]

    def _memory(self) -> Iterator[str]:
        """The arrays that live between calls, and their first values."""
        layout = self.parts.layout
        arena = max(schedule.arena_bytes for schedule in self._schedules())
        yield "# what programs compute in, and what lives between them: flat, with named views"
        yield "# calls from several threads take turns at them"
        yield "TURN = threading.RLock()"
        yield f'ARENA = zeros_at_line({arena}, "uint8")'
        yield "FLAT = {"
        yield from (f"    {line}," for line in self._flat_arrays())
        yield "}"
        yield from _places("params", "param", layout.params)
        yield from _places("states", "state", layout.states)
        text = self.values.mapping(self.parts.values)
        if self.values.beside:
            yield f"ARRAYS = read_arrays({quoted(self.parts.beside)})"
        yield f"fill({{**params, **states}}, {text})"
        yield "INPUTS = {"
        yield from (f'    {quoted(name)}: "{dtype}",' for name, dtype in self.parts.inputs.items())
        yield "}"

    def _flat_arrays(self) -> Iterator[str]:
        layout, update = self.parts.layout, self.parts.update
        used = {region.array for s in self._schedules() for region in s.regions.values()}
        for dtype, size in layout.param_sizes.items():
            param, gradient = flat_array("param", dtype), flat_array("grad", dtype)
            for name in (param, gradient) if gradient in used else (param,):
                yield _zeros(name, size, dtype)
        for dtype, size in layout.state_sizes.items():
            yield _zeros(flat_array("state", dtype), size, dtype)
        for slot in update.slots if update else ():
            first = f", {element(slot.value)}" if slot.value else ""
            yield _zeros(flat_array("slot", slot.name), slot.size, slot.dtype, first)
        for name, size in largest_parts(update.steps if update else ()).items():
            yield _zeros(name, size, type_of(name))

    # --- programs --------------------------------------------------------------------------------

    def _predict(self) -> Iterator[str]:
        if self.parts.predict:
            yield from self._programs("PREDICT", "predict", self.parts.predict)
            yield from (*PREDICT.splitlines(), "", "")

    def _train(self) -> Iterator[str]:
        update = self.parts.update
        if update is None:
            return
        yield from self._programs("TRAIN", "step", update.steps)
        yield from ('clock = {"t": 0, "epoch": 0, "total_steps": inf}', "", "")
        if update.apply is None:
            yield from TRAIN.splitlines()
        else:
            yield from self._loader("load_update", update.apply)
            yield from ("UPDATE = Program(load_update, {}, {})", "", "")
            counters = {"BATCHES": BATCHES, "PASSES": PASSES}
            slots = {word: flat_array("slot", one.name) for word, one in counters.items()}
            yield from gathering(update.accumulate, slots).splitlines()
        if update.averaged:
            yield from ("", "", *TAKE_AVERAGE.splitlines())
            for group in self.parts.layout.groups:
                average = flat_array("slot", shared_name(AVERAGE, group.dtype))
                live, kept = (
                    f"FLAT[{quoted(name)}][{group.start}:{group.stop}]"
                    for name in (flat_array("param", group.dtype), average)
                )
                yield f"        np.copyto({live}, {kept})"

    def _programs(self, table: str, name: str, schedules: Sequence[Schedule]) -> Iterator[str]:
        """The loaders of one function's programs, and the table it chooses from."""
        for number, schedule in enumerate(schedules):
            yield from self._loader(f"load_{name}_{number}", schedule)
        yield f"{table} = ("
        for number, schedule in enumerate(schedules):
            yield from ("    Program(", f"        load_{name}_{number},", "        {")
            for fed, type, _ in schedule.inputs:
                yield f"            {quoted(fed)}: {type.shape},"
            yield from ("        },", "        {")
            for result, _, type in schedule.results:
                yield f'            {quoted(result)}: ("{type.dtype.numpy}", {type.shape}),'
            yield from ("        },", "    ),")
        yield from (")", "", "")

    def _loader(self, name: str, schedule: Schedule) -> Iterator[str]:
        """The functions that give a program, and the workers that it calls, their arrays; workers
        whose programs are the same share one."""
        known: dict[tuple[str, ...], str] = {}
        called: list[str] = []
        starts = stretches(schedule.workers)
        for number, worker in enumerate(schedule.workers):
            program = tuple(self._program(worker, "arena", PartNames(number)))
            if program not in known:
                known[program] = f"{name}_rows_{len(known)}"
                head = f"{known[program]}(worker: int, arena: Array)"
                yield from _function(head, "A worker's program", worker, program)
            called.append(f"worker_{number} = {known[program]}({number}, ARENA[{starts[number]}:])")
        if called:
            called.insert(0, "# a stretch of the arena for each worker: they could run at once")
        program = (*called, *self._program(schedule, "ARENA", quoted))
        yield from _function(f"{name}()", "The program", schedule, program)

    def _program(
        self, schedule: Schedule, arena: str, named: Callable[[str], str]
    ) -> Iterator[str]:
        """What stands for a program's names besides its inputs, and the program; `named` writes
        the name of a flat array."""
        for name, slot in schedule.slots.items():
            type = slot.type
            words = f'{slot.offset}, "{type.dtype.numpy}"{shape_words(type.shape)}'
            yield f"{name} = buffer({arena}, {words})"
        for name, region in schedule.regions.items():
            words = f"{region.offset}{shape_words(region.type.shape)}"
            yield f"{name} = cut(FLAT[{named(region.array)}], {words})"
        for name, array in schedule.constants.items():
            yield from wrapped(f"{name} = {self.values.array(array)}")
        for name, dtype in schedule.cells.items():
            yield f'{name} = np.zeros((), "{dtype.numpy}")'
        for name, qualified in schedule.streams.items():
            yield f"{name} = Stream({self.parts.seed}, {quoted(qualified)})"
        yield from (f"{name} = {text}" for name, text in schedule.views)
        yield from ("", *nested_functions(schedule), "", "return run")


_TYPES = {("typing", "Any", "Any")} | {
    ("collections.abc", name, name) for name in ("Callable", "Mapping")
}


def _zeros(name: str, size: int, dtype: DType, first: str = "") -> str:
    """An entry of the table of flat arrays."""
    return f'{quoted(name)}: zeros_at_line({size}, "{dtype.numpy}"{first})'


def _places(name: str, kind: Kind, places: Mapping[str, Place]) -> Iterator[str]:
    """Named views of the flat arrays."""
    yield f"{name} = {{" + ("}" if not places else "")
    for own, place in places.items():
        words = f"{place.offset}{shape_words(place.shape)}"
        yield f'    {quoted(own)}: cut(FLAT["{flat_array(kind, place.dtype)}"], {words}),'
    if places:
        yield "}"


def _function(head: str, told: str, schedule: Schedule, program: Iterable[str]) -> Iterator[str]:
    """A function that gives a program its arrays."""
    sizes = ", ".join(f"{n}: {list(type.shape)}" for n, type, _ in schedule.inputs)
    yield f"def {head} -> Callable[..., tuple[Any, ...]]:"
    yield from wrapped(f'    """{told} for {sizes or "no inputs"}."""')
    for line in program:
        yield from _fitted(f"    {line}" if line else "")
    yield from ("", "")


def _fitted(line: str) -> Iterator[str]:
    """A line of at most 100 columns if its comment can stand above it."""
    code, sign, note = line.partition("  # ")
    if sign and len(line) > COLUMNS:
        yield f"{code[: len(code) - len(code.lstrip())]}# {note}"
        line = code
    yield from spread_call(line)


def _words(line: str) -> list[str]:
    """The names in a line of code."""
    return re.findall(r"\w+", line.partition("  # ")[0])
