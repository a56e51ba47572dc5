"""A schedule whose program shows every array: what is fed and stored first, then what it makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from graphdsl.compiler.schedule import Schedule
from graphdsl.compiler.schedule.values import Step
from graphdsl.graph.graph import Graph
from graphdsl.graph.kernel import Array

LOOK = "look"
"""What the program calls with the number of a node and its array."""

Look = Callable[[int, Array], None]
Watch = Callable[[Graph], Look]
"""Is told of each program's graph when the program is loaded, and gives what it calls."""


def watched(schedule: Schedule, graph: Graph) -> Schedule:
    """The same schedule with a call of `look` behind the statements of every node.

    Views have no statements, and hold what the arrays hold that they are views of.
    """
    variables = schedule.variables
    computed = {step.node for step in schedule.steps}
    leaves = [
        Step(node.id, (f"{LOOK}({node.id}, {variables[node.id]})",))
        for node in graph.nodes
        if not node.operands and node.id in variables and node.id not in computed
    ]
    steps = [
        replace(step, lines=(*step.lines, f"{LOOK}({step.node}, {variables[step.node]})"))
        if step.lines and step.node in variables
        else step
        for step in schedule.steps
    ]
    return replace(schedule, steps=(*leaves, *steps))
