"""From a schedule to one whose steps are compiled, and what the names in it stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from graphdsl.compiler.schedule import Schedule
from graphdsl.engines.feeds import refusal
from graphdsl.engines.machine import find_lack
from graphdsl.engines.numba import library
from graphdsl.engines.numba.attaching import attach
from graphdsl.engines.numba.crew import find_crew, offer_address
from graphdsl.engines.numba.functions import KNOWN
from graphdsl.engines.numba.program import Plan, make_plan
from graphdsl.engines.numba.runner import CLOCK, INPUTS
from graphdsl.engines.workers import count_cores
from graphdsl.graph.graph import Graph
from graphdsl.language.collector import release_spares

COMPILING = 2**28
"""Bytes that compiling takes at most, about: 140 million for a dozen nodes, 220 million for a
transformer. LLVM does not come back, or ends the process, where they cannot be had."""


def translate(schedule: Schedule, graph: Graph) -> tuple[Schedule, Mapping[str, Any]]:
    """The schedule with its runs of loops and products compiled, and what its new names are. Steps
    that nobody else holds are let go while they are read. Raises `DataError` where the machine has
    no room to compile."""
    release_spares()
    waiting = list(schedule.steps)
    schedule = replace(schedule, steps=())
    plan = make_plan(schedule, waiting, graph, set(KNOWN), count_cores())
    release_spares()
    if not plan.segments:
        return plan.schedule, {}
    if lack := find_lack(COMPILING):
        help = "the engine 'numpy' needs none of them"
        raise refusal("E0802", f"to compile may take {COMPILING:,} bytes; {lack}", help)
    return _with_calls(plan), _compile(plan)


def _with_calls(plan: Plan) -> Schedule:
    """The schedule of a plan with the statements that call its segments."""
    planned, clock = plan.schedule, "float(t), float(epoch), float(total_steps)"
    calls: dict[str, str] = {}
    for number, segment in enumerate(plan.segments):
        arguments = ", ".join([f"e{number}", clock, *plan.inputs])
        way = "enter_together(" if segment.shared else "enter(alone, 0, 0, "
        calls[f"compiled_{number}"] = f"{way}{arguments})"
    steps = tuple(
        replace(step, lines=tuple(calls.get(line, line) for line in step.lines))
        for step in planned.steps
    )
    notes = {step.node: planned.notes[step.node] for step in steps if step.node in planned.notes}
    for number, segment in enumerate(plan.segments):
        notes[-number - 1] = f"{len(segment.calls)} kernels"
    views = [(f"e{number}", f"attach_{number}(globals())") for number in range(len(calls))]
    return replace(planned, steps=steps, views=(*planned.views, *views), notes=notes)


def _compile(plan: Plan) -> dict[str, Any]:
    """What the names in these statements stand for."""
    module = library.load(plan.text)
    enter = _entry(len(plan.inputs))
    alone: int = library.load_file("runner.py").run.address
    attachments = {
        f"attach_{number}": attach(segment, plan, module)
        for number, segment in enumerate(plan.segments)
    }
    together = _together(enter, alone)
    return {"enter": enter, "alone": alone, "enter_together": together, **attachments}


def plan_here(schedule: Schedule, graph: Graph) -> Plan:
    """The plan of a schedule for all functions that kernels can call, and for all cores."""
    return make_plan(schedule, list(schedule.steps), graph, set(KNOWN), count_cores())


def needed_bytes(schedule: Schedule, graph: Graph) -> int:
    """The bytes of the arena of a schedule as it is run here: products copy into it."""
    return plan_here(schedule, graph).schedule.arena_bytes


def _entry(inputs: int) -> Callable[..., None]:
    """The compiled function that takes the address of what runs a state, the crew's, how many of it
    are waited for, the state, the clock and so many fed arrays, and runs."""
    fed = [f"x{number}" for number in range(inputs)]
    given = ["run", "crew", "others", "state", "t", "epoch", "total_steps", *fed]
    lines = [
        '"""The way into compiled programs, emitted by graphdsl."""',
        "",
        "from graphdsl.engines.numba.decorators import entry",
        "from graphdsl.engines.numba.intrinsics import call, f64_at",
        "",
        "",
        "@entry",
        f"def enter({', '.join(given)}):",
        f"    clock = f64_at(state.ctypes.data + {8 * CLOCK})",
        "    clock[0] = t",
        "    clock[1] = epoch",
        "    clock[2] = total_steps",
        *(f"    state[{INPUTS + n}] = {name}.ctypes.data" for n, name in enumerate(fed)),
        "    call(run, state.ctypes.data, crew, others)",
    ]
    made: Callable[..., None] = library.load("\n".join(lines) + "\n").enter
    return made


def _together(enter: Callable[..., None], alone: int) -> Callable[..., None]:
    """The same with the crew, where there is one and it is free."""

    def enter_together(*arguments: Any) -> None:
        crew = find_crew()
        if crew is None or not crew.take():
            enter(alone, 0, 0, *arguments)
            return
        try:
            enter(offer_address(), crew.address, crew.size, *arguments)
        finally:
            crew.give()

    return enter_together
