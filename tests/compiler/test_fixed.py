"""Tensors that no step changes are computed when a program is planned, and never again."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import graphdsl
from graphdsl.compiler.schedule import Schedule
from graphdsl.driver import Purpose, compile_source
from graphdsl.language.source import Source


def planned(expression: str) -> Schedule:
    text = f"dim N\ninput x: [N, 3]\noutput y = x @ {expression}\n"
    compilation = compile_source(Source(text, "<text>"))
    return compilation.compiled(Purpose(("y",))).plan({"N": 2})


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("eye(3)", np.eye(3)),
        ("zeros([3, 2])", np.zeros((3, 2))),
        ("ones([3, 2])", np.ones((3, 2))),
        ("cast(tri(3), f32)", np.tri(3)),
        ("reshape(cast(arange(3), f32), [3, 1])", np.arange(3)),
    ],
)
def test_what_is_fixed_is_a_constant(expression: str, expected: np.ndarray) -> None:
    schedule = planned(expression)
    assert any(np.array_equal(value, expected) for value in schedule.constants.values())
    lines = [line for step in schedule.steps for line in step.lines]
    assert not any(".fill(" in line for line in lines)
    assert len(lines) == 1 + expression.startswith(("cast", "reshape"))


def test_a_tensor_of_the_batch_s_size_is_filled_at_each_step() -> None:
    text = "dim N\ninput x: [N]\noutput y = cumsum(ones([N])) * x\n"
    compiled = compile_source(Source(text, "<text>")).compiled(Purpose(("y",)))
    lines = [line for step in compiled.plan({"N": 4}).steps for line in step.lines]
    assert any(".fill(1)" in line for line in lines)


def test_what_is_drawn_is_drawn_at_each_step() -> None:
    model = graphdsl.loads(
        "state m: [4] = 0\nupdate m = normal([4])\nparam w = 1\nloss J = w^2 + 0 * sum(m)\n"
        "train { optimizer = sgd(lr = 0.1) }"
    )
    trainer, seen = model.trainer(), set()
    for _ in range(3):
        trainer.step()
        seen.add(model.states["m"].tobytes())
    assert len(seen) == 3


def test_a_state_that_is_set_to_a_constant_has_it() -> None:
    model = graphdsl.loads(
        "state m: [3, 3] = 7\nupdate m = eye(3)\nparam w = 1\nloss J = w^2 + sum(m)\n"
        "train { optimizer = sgd(lr = 0.1) }"
    )
    model.trainer().step()
    assert np.array_equal(model.states["m"], np.eye(3))


def test_a_result_that_is_fixed_is_the_caller_s() -> None:
    model = graphdsl.loads("output y = eye(2)\n")
    first = model.evaluate("y")
    first += 1
    assert np.array_equal(model.evaluate("y"), np.eye(2))


def test_a_large_constant_is_not_copied_to_be_known_again() -> None:
    """A plan is made before anybody asks whether what it needs has room."""
    source = Source("dim N\ninput x: [N, 1000]\noutput y = relu(x + 1)\n", "<text>")
    compiled = compile_source(source).compiled(Purpose(("y",)))
    nbytes = 5000 * 1000 * 4
    compiled.plan({"N": 2})
    tracemalloc.start()
    try:
        compiled.plan({"N": 5000})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * nbytes
