"""One run of elementwise steps as a function of blocks of rows.

The kernels of the steps are asked again, for arrays of one block. What a block's statements read
and write is bound once, as a tuple for each block:

    def band_0(blocks):
        for s0, s1, s2 in blocks:
            multiply(s0, s1, s2)
            add(s2, c3, s2)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from graphdsl.compiler.schedule import Schedule
from graphdsl.compiler.schedule.values import Slot, Step
from graphdsl.engines.runs import Elementwise, Run, Variables
from graphdsl.graph.kernel import Array, ArrayType, KernelCall


class Refused(Exception):
    """A kernel that cannot be had for blocks of rows."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What a probe has among the statements of a band: a line before the blocks, and on every block
    one behind each node's, given by the band's first node, that node, and how many blocks there
    are."""

    before: str
    behind: Callable[[int, int, int], str]


@dataclass(slots=True)
class Band:
    """A run in blocks of `block` rows for `workers` threads, while it is made."""

    schedule: Schedule
    variables: Variables
    run: Run
    number: int
    block: int
    workers: int
    marks: Marks | None = None
    constants: dict[str, Array] = field(default_factory=dict)
    slots: dict[str, Slot] = field(default_factory=dict)
    """Those of which the blocks need less than all rows."""
    views: list[tuple[str, str]] = field(default_factory=list)
    _locals: dict[str, str] = field(default_factory=dict)
    """The tuple's expressions, each with the name it is bound to in the loop."""
    _texts: dict[str, str] = field(default_factory=dict)
    _owners: dict[str, str] = field(default_factory=dict)
    """Of each buffer that only the run needs the one whose rows it has."""
    _planned: KernelCall | None = None
    """The kernel whose statements are made."""

    def make(self) -> tuple[Schedule, Step]:
        """The schedule with the band's arrays and its function, and the step that calls it.

        Raises `Refused` where a kernel works on whole arrays only.
        """
        try:
            body = [line for part in self.run.parts for line in self._statements(part)]
        finally:
            self._planned = None  # each refers to the other
        names, tuples = ", ".join(self._texts), ", ".join(self._texts.values())
        comma = "," if len(self._texts) == 1 else ""
        name, blocks = f"band_{self.number}", f"blocks_{self.number}"
        before = () if self.marks is None else (f"    {self.marks.before}",)
        head = (f"def {name}(blocks):", *before, f"    for {names}{comma} in blocks:")
        cuts = f"row_blocks({self.run.rows}, {self.block}, {self.workers})"
        bound = f"[[({tuples}{comma}) for i, j, k in part] for part in {cuts}]"
        call = f"share({name}, {blocks})" if self.workers > 1 else f"{name}({blocks}[0])"
        gone = {name for name, owner in self._owners.items() if name != owner}
        slots = {**self.schedule.slots, **self.slots}
        views = [one for one in self.schedule.views if self.variables.root(one[0]) not in gone]
        first = self.run.steps[0]
        note = f"band: {len(self.run.steps)} steps in blocks of {self.block} rows"
        schedule = replace(
            self.schedule,
            notes={**self.schedule.notes, first.node: note},
            constants={**self.schedule.constants, **self.constants},
            slots={name: slot for name, slot in slots.items() if name not in gone},
            views=(*views, *self.views, (blocks, bound)),
            functions=(*self.schedule.functions, *head, *(f"        {s}" for s in body), "", ""),
        )
        return schedule, replace(first, lines=(call,), out="", args=())

    # --- statements ------------------------------------------------------------------------------

    def _statements(self, part: Elementwise) -> Iterator[str]:
        """The lines of one kernel on a block."""
        call = self._planned = self._call(part)
        part.node.op.emit(call)
        scratch = {name: self._scratch(call, name) for name, _ in call.scratches}
        note = self.schedule.notes.get(part.step.node, "")
        for number, line in enumerate(call.lines):
            line = re.sub(r"\bb\d+_\d+\b", lambda found: scratch[found.group()], line)
            yield f"{line}  # {note}" if number == 0 else line
        if self.marks is not None:
            first, blocks = self.run.steps[0].node, -(-self.run.rows // self.block)
            yield self.marks.behind(first, part.node.id, blocks)

    def _call(self, part: Elementwise) -> KernelCall:
        step = part.step
        shown = zip(step.args, part.by_row, strict=True)
        return KernelCall(
            out=self._row(step.out),
            out_type=self._cut(part.type),
            args=tuple(self._row(name) if by_row else name for name, by_row in shown),
            types=tuple(
                self._cut(type) if by_row else type
                for type, by_row in zip(part.types, part.by_row, strict=True)
            ),
            contiguous=tuple(
                self.variables.stand_in(name).flags.c_contiguous for name in step.args
            ),
            attrs=part.node.attributes(),
            where="",
            prefix=step.prefix,
            bind_constant=self._constant,
            bind_view=self._view,
        )

    def _cut(self, type: ArrayType) -> ArrayType:
        return replace(type, shape=(self.block, *type.shape[1:]))

    # --- variables -------------------------------------------------------------------------------

    def _bind(self, text: str) -> str:
        """The loop's name for an expression."""
        if text not in self._locals:
            name = f"s{len(self._texts)}"
            self._locals[text], self._texts[name] = name, text
        return self._locals[text]

    def _row(self, name: str) -> str:
        """The rows of a variable; of what only the run needs, the worker's own few."""
        slot = self.schedule.slots.get(name)
        if slot is None or self.variables.is_result(name):
            return self._bind(f"{name}[i:j]")
        if slot.start < self.run.first or self.run.last < slot.end:
            return self._bind(f"{name}[i:j]")
        return self._own_rows(name, slot)

    def _own_rows(self, name: str, slot: Slot) -> str:
        """The worker's own few rows of a buffer: those of one that no later part of the run needs,
        if there is one of the type. A block then takes less of the cache."""
        if name not in self._owners:
            rows = self.workers * self.block
            type = replace(slot.type, shape=(rows, *slot.type.shape[1:]))
            owner = self._owners[name] = self._find_free(type, slot.start) or name
            start = self.slots[owner].start if owner in self.slots else slot.start
            self.slots[owner] = Slot(slot.offset, type, start, slot.end)
        return self._bind(f"{self._owners[name]}[k:k + j - i]")

    def _find_free(self, type: ArrayType, start: int) -> str | None:
        """The rows of a type that nothing reads from a step on: buffers come in the order in which
        they are written first."""
        owners = ((owner, self.slots[owner]) for owner in dict.fromkeys(self._owners.values()))
        return next((o for o, slot in owners if slot.type == type and slot.end < start), None)

    def _scratch(self, call: KernelCall, name: str) -> str:
        """What a kernel needs besides its operands and its result: as many rows of it, or where
        it has nothing to do with rows one for each worker."""
        type, planned = dict(call.scratches)[name], self.schedule.slots[name]
        if planned.type != type:  # not by its first size: that may be the rows' by chance
            if planned.type != replace(type, shape=(self.run.rows, *type.shape[1:])):
                raise Refused(name)
            return self._own_rows(name, planned)
        if self.workers == 1:
            return name
        self.slots[name] = replace(planned, type=replace(type, shape=(self.workers, *type.shape)))
        return self._bind(f"{name}[k // {self.block}, ...]")

    def _constant(self, array: Array) -> str:
        """A constant; one of a block's shape has rows."""
        assert self._planned is not None
        known = {**self.schedule.constants, **self.constants}
        name = next((n for n, other in known.items() if _alike(other, array)), f"c{len(known)}")
        if name not in known:
            array.setflags(write=False)
            self.constants[name] = array
        if array.ndim == self._planned.out_type.rank and array.shape[:1] == (self.block,):
            return self._bind(f"{name}[:j - i]")
        return name

    def _view(self, name: str, suffix: str) -> str:
        """A view of a block, or of what all blocks read."""
        call = self._planned
        assert call is not None
        if name in dict(call.scratches):
            name = self._scratch(call, name)
        if name not in self._texts:
            return self._shared_view(f"{name}{suffix}")
        sized = suffix.startswith(".reshape") and suffix not in (".reshape(-1)", ".reshape(())")
        if sized and self.run.rows % self.block:
            raise Refused(name)  # the last block has fewer rows
        return self._bind(f"{self._texts[name]}{suffix}")

    def _shared_view(self, text: str) -> str:
        known = {shown: name for name, shown in (*self.schedule.views, *self.views)}
        if text in known:
            return known[text]
        name = f"u{self.number}_{len(self.views)}"
        self.views.append((name, text))
        return name


def _alike(one: Array, other: Array) -> bool:
    """Whether two constants are the same to the bit."""
    same = one.dtype == other.dtype and one.shape == other.shape
    return same and one.tobytes() == other.tobytes()
