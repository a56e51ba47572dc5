"""The NumPy engine: a schedule becomes readable straight-line NumPy, and that an `Executable`.

The program is text: one kernel a line, results written into planned arrays. Nothing is looked up or
decided while it runs, and nothing allocated but by functions that NumPy has no `out` for. Its names
are its own (`b7` is node 7's buffer, `x` an input, `p` a stored array, `c` a constant, `v` a view,
`w` an untyped scalar, `k` an array for one, `r` a random stream); the user's are in comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdsl.compiler.schedule import Schedule
from graphdsl.engines.loaded import Loaded, Run, find_parts, stretches
from graphdsl.engines.memory import Memory
from graphdsl.graph.kernel import Array
from graphdsl.ops import runtime

LINES_PER_FUNCTION = 2000
"""One function of 300,000 lines takes 1.5 GB to compile."""

CLOCK = ("t", "epoch", "total_steps")


@dataclass(frozen=True, slots=True)
class Program:
    """A program's text and the schedule that says what its names stand for."""

    source: str
    schedule: Schedule
    workers: tuple[Program, ...] = ()
    """Of a schedule that calls workers, their programs."""

    @property
    def text(self) -> str:
        """All there is to read: the program, and behind it those of the workers that differ."""
        return "\n\n".join(dict.fromkeys(p.source for p in (self, *self.workers)))

    def without_statements(self) -> Program:
        """The program as it is kept while it can be called: of its schedule what says where arrays
        stand, since its statements are in the text. They would take half of what a model of many
        small arrays takes."""
        workers = tuple(worker.without_statements() for worker in self.workers)
        return Program(self.source, self.schedule.placement(), workers)


def emit(schedule: Schedule) -> Program:
    """The text of a program; the same schedule gives the same bytes."""
    body = [*_scalar_lines(schedule), *_step_lines(schedule)]
    functions = schedule.functions
    text = [*_header([*functions, *body]), *_bind(schedule), *functions]
    text += _functions(schedule, body, "global")
    return Program("\n".join(text) + "\n", schedule, tuple(map(emit, schedule.workers)))


def nested_functions(schedule: Schedule) -> Iterator[str]:
    """The lines of `run` and its parts, to stand in a function that has a program's arrays."""
    body = [*_scalar_lines(schedule), *_step_lines(schedule)]
    if len(body) > LINES_PER_FUNCTION:
        names = [name for name, _ in schedule.scalars if name.isidentifier()]
        yield from (f"{name} = 0.0" for name in names)
    yield from _functions(schedule, body, "nonlocal")


def _functions(schedule: Schedule, body: Sequence[str], outer: str) -> Iterator[str]:
    """`run`, in parts if it is long; what these share is named after the keyword `outer`."""
    parts = [body[i : i + LINES_PER_FUNCTION] for i in range(0, len(body), LINES_PER_FUNCTION)]
    inputs = [variable for _, _, variable in schedule.inputs]
    signature = ", ".join([*inputs, *CLOCK])
    returned = ", ".join(variable for _, variable, _ in schedule.results)
    end = f"    return ({returned},)" if returned else "    return ()"
    if len(parts) <= 1:
        yield from (f"def run({signature}):", *_indented(parts[0] if parts else []), end)
        return
    for number, part in enumerate(parts):
        yield from (f"def part_{number}({signature}):", *_shared(part, outer))
        yield from (*_missing_views(schedule, part), *_indented(part), "", "")
    yield f"def run({signature}):"
    yield from (f"    part_{number}({signature})" for number in range(len(parts)))
    yield from (*_missing_views(schedule, [end]), end)


class Executable:
    """A loaded program: a function of its inputs that gives its results, arrays of the model's.

    What it returns is overwritten by the next call; whoever hands it on copies it.
    """

    def __init__(
        self, program: Program, memory: Memory, names: Mapping[str, Any] | None = None
    ) -> None:
        self.program = program
        self.memory = memory
        none: Mapping[str, Any] = {}
        self._workers = [Loaded(p.source, p.schedule, memory, none) for p in program.workers]
        pairs = zip(self._workers, program.schedule.cuts, strict=True)
        begun = [memory.arrivals.before(worker.run, *cut) for worker, cut in pairs]
        called = {f"worker_{number}": run for number, run in enumerate(begun)}
        given = {**(names or {}), **called}
        self.loaded = Loaded(program.source, program.schedule, memory, given)
        self._arena: Array | None = None
        self.rebind()

    def rebind(self) -> None:
        """Point the program's names at the model's memory: those of the workers at stretches of
        the arena one behind the other."""
        schedule = self.program.schedule
        arena, parts = self.memory.reserve(schedule.arena_bytes), find_parts(schedule, self.memory)
        self.loaded.place(arena, parts)
        for worker, start in zip(self._workers, stretches(schedule.workers), strict=False):
            worker.place(arena[start:], parts)
        self._arena = arena

    def bound(self) -> Run:
        """The program as a function, its inputs in the schedule's order; it stays right until the
        arena grows."""
        if self._arena is not self.memory.arena:
            self.rebind()
        self.memory.fresh.clear()
        return self.loaded.run


def _header(body: Sequence[str]) -> Iterator[str]:
    """The imports: every NumPy function the body calls."""
    known = numpy_names(body)
    yield '"""A training or evaluation step, emitted by graphdsl."""'
    yield ""
    if known:
        yield "from numpy import ("
        yield from (f"    {name}," for name in known)
        yield ")"
        yield ""
    yield "from math import inf, nan"
    yield ""
    yield ""


def numpy_names(lines: Sequence[str]) -> list[str]:
    """The functions of NumPy that statements call, sorted."""
    code = re.sub(r"'[^']*'|\"[^\"]*\"", "", "\n".join(_code(lines)))
    called = set(re.findall(r"(?<![\w.])([a-z_]\w*)(?=[.(])", code))
    return sorted(name for name in called if hasattr(np, name) and not hasattr(runtime, name))


def _code(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield line.partition("  # ")[0]


def _bind(schedule: Schedule) -> Iterator[str]:
    """The views that are made once, when arrays are placed."""
    views = [f"{name} = {text}" for name, text in schedule.views]
    parts = [views[i : i + LINES_PER_FUNCTION] for i in range(0, len(views), LINES_PER_FUNCTION)]
    for number, part in enumerate(parts):
        yield f"def bind_{number}():"
        yield f"    global {', '.join(line.partition(' ')[0] for line in part)}"
        yield from _indented(part)
        yield ""
        yield ""
    yield "def bind():"
    yield from _indented([f"bind_{n}()" for n in range(len(parts))] or ["pass"])
    yield ""
    yield ""


def _scalar_lines(schedule: Schedule) -> Iterator[str]:
    for name, text in schedule.scalars:
        yield f"{name} = {text}"


def _step_lines(schedule: Schedule) -> Iterator[str]:
    """The statements; checks of what is fed come first, so that nothing is written before them."""
    fed = {view: text for step in schedule.steps for view, text in step.views}
    checks: dict[str, str] = {}
    for step in schedule.steps:
        for line in step.lines:
            if _checks_fed(line, fed):
                checks.setdefault(line.partition(", '")[0], line)
    shown: set[str] = set()
    for line in checks.values():
        yield from _views_for(line, fed, shown)
        yield line
    for step in schedule.steps:
        for view, text in step.views:
            if view not in shown:
                shown.add(view)
                yield f"{view} = {text}"
        note = schedule.describe(step.node)
        lines = [line for line in step.lines if not _checks_fed(line, fed)]
        for number, line in enumerate(lines):
            yield f"{line}  # {note}" if number == 0 else line


def _checks_fed(line: str, fed: Mapping[str, str]) -> bool:
    """Whether a statement checks an input, or a view of one."""
    called, _, rest = line.partition("(")
    subject = rest.partition(",")[0]
    return called.startswith("check_") and (subject.startswith("x") or subject in fed)


def _views_for(line: str, fed: Mapping[str, str], shown: set[str]) -> Iterator[str]:
    """The views of inputs that a statement needs, bases first."""
    for view in re.findall(r"\bv\d+\b", line.partition("'")[0]):
        if view in fed and view not in shown:
            yield from _views_for(fed[view], fed, shown)
            shown.add(view)
            yield f"{view} = {fed[view]}"


def _shared(part: Sequence[str], outer: str) -> Iterator[str]:
    """Untyped scalars are shared between the functions of one program."""
    names = [line.partition(" ")[0] for line in part if re.match(r"w\d+ = ", line)]
    if names:
        yield f"    {outer} {', '.join(names)}"


def _missing_views(schedule: Schedule, part: Sequence[str]) -> Iterator[str]:
    """Views of inputs that an earlier function of the program has made as locals of its own."""
    text = {view: line for step in schedule.steps for view, line in step.views}
    made = {line.partition(" ")[0] for line in part if re.match(r"v\d+ = ", line)}
    used = set(re.findall(r"\bv\d+\b", "\n".join(_code(part))))
    wanted = [view for view in text if view in used - made]
    needed: list[str] = []
    for view in wanted:
        chain = [view]
        while (base := text[chain[-1]].partition(".")[0].partition("[")[0]) in text:
            chain.append(base)
        needed += [v for v in reversed(chain) if v not in needed]
    yield from (f"    {view} = {text[view]}" for view in needed)


def _indented(lines: Sequence[str]) -> Iterator[str]:
    yield from (f"    {line}" for line in lines)
