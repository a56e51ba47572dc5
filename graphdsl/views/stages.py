"""Stages that are no text of their own, as text: the syntax tree and the schedule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from graphdsl.graph.types import DType
from graphdsl.language import ast
from graphdsl.views.aligned import aligned
from graphdsl.views.timeline import find_timeline

if TYPE_CHECKING:
    from graphdsl.compiler.schedule import Schedule
    from graphdsl.graph.kernel import Array

WIDTH = 100
DTYPES = {dtype.numpy: dtype.value for dtype in DType}


def ast_text(program: ast.Program) -> str:
    """The statements of a program as nested constructor calls, one a line while they fit."""
    lines = [line for statement in program.statements for line in _tree(statement, 0, "", "")]
    return "\n".join(lines) + "\n"


def _tree(value: Any, indent: int, before: str, after: str) -> Iterator[str]:
    """The lines of a value that stands between two texts."""
    margin = " " * indent
    flat = _flat(value)
    if len(margin) + len(before) + len(flat) + len(after) <= WIDTH or not _inner(value):
        yield f"{margin}{before}{flat}{after}"
        return
    opening, closing = ("(", ")") if isinstance(value, tuple) else (f"{type(value).__name__}(", ")")
    yield f"{margin}{before}{opening}"
    for name, part in _inner(value):
        yield from _tree(part, indent + 2, f"{name}=" if name else "", ",")
    yield f"{margin}{closing}{after}"


def _flat(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, tuple):
        inner = ", ".join(_flat(part) for part in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if is_dataclass(value):
        inner = ", ".join(f"{name}={_flat(part)}" for name, part in _inner(value))
        return f"{type(value).__name__}({inner})"
    return repr(value)


def _inner(value: Any) -> list[tuple[str, Any]]:
    """The parts of a node that say something, by name, or of a tuple; places are left out."""
    if isinstance(value, tuple):
        return [("", part) for part in value]
    if not is_dataclass(value):
        return []
    parts = [(f.name, getattr(value, f.name)) for f in fields(value) if f.compare]
    return [(name, part) for name, part in parts if part is not None and part != ()]


def schedule_text(schedule: Schedule) -> str:
    """A plan: its memory, the places and lives of its arrays, its steps in order, the functions
    that they call; behind it those of the workers that it calls."""
    own = "\n".join([*_memory(schedule), "", *_places(schedule), "", *_steps(schedule)]) + "\n"
    workers = enumerate(schedule.workers)
    return own + "".join(f"\nworker {n}: {schedule_text(worker)}" for n, worker in workers)


def _memory(schedule: Schedule) -> Iterator[str]:
    arena, naive = schedule.arena_bytes, schedule.naive_bytes
    yield f"{len(schedule.steps):,} steps, {len(schedule.slots):,} buffers"
    saved = f" ({1 - arena / naive:.0%} less)" if arena < naive else ""
    yield f"peak {arena:,} bytes; {naive:,} if every result had its own{saved}"
    line = find_timeline(schedule)
    if line.buffers:
        step, live = line.peak()
        at = f"{step} of the workers" if step < line.shared else f"{step - line.own}"
        yield f"at most {live:,} bytes live at once, at step {at}"


def _type_text(array: Array) -> str:
    """The type of an array, as types are written elsewhere; NumPy's where the language has none."""
    sizes = f"[{', '.join(map(str, array.shape))}]" if array.shape else ""
    return f"{DTYPES.get(array.dtype, array.dtype)}{sizes}"


def _places(schedule: Schedule) -> Iterator[str]:
    """Where every name points, by its place."""
    rows = [("name", "type", "bytes", "where")]
    for name, type, variable in schedule.inputs:
        rows.append((variable, str(type), f"{type.nbytes:,}", f"fed: {name}"))
    for name, region in schedule.regions.items():
        place = f"{region.array}[{region.offset}:{region.offset + region.type.size}]"
        rows.append((name, str(region.type), f"{region.type.nbytes:,}", place))
    for name, array in schedule.constants.items():
        rows.append((name, _type_text(array), f"{array.nbytes:,}", "constant"))
    by_place = sorted(schedule.slots.items(), key=lambda item: (item[1].offset, item[0]))
    for name, slot in by_place:
        life = (
            f"steps {slot.start} to {slot.end}" if slot.end > slot.start else f"step {slot.start}"
        )
        place = f"arena + {slot.offset:,}, {life}"
        rows.append((name, str(slot.type), f"{slot.type.nbytes:,}", place))
    rows += [(name, "", "", f"view: {text}") for name, text in schedule.views]
    yield from aligned(rows, right=(2,))


def _steps(schedule: Schedule) -> Iterator[str]:
    for name, text in schedule.scalars:
        yield f"      {name} = {text}"
    for number, step in enumerate(schedule.steps):
        note = schedule.describe(step.node)
        yield f"{number:>4}  # {note}"
        yield from (f"      {name} = {text}" for name, text in step.views)
        yield from (f"      {line}" for line in step.lines)
    for name, variable, result in schedule.results:
        yield f"result {name} = {variable}: {result}"
    if schedule.functions:
        yield from ("", *"\n".join(schedule.functions).rstrip().splitlines())
