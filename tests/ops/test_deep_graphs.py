"""The reverse sweep of very long chains: no recursion, and work linear in their length."""

from __future__ import annotations

import math
import sys
import time

import numpy as np

from graphdsl.compiler.differentiate import sweep
from graphdsl.graph.build import Builder, Expr
from graphdsl.graph.op import OPS
from graphdsl.graph.types import DType
from ops.harness import Interpreter, feed


def _chain(length: int, value: float) -> tuple[Builder, Expr, Expr]:
    """That many ops, half of them sines and half of them products with the leaf: x's fan-out is
    as long as the chain."""
    builder = Builder(DType.f64)
    x = feed(builder, np.array(value))
    y = x
    for _ in range(length // 2):
        y = OPS["sin"](y) * x
    return builder, x, y


def _swept(length: int) -> tuple[int, float]:
    """How many nodes the reverse sweep of a chain has, and how long it took to build."""
    builder, x, y = _chain(length, 1.0)
    before = len(builder.nodes)
    began = time.process_time()
    sweep(builder, y, [x])
    return len(builder.nodes) - before, time.process_time() - began


def test_a_sweep_is_linear_in_the_length_of_a_chain() -> None:
    assert sys.getrecursionlimit() < 12_500
    short, short_time = _swept(12_500)
    long, long_time = _swept(50_000)
    assert 12_500 < short < 5 * 12_500
    assert abs(long - 4 * short) <= 16
    assert long_time < 4 * 4 * short_time + 0.5


def test_the_gradient_of_a_long_chain_is_right() -> None:
    """Beside the chain rule carried along with the values, as forward mode does."""
    at = 1.3
    builder, x, y = _chain(4000, at)
    (gradient,) = sweep(builder, y, [x])
    value, slope = at, 1.0
    for _ in range(2000):
        value, slope = math.sin(value) * at, math.cos(value) * slope * at + math.sin(value)
    run = Interpreter(builder, {x.id: np.array(at)}, traced=False)
    for node in range(gradient.id):  # in order, so that the interpreter does not recurse
        if node != x.id:
            run.value(Expr(builder, node))
    assert abs(float(run.value(gradient)) - slope) < 1e-12 * abs(slope)
