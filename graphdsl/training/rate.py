"""The learning rate as the run goes on: what the optimizer's argument `lr` comes to at a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from graphdsl.compiler.rewrite import rewrite
from graphdsl.driver import Compiled
from graphdsl.engines.memory import Memory
from graphdsl.engines.numpy import Executable
from graphdsl.graph.build import Builder
from graphdsl.graph.graph import Graph, Result
from graphdsl.graph.layout import lay_out
from graphdsl.graph.op import OPS
from graphdsl.graph.types import DType
from graphdsl.session import Session

RATE = "lr"

Rate = Callable[[float, float, float], float]
"""Gives the rate at a step `t`, in an epoch, of `total_steps`."""


def find_rate(session: Session) -> Rate | float | None:
    """The learning rate: a schedule's, or one number; None where the optimizer has none.

    Factors of a parameter's own, `with lr = …`, are not in it. A schedule is asked at no cost to
    the steps: it has a memory of its own, and waits for nothing.
    """
    train = session.compilation.lowered(training=True).train
    if train is None or train.rule is None or RATE not in train.rule.arguments:
        return None
    builder = Builder(session.compilation.float)
    value = train.rule.argument(builder, RATE)
    if isinstance(value, int | float):
        return float(value)
    made = builder.apply(OPS["full"], (value,), {"shape": (), "dtype": DType.f64})
    graph = Graph(float=builder.float, nodes=tuple(builder.nodes))
    graph = replace(graph, results=(Result("output", RATE, made.id),))
    layout = lay_out(graph)
    program = Executable(Compiled(rewrite(graph), layout).emit({}), Memory(layout))

    def rate(t: float, epoch: float, total_steps: float) -> float:
        with np.errstate(all="ignore"):
            (value,) = program.bound()(t, epoch, total_steps)
        return float(np.asarray(value))

    return rate
