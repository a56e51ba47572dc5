"""What the engine `numba` makes of a plan, as a plan and as text: a kernel call a line.

Only imported where numba is installed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from graphdsl.compiler.schedule import Schedule
from graphdsl.compiler.schedule.values import Step
from graphdsl.engines.numba.calls import Call
from graphdsl.engines.numba.engine import plan_here
from graphdsl.engines.numba.program import Plan
from graphdsl.graph.graph import Graph, Sweep


def list_calls(schedule: Schedule, graph: Graph) -> tuple[Schedule, str]:
    """The plan of a program as numba runs it here, each call of a kernel a step, and the kernels'
    text. Nothing is compiled."""
    plan = plan_here(schedule, graph)
    if not plan.segments:
        return schedule, ""
    return _with_calls(plan, _first_sweeps(schedule)), plan.text


def _first_sweeps(schedule: Schedule) -> dict[str, Sweep]:
    """The sweep that writes each buffer first."""
    return {name: schedule.steps[slot.start].sweep for name, slot in schedule.slots.items()}


def _with_calls(plan: Plan, sweeps: Mapping[str, Sweep]) -> Schedule:
    """A step for each call, where the program has one for each compiled part: buffers live by
    the numbers of the calls."""
    begun: dict[int, list[str]] = {}
    for name, slot in plan.schedule.slots.items():
        begun.setdefault(slot.start, []).append(name)
    notes = dict(plan.schedule.notes)
    steps: list[Step] = []
    sweep: Sweep = "forward"
    for step, call in _calls(plan):
        if call is None:
            steps.append(step)
            sweep = step.sweep
            continue
        written = (sweeps[name] for name in begun.get(len(steps), ()) if name in sweeps)
        sweep = next(written, sweep)
        node = -len(steps) - 1
        notes[node] = _told(plan.schedule, call)
        steps.append(Step(node, (_written(call),), sweep=sweep))
    last = len(steps) - 1  # of what is handed out the program says that it lives one step longer
    slots = {n: replace(slot, end=min(slot.end, last)) for n, slot in plan.schedule.slots.items()}
    return replace(plan.schedule, steps=tuple(steps), slots=slots, notes=notes)


def _calls(plan: Plan) -> Iterator[tuple[Step, Call | None]]:
    """Each step, with each of the calls that it stands for."""
    segments = iter(plan.segments)
    for step in plan.schedule.steps:
        if step.node >= 0:
            yield step, None
            continue
        for call in next(segments).calls:
            yield step, call


def _told(schedule: Schedule, call: Call) -> str:
    """What a call computes, for a reader of the program."""
    computed = [schedule.describe(id) for id in call.nodes]
    told = "; ".join(computed or ["what depends on the step alone"])
    return f"{told} (in parts)" if call.divided else told


def _written(call: Call) -> str:
    """A call as a line; addresses are an array's name, and the bytes from its start."""
    words = []
    for argument in call.arguments:
        if isinstance(argument, int):
            words.append(str(argument))
            continue
        root, start = argument
        words.append(f"{root} + {start}" if start else root)
    return f"{call.kernel}({', '.join(words)})"
