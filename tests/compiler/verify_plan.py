"""Runs a planned program beside the same statements on arrays that share no memory.

Nothing here asks the planner how long an array lives: its last use is the last statement that
names it or a view of it. Behind that statement its bytes are spoilt, and before the first all are.
If anything that is computed differs by a bit, some statement has read what was not there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from compiler.replay import PlanFault, own_names
from graphdsl.compiler.schedule import Schedule
from graphdsl.engines.memory import Memory
from graphdsl.engines.numpy import Executable, Program, emit
from graphdsl.graph.kernel import Array

SPOIL = "spoil"
NAN, OTHER = 0xFF, 0x5A
"""Bytes: every float of the first is NaN, the second are large numbers of either kind."""

Found = dict[str, bytes]
"""The bytes of every result and of every stored array after a call."""


def verify(schedule: Schedule, memory: Memory, fed: Mapping[str, Array], clock) -> int:
    """Raise `PlanFault` unless a program on its planned arena computes, bit for bit, what it does
    where every buffer has bytes of its own; the number of arrays that were spoilt."""
    before = {name: array.copy() for name, array in memory.arrays.items()}
    spoilt: list[str] = []
    apart = Executable(emit(_apart(schedule)), memory)
    planned = _spoiling(emit(schedule), memory, spoilt)
    calls = ((apart, NAN), (apart, OTHER), (planned, NAN))
    try:
        wanted, other, found = (_call(*call, fed, clock, before) for call in calls)
    finally:
        _restore(memory, before)
    if other != wanted:
        raise PlanFault("something is read before it is written")
    wrong = [name for name in wanted if found[name] != wanted[name]]
    if wrong:
        raise PlanFault(f"{', '.join(wrong)}: something is read after it was overwritten")
    return len(spoilt)


def _restore(memory: Memory, arrays: Mapping[str, Array]) -> None:
    for name, array in arrays.items():
        memory.array(name)[...] = array


def _call(
    program: Executable, fill: int, fed: Mapping[str, Array], clock, before: Mapping[str, Array]
) -> Found:
    _restore(program.memory, before)
    run = program.bound()
    program.memory.arena.fill(fill)
    schedule = program.program.schedule
    with np.errstate(all="ignore"):
        results = run(*(fed[name] for name, _, _ in schedule.inputs), *clock)
    named = zip(schedule.results, results, strict=True)
    found = {name: np.asarray(value).tobytes() for (name, _, _), value in named}
    return found | {name: array.tobytes() for name, array in program.memory.arrays.items()}


def _apart(schedule: Schedule) -> Schedule:
    """The same program with an arena in which no two buffers share a byte."""
    slots, top = {}, 0
    for name, slot in schedule.slots.items():
        slots[name] = replace(slot, offset=top)
        top += -(-slot.type.nbytes // 64) * 64
    return replace(schedule, slots=slots, arena_bytes=top)


def _spoiling(program: Program, memory: Memory, spoilt: list[str]) -> Executable:
    """The program with a statement behind the last use of each buffer that spoils it."""
    lines = program.source.splitlines()
    for line, names in sorted(_last_uses(program.source).items(), reverse=True):
        buffers = sorted(names & program.schedule.slots.keys())  # gradients outlive the call
        lines[line:line] = [f"    {SPOIL}({name!r}, {name})" for name in buffers]

    def spoil(name: str, array: Array) -> None:
        spoilt.append(name)
        array.reshape(-1).view(np.uint8).fill(NAN)

    text = "\n".join(lines) + "\n"
    return Executable(replace(program, source=text), memory, {SPOIL: spoil})


def _last_uses(source: str) -> dict[int, set[str]]:
    """The arrays whose last use a line is, by the line's number; not those handed out."""
    functions = {
        node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)
    }
    roots: dict[str, str] = {}
    for name, function in functions.items():
        for statement in function.body:
            if isinstance(statement, ast.Assign) and (name != "run" or _is_view(statement)):
                _follow(statement, roots)
    last: dict[str, int] = {}
    handed_out: set[str] = set()
    for statement in _statements(functions):
        used = {roots.get(name, name) for name in own_names(statement)}
        if isinstance(statement, ast.Return):
            handed_out |= used
        last |= dict.fromkeys(used, statement.lineno)
    found: dict[int, set[str]] = {}
    for name, line in last.items():
        if name not in handed_out:
            found.setdefault(line, set()).add(name)
    return found


def _statements(functions: Mapping[str, ast.FunctionDef]) -> Iterator[ast.stmt]:
    """The statements of one call, in order."""
    for name, function in functions.items():
        if name.startswith("part_"):
            yield from function.body
    yield from functions["run"].body


def _is_view(statement: ast.Assign) -> bool:
    (target,) = statement.targets
    return isinstance(target, ast.Name) and target.id.startswith("v")


def _follow(statement: ast.Assign, roots: dict[str, str]) -> None:
    """A view is used as part of what it is a view of."""
    (target,) = statement.targets
    if isinstance(target, ast.Name) and target.id.startswith("v"):
        base = next(own_names(statement.value))
        roots[target.id] = roots.get(base, base)
