"""Bounds of untyped scalars hold every value that the scalar takes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphdsl.ops  # noqa: F401
from graphdsl.compiler.rewrite.bounds import bounds, stays_moderate
from graphdsl.graph.build import Builder, Expr
from graphdsl.graph.op import OPS
from graphdsl.ops import formulas

NUMBERS = st.floats(-1e3, 1e3) | st.integers(-5, 5) | st.sampled_from([0.0, 1.0, 0.9, 0.999, -0.0])
UNARY = ("neg", "sqrt", "cos", "sin", "exp", "abs")
BINARY = ("add", "sub", "mul", "div", "power", "minimum", "maximum")


@st.composite
def formulas_of_the_step(draw: st.DrawFn) -> tuple[Builder, Expr]:
    """A random expression of numbers and the clock."""
    builder = Builder()

    def make(depth: int) -> Expr:
        kind = draw(st.integers(0, 5 if depth else 1))
        if kind == 0:
            return builder.number(draw(NUMBERS))
        if kind == 1:
            which = draw(st.sampled_from(["t", "epoch", "total_steps"]))
            return builder.apply(OPS["clock"], (), {"which": which})
        if kind == 2:
            return builder.apply(OPS[draw(st.sampled_from(UNARY))], [make(depth - 1)])
        op = OPS[draw(st.sampled_from(BINARY))]
        return builder.apply(op, [make(depth - 1), make(depth - 1)])

    return builder, make(draw(st.integers(1, 4)))


def value(builder: Builder, x: Expr, clock: dict[str, float]) -> float:
    node = x.node
    attrs = node.attributes()
    if node.op is OPS["number"]:
        return attrs["value"]
    if node.op is OPS["clock"]:
        return clock[attrs["which"]]
    return formulas.evaluate(
        node.op, *(value(builder, Expr(builder, i), clock) for i in node.operands)
    )


@given(
    formulas_of_the_step(),
    st.integers(1, 10**6),
    st.integers(0, 1000),
    st.integers(1, 10**6) | st.just(math.inf),
)
def test_every_value_lies_within(
    made: tuple[Builder, Expr], t: int, epoch: int, total: float
) -> None:
    builder, x = made
    low, high = bounds(x)
    found = value(builder, x, {"t": t, "epoch": epoch, "total_steps": total})
    if found == found:
        slack = 1e-9 * max(1, abs(found))
        assert low - slack <= found <= high + slack
        if stays_moderate(x):
            assert 0 < found < math.inf or found == pytest.approx(0, abs=1e-300)


def test_what_an_optimizer_needs_is_known() -> None:
    builder = Builder()
    t = builder.apply(OPS["clock"], (), {"which": "t"})
    correction = 1 - builder.apply(OPS["power"], (0.999, t))
    assert bounds(correction) == (pytest.approx(0.001), 1)
    assert stays_moderate(correction)
    assert not stays_moderate(t - 1)
    assert not stays_moderate(1 - builder.apply(OPS["power"], (1.0, t)))
