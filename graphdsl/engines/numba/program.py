"""A schedule as kernels and what stays NumPy: the same program, its runs of loops compiled.

A `Schedule` comes in, another goes out whose steps are calls of compiled segments, with what the
names in them stand for. Everything is known before anything is compiled: `Plan` is that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from graphdsl.compiler.schedule import Schedule, Slot, Step
from graphdsl.compiler.schedule.values import place_buffers
from graphdsl.engines.numba.calls import (
    LONG,
    Call,
    loop_call,
    product_call,
    room_for,
    scalar_kernel,
    share,
)
from graphdsl.engines.numba.fusing import Group, Part, fuse
from graphdsl.engines.numba.items import Loop, Product, Statements
from graphdsl.engines.numba.loops import loop_kernel
from graphdsl.engines.numba.nests import group_kernel
from graphdsl.engines.numba.places import NAME, Places
from graphdsl.engines.numba.reading import Reader
from graphdsl.engines.numba.writing import Kernel, Surroundings
from graphdsl.graph.graph import Graph
from graphdsl.graph.kernel import ArrayType
from graphdsl.graph.types import DType

Done = Call | Statements
"""What becomes of a part."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Calls between which nothing stays NumPy."""

    calls: tuple[Call, ...]

    @property
    def shared(self) -> bool:
        """Whether it is worth several threads."""
        return sum(call.cost for call in self.calls if call.divided) >= LONG


@dataclass(frozen=True, slots=True)
class Plan:
    """What a program will be: its kernels' text, its segments, and the schedule around them."""

    text: str
    segments: tuple[Segment, ...]
    schedule: Schedule
    roots: tuple[str, ...]
    """Of the arrays that kernels are given, in the order in which they are handed over."""
    inputs: tuple[str, ...]
    """The variables of the fed arrays among them."""
    threads: int
    """How many there is room for."""


def make_plan(schedule: Schedule, graph: Graph, known: set[str], threads: int = 1) -> Plan:
    """The plan of a schedule; `known` are the functions that compiled formulas may call, and
    `threads` how many may share in it."""
    return _Planner(schedule, graph, known, threads).plan()


class _Planner:
    def __init__(self, schedule: Schedule, graph: Graph, known: set[str], threads: int) -> None:
        self.threads = threads
        self.schedule = schedule
        self.places = Places(schedule)
        items = Reader(schedule, graph, self.places, known).items()
        checks, others = self._apart(fuse(items, self.places))
        self.checks = len(checks)
        self.parts = [*checks, *others]
        self.values = dict(self._uniform_constants())
        self.kernels: dict[tuple[str, ...], str] = {}
        self.rooms: dict[str, ArrayType] = {}
        self.room_types: dict[ArrayType, ArrayType] = {}  # each once: a program keeps them
        self.known = known

    def plan(self) -> Plan:
        """Kernels first: they say what has to be in memory."""
        done = list(self._done())
        scalars = self._scalar_call()
        if scalars is not None:
            done.insert(self.checks, scalars)
        segments, steps = self._segments(done)
        slots, total = self._slots(done)
        roots = {root: None for s in segments for call in s.calls for root in _roots(call)}
        made = self._schedule(steps, slots, total, scalars is not None, roots)
        inputs = tuple(variable for _, _, variable in made.inputs if variable in roots)
        return Plan(self._text(), tuple(segments), made, tuple(roots), inputs, self.threads)

    # --- parts -----------------------------------------------------------------------------------

    def _apart(self, parts: Sequence[Part]) -> tuple[list[Part], list[Part]]:
        """Checks of what is fed, each once: they run before anything is written; and the rest."""
        checks: dict[str, Part] = {}
        others: list[Part] = []
        for part in parts:
            if isinstance(part, Statements) and self._checks_fed(part):
                checks.setdefault(part.lines[0].partition(", '")[0], part)
            else:
                others.append(part)
        return list(checks.values()), others

    def _checks_fed(self, part: Statements) -> bool:
        fed = {variable for _, _, variable in self.schedule.inputs}
        return all(line.startswith("check_") for line in part.lines) and part.roots <= fed

    def _uniform_constants(self) -> Iterator[tuple[str, float | int | bool]]:
        for name, array in self.schedule.constants.items():
            if array.size and array.tobytes() == array.size * array.flat[0].tobytes():
                yield name, array.flat[0].item()

    def _last_reads(self) -> dict[str, int]:
        """The number of the last part that reads what a root holds; for what is handed out or
        stored that of none, behind all of them."""
        end = len(self.parts)
        lasts = {root: n for n, part in enumerate(self.parts) for root in self._read_by(part)}
        lasts |= dict.fromkeys(self.schedule.regions, end)
        handed = (v for _, v, _ in self.schedule.results if self._is_array(v))
        return lasts | {self.places.root(variable): end for variable in handed}

    def _is_array(self, variable: str) -> bool:
        return self.places.find(variable) is not None

    def _read_by(self, part: Part) -> set[str]:
        if isinstance(part, Statements):
            return set(part.roots)
        if isinstance(part, Product):
            return {part.left.root, part.right.root}
        if isinstance(part, Loop):
            return {access.root for access in part.reads()} | {part.out.root}
        written: set[str] = set()
        read: set[str] = set()
        for member in part.members:
            read |= {access.root for access in member.loop.reads()} - written
            written.add(member.loop.out.root)
        return read

    # --- kernels ---------------------------------------------------------------------------------

    def _done(self) -> Iterator[Done]:
        """The parts in order, a call in the place of each that is compiled. They are let go on the
        way: the loops of a program take as much memory as its calls."""
        lasts = self._last_reads()
        self.parts.reverse()
        for number in range(len(self.parts)):
            part = self.parts.pop()
            if isinstance(part, Statements):
                yield part
            elif isinstance(part, Product):
                yield self._product(number, part)
            else:
                yield self._loops(number, part, lasts)

    def _loops(self, number: int, part: Group | Loop, lasts: Mapping[str, int]) -> Call:
        def needed(root: str) -> bool:
            return lasts.get(root, number) > number

        around = Surroundings(self.places.extents, self.values, needed)
        if isinstance(part, Group):
            kernel = group_kernel(part, around)
            nodes = tuple(member.loop.node for member in part.members)
        else:
            kernel, nodes = loop_kernel(part, around), (part.node,)
        return loop_call(self._named(kernel), kernel, nodes)

    def _named(self, kernel: Kernel) -> str:
        return self.kernels.setdefault(kernel.body, f"k{len(self.kernels)}")

    def _product(self, number: int, product: Product) -> Call:
        room = f"room{number}"
        each = room_for(product)
        type = ArrayType(DType.i64, (self.threads * each // 8,))
        self.rooms[room] = self.room_types.setdefault(type, type)
        return product_call(product, room, each)

    def _scalar_call(self) -> Call | None:
        """A kernel for what depends on the step alone, if all of it can be compiled."""
        kernel = scalar_kernel(self.schedule, self.known)
        if kernel is None:
            return None
        return Call(self._named(kernel), kernel.arguments, (), False, 0.0)

    def _text(self) -> str:
        body = [line for lines in self.kernels for line in lines]
        code = "\n".join(body)
        called = sorted(set(re.findall(r"(?<![\w.])(_[a-z]\w*)(?=\()", code)))
        lines = [
            '"""Kernels of a program, emitted by graphdsl."""',
            "",
            "from math import inf, nan",
            "",
            "from numpy import float32 as f32, float64 as f64, int32 as i32, int64 as i64",
            "",
            "import graphdsl.engines.numba.functions",
            "from graphdsl.engines.numba.decorators import kernel",
            "from graphdsl.engines.numba.intrinsics import bool_at, f32_at, f64_at, i32_at, i64_at",
        ]
        lines += [f"from graphdsl.ops.scalars import {', '.join(called)}"] if called else []
        for text, name in self.kernels.items():
            lines += ["", "", "@kernel", f"def {name}(arguments, part, parts):"]
            lines += [f"    {line}" for line in text]
        return "\n".join(lines) + "\n"

    # --- the schedule around them ----------------------------------------------------------------

    def _segments(self, done: Iterable[Done]) -> tuple[list[Segment], list[Step]]:
        segments: list[list[Call]] = []
        steps: list[Step] = []
        inside = False
        for one in done:
            if isinstance(one, Statements):
                old = self.schedule.steps[one.step]
                views = self.places.fed_views(one.lines)
                steps.append(replace(old, lines=one.lines, views=views))
            else:
                if not inside:
                    segments.append([])
                    steps.append(Step(-len(segments), (f"compiled_{len(segments) - 1}",)))
                segments[-1].append(one)
            inside = isinstance(one, Call)
        if handed := self.places.fed_views(variable for _, variable, _ in self.schedule.results):
            steps.append(replace(self.schedule.steps[-1], lines=(), views=handed))
        return [Segment(tuple(share(one))) for one in segments], steps

    def _slots(self, done: Sequence[Done]) -> tuple[dict[str, Slot], int]:
        """New places for the buffers that are still used, and the bytes in all."""
        lives: dict[str, tuple[int, int]] = {}
        for number, one in enumerate(done):
            for root in one.roots if isinstance(one, Statements) else _roots(one):
                lives[root] = lives.get(root, (number, number))[0], number
        for _, variable, _ in self.schedule.results:
            if self._is_array(variable):
                root = self.places.root(variable)
                lives[root] = lives.get(root, (len(done),))[0], len(done)
        types = {name: slot.type for name, slot in self.schedule.slots.items() if name in lives}
        types |= self.rooms
        return place_buffers((name, type, *lives[name]) for name, type in types.items())

    def _schedule(
        self,
        steps: Sequence[Step],
        slots: Mapping[str, Slot],
        total: int,
        no_scalars: bool,
        roots: Iterable[str],
    ) -> Schedule:
        schedule = self.schedule
        lines = [line for step in steps for line in step.lines]
        lines += [text for step in steps for _, text in step.views]
        used = {name for line in lines for name in NAME.findall(line)}
        used |= {variable for _, variable, _ in schedule.results}
        texts = dict(schedule.views)
        waiting = [name for name in used if name in texts]
        while waiting:
            for name in NAME.findall(texts[waiting.pop()]):
                if name not in used:
                    used.add(name)
                    waiting += [name] if name in texts else []
        used |= set(roots)
        return replace(
            schedule,
            steps=tuple(steps),
            slots=slots,
            arena_bytes=total,
            views=tuple((name, text) for name, text in schedule.views if name in used),
            constants={n: a for n, a in schedule.constants.items() if n in used},
            regions={n: r for n, r in schedule.regions.items() if n in used},
            scalars=() if no_scalars else schedule.scalars,
        )


def _roots(call: Call) -> Iterator[str]:
    """Those of the arrays that a kernel is given."""
    return (argument[0] for argument in call.arguments if isinstance(argument, tuple))
