"""The learning rate as the run goes on: what the optimizer's argument `lr` comes to at a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from graphdsl.compiler.rewrite import rewrite
from graphdsl.driver import Compiled
from graphdsl.engines.numpy import Executable
from graphdsl.graph.build import Builder
from graphdsl.graph.graph import Graph, Result
from graphdsl.graph.op import OPS
from graphdsl.graph.types import DType
from graphdsl.session import Session

RATE = "lr"

Rate = Callable[[float, float, float], float]
"""Gives the rate at a step `t`, in an epoch, of `total_steps`."""


def find_rate(session: Session) -> Rate | None:
    """The learning rate as a schedule has it; None where it is one number or there is none.

    Factors of a parameter's own, `with lr = …`, are not in it.
    """
    train = session.compilation.lowered(training=True).train
    if train is None or train.rule is None or RATE not in train.rule.arguments:
        return None
    builder = Builder(session.compilation.float)
    value = train.rule.argument(builder, RATE)
    if isinstance(value, int | float):
        return None
    made = builder.apply(OPS["full"], (value,), {"shape": (), "dtype": DType.f64})
    graph = Graph(float=builder.float, nodes=tuple(builder.nodes))
    graph = replace(graph, results=(Result("output", RATE, made.id),))
    program = Compiled(rewrite(graph), session.compilation.layout).emit({})
    executable = Executable(program, session.memory)

    def rate(t: float, epoch: float, total_steps: float) -> float:
        with session.lock:
            (value,) = session.run(executable, [], t, epoch, total_steps)
            return float(np.asarray(value))

    return rate
