"""A schedule as kernels and what stays NumPy: the same program, its runs of loops compiled.

A `Schedule` comes in, another goes out whose steps are calls of compiled segments, with what the
names in them stand for. Everything is known before anything is compiled: `Plan` is that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

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
from graphdsl.engines.numba.writing import Argument, Kernel, Surroundings
from graphdsl.graph.graph import Graph
from graphdsl.graph.kernel import ArrayType
from graphdsl.graph.types import DType
from graphdsl.language.collector import release_spares

Done = Call | Statements
"""What becomes of a part."""


OFTEN = 64
"""Parts after which what reading them has left behind is let go, which takes 10 µs."""


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
    flushing: bool
    """Whether subnormal numbers are taken for zero: in a training step, but not in values and
    gradients that somebody asks for."""


def make_plan(
    schedule: Schedule, steps: list[Step], graph: Graph, known: set[str], threads: int = 1
) -> Plan:
    """The plan of a schedule, whose `steps` are handed over: the list is emptied; `known` are the
    functions that compiled formulas may call, and `threads` how many may share in it."""
    return _Planner(schedule, steps, graph, known, threads).plan()


class _Planner:
    def __init__(
        self, schedule: Schedule, steps: list[Step], graph: Graph, known: set[str], threads: int
    ) -> None:
        self.threads, self.flushing = threads, bool(graph.writes)
        self.schedule = schedule
        self.steps = steps
        self.last_step = steps[-1] if steps else Step(0, ())
        self.places = Places(schedule, steps)
        self.reader = Reader(graph, self.places, known)
        self.fed = {variable for _, _, variable in schedule.inputs}
        handed = (variable for _, variable, _ in schedule.results if self._is_array(variable))
        self.handed = {self.places.root(variable) for variable in handed}
        self.values = dict(self._uniform_constants())
        self.kernels: dict[tuple[str, ...], str] = {}
        self.rooms: dict[str, ArrayType] = {}
        # each once, as there are thousands: calls are given few different ones
        self.arguments: dict[Argument | int, Argument | int] = {}
        self.room_types: dict[ArrayType, ArrayType] = {}  # likewise: a program keeps them
        self.known = known

    def plan(self) -> Plan:
        """Kernels first: they say what has to be in memory."""
        checks, done = self._done()
        scalars = self._scalar_call()
        done = [*checks, *([scalars] if scalars is not None else []), *done]
        segments, steps = self._segments(done)
        slots, total = self._slots(done)
        roots = {root: None for s in segments for call in s.calls for root in _roots(call)}
        made = self._schedule(steps, slots, total, scalars is not None, roots)
        inputs = tuple(variable for _, _, variable in made.inputs if variable in roots)
        return Plan(
            self._text(), tuple(segments), made, tuple(roots), inputs, self.threads, self.flushing
        )

    # --- parts -----------------------------------------------------------------------------------

    def _checks_fed(self, part: Part) -> TypeGuard[Statements]:
        """Whether a part checks what is fed."""
        if not isinstance(part, Statements) or not part.roots <= self.fed:
            return False
        return all(line.startswith("check_") for line in part.lines)

    def _uniform_constants(self) -> Iterator[tuple[str, float | int | bool]]:
        for name, array in self.schedule.constants.items():
            if array.size and array.tobytes() == array.size * array.flat[0].tobytes():
                yield name, array.flat[0].item()

    def _is_array(self, variable: str) -> bool:
        return self.places.find(variable) is not None

    # --- kernels ---------------------------------------------------------------------------------

    def _done(self) -> tuple[list[Statements], list[Done]]:
        """Checks of what is fed, each once: they run before anything is written; and the other
        parts in order, a call in the place of each that is compiled.

        A part is done with before the next one is read: the loops of a program take more memory
        than its calls.
        """
        checks: dict[str, Statements] = {}
        done: list[Done] = []
        parts = fuse(self.reader.items(self.steps), self.places)
        for number, part in enumerate(parts):
            if number % OFTEN == 0:
                release_spares()
            if self._checks_fed(part):
                checks.setdefault(part.lines[0].partition(", '")[0], part)
            elif isinstance(part, Statements):
                done.append(part)
            elif isinstance(part, Product):
                done.append(self._sparing(self._product(part)))
            else:
                done.append(self._sparing(self._loops(part)))
        return list(checks.values()), done

    def _loops(self, part: Group | Loop) -> Call:
        around = Surroundings(self.places.extents, self.values, self._is_needed)
        if isinstance(part, Group):
            kernel = group_kernel(part, around)
            nodes = tuple(dict.fromkeys(member.loop.node for member in part.members))
        else:
            kernel, nodes = loop_kernel(part, around), (part.node,)
        return loop_call(self._named(kernel), kernel, nodes)

    def _is_needed(self, root: str) -> bool:
        """Whether what a root holds is stored, handed out, or touched by what comes behind a group:
        the item that has ended it, those behind that in its step, and later steps."""
        slot = self.schedule.slots.get(root)
        if slot is None or root in self.handed:
            return True
        return slot.end > self.reader.number or self.reader.is_ahead(root)

    def _sparing(self, call: Call) -> Call:
        """The call, its arguments shared with calls before it."""
        known = self.arguments
        return replace(call, arguments=tuple(known.setdefault(one, one) for one in call.arguments))

    def _named(self, kernel: Kernel) -> str:
        return self.kernels.setdefault(kernel.body, f"k{len(self.kernels)}")

    def _product(self, product: Product) -> Call:
        room = f"room{len(self.rooms)}"
        each = room_for(product)
        type = ArrayType(DType.i64, (self.threads * each // 8,))
        self.rooms[room] = self.room_types.setdefault(type, type)
        return product_call(product, room, each)

    def _scalar_call(self) -> Call | None:
        """A kernel for what depends on the step alone, if all of it can be compiled."""
        kernel = scalar_kernel(self.schedule, self.known)
        if kernel is None:
            return None
        return self._sparing(Call(self._named(kernel), kernel.arguments, (), False, 0.0))

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
                views = self.places.fed_views(one.lines)
                steps.append(replace(one.step, lines=one.lines, views=views))
            else:
                if not inside:
                    segments.append([])
                    steps.append(Step(-len(segments), (f"compiled_{len(segments) - 1}",)))
                segments[-1].append(one)
            inside = isinstance(one, Call)
        if handed := self.places.fed_views(variable for _, variable, _ in self.schedule.results):
            steps.append(replace(self.last_step, lines=(), views=handed))
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
