"""Which steps of a schedule can run in blocks of rows together.

A run ends where blocks would change what is computed: at a step that has other rows, or touches
what another step of the run touches under another name, one of them writing, so at other rows.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from graphdsl.compiler.schedule import Schedule
from graphdsl.compiler.schedule.stand_ins import StandIns, view_of
from graphdsl.compiler.schedule.values import Step
from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.kernel import Array, ArrayType, bound

LONGEST = 64
"""Steps of a run at most: each one is compared with those before it."""


@dataclass(frozen=True, slots=True)
class Elementwise:
    """A step in which every row of the result depends on that row of some operands alone."""

    step: Step
    node: Node
    type: ArrayType
    types: tuple[ArrayType, ...]
    by_row: tuple[bool, ...]
    """Of each operand: whether it has rows; otherwise every row reads all of it."""


@dataclass(slots=True)
class Run:
    """Steps that may run in blocks of rows together, numbered from `first` to `last`."""

    rows: int
    first: int
    last: int
    parts: list[Elementwise] = field(default_factory=list)
    _written: set[str] = field(default_factory=set)
    _read: set[str] = field(default_factory=set)
    _whole: set[str] = field(default_factory=set)

    @property
    def steps(self) -> list[Step]:
        """The steps, in order."""
        return [part.step for part in self.parts]

    def takes(self, part: Elementwise, names: Variables) -> bool:
        """Add a step, unless it has other rows or that would change what is computed."""
        if part.type.shape[0] != self.rows or len(self.parts) == LONGEST:
            return False
        step = part.step
        whole = {name for name, by_row in zip(step.args, part.by_row, strict=True) if not by_row}
        written, read = self._written | {step.out}, self._read | {*step.args}
        if (self._whole | whole) & written or names.clash(written, read):
            return False
        self.parts.append(part)
        self._written, self._read = written, read
        self._whole |= whole
        return True


def find_runs(
    schedule: Schedule, graph: Graph, sizes: Mapping[str, int], names: Variables
) -> Iterator[Step | Run]:
    """The steps in order, those that may run together gathered."""
    run: Run | None = None
    views: list[Step] = []  # behind the run: they do nothing, and end none
    for number, step in enumerate(schedule.steps):
        if run is not None and not step.lines and not step.views:
            views.append(step)
            continue
        part = _read(step, graph, sizes, names)
        if run is not None and part is not None and run.takes(part, names):
            run.last = number
            views.clear()
            continue
        if run is not None:
            yield run
            yield from views
            views.clear()
        run = None if part is None else _begin(part, number, names)
        if run is None:
            yield step
    if run is not None:
        yield run
        yield from views


def _begin(part: Elementwise, number: int, names: Variables) -> Run | None:
    """A run that begins with a step; None where the step reads what it writes at other rows."""
    run = Run(part.type.shape[0], number, number)
    return run if run.takes(part, names) else None


def _read(
    step: Step, graph: Graph, sizes: Mapping[str, int], names: Variables
) -> Elementwise | None:
    """A step as an elementwise one, or None if it is none or has no rows to speak of."""
    if step.node >= len(graph.nodes) or not step.lines or step.views:
        return None
    node = graph.nodes[step.node]
    if not node.op.elementwise or node.op.random or node.type.weak or not node.type.shape:
        return None
    type = bound(node.type, sizes)
    types = tuple(bound(graph.nodes[id].type, sizes) for id in node.operands)
    rows = type.shape[0]
    by_row = tuple(t.rank == type.rank and t.shape[0] == rows for t in types)
    fed = any(names.is_fed(name) for name in step.args)
    return None if rows < 2 or fed else Elementwise(step, node, type, types, by_row)


@dataclass(frozen=True)
class Variables:
    """What the variables of a schedule stand for."""

    schedule: Schedule
    _made: StandIns = field(default_factory=StandIns)

    @cached_property
    def _bases(self) -> dict[str, tuple[str, str]]:
        """Of each view the variable it is a view of, and how."""
        bases = {}
        for view, text in self.schedule.views:
            found = re.match(r"\w+", text)
            assert found is not None
            bases[view] = (found.group(), text[found.end() :])
        return bases

    def is_fed(self, name: str) -> bool:
        """Whether a variable is known only when the program is called."""
        known = (self.schedule.slots, self.schedule.regions, self.schedule.constants)
        return not (name in self._bases or name.startswith("k_") or any(name in k for k in known))

    def is_result(self, name: str) -> bool:
        """Whether a variable, or a view of it, is handed out."""
        return any(self.root(variable) == name for _, variable, _ in self.schedule.results)

    def root(self, name: str) -> str:
        """The variable that a view is a view of; another variable itself."""
        while name in self._bases:
            name = self._bases[name][0]
        return name

    def clash(self, written: Collection[str], read: Collection[str]) -> bool:
        """Whether what is written is written or read under another name too."""
        return any(
            one != other and self._overlap(self.root(one), self.root(other))
            for one in written
            for other in (*written, *read)
        )

    def _overlap(self, one: str, other: str) -> bool:
        if one == other:
            return True
        regions = self.schedule.regions
        return one in regions and other in regions and regions[one].overlaps(regions[other])

    def stand_in(self, name: str) -> Array:
        """An array of a variable's shape and strides; its elements are nothing."""
        if name in self._bases:
            base, suffix = self._bases[name]
            return view_of(self.stand_in(base), suffix)
        if name in self.schedule.constants:
            return self.schedule.constants[name]
        if name in self.schedule.cells:
            return self._made.make(ArrayType(self.schedule.cells[name]))
        placed = self.schedule.slots.get(name) or self.schedule.regions[name]
        return self._made.make(placed.type)
