"""What kernels ask the system for while they run is what their ops say of them, or nothing."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import graphdsl
from graphdsl.driver import Purpose
from graphdsl.graph.op import OPS

CASTING = 200_000
"""Bytes that any kernel may take: NumPy casts through buffers of 8192 elements."""

ASKING = {
    "sort": ["[N, 2] sort(x, axis=0)", "[N] sort(x, descending=true)"],
    "argsort": [
        "[N] argsort(x)",
        "[N] argsort(x > 0)",
        "[N, 2] argsort(x, axis=0)",
        "[3, N] argsort(x, descending=true)",
    ],
    "argtopk": ["[N] argtopk(x, 5)", "[N, 3] argtopk(x, 5, axis=0)"],
    "solve": ["[2, 300, 300] solve(x, x)", "[300, 300] solve(x, x[0])"],
    "triangular_solve": [
        "[2, 300, 300] triangular_solve(x, x)",
        "[4000, 9, 9] triangular_solve(x, x)",
        "[900, 900] triangular_solve(x, x[0], lower=false)",
    ],
    "inv": ["[2, 300, 300] inv(x)", "[400, 400] inv(x)"],
    "det": ["[3, 400, 400] det(x)"],
    "cofactor": ["[60, 60, 60] cofactor(x)", "[300, 300] cofactor(x)"],
    "logdet": ["[3, 400, 400] logdet(x)"],
    "cholesky": ["[2, 300, 300] cholesky(x @ swap(x))"],
}
"""Of each op that says what its kernel asks for, the shape of an input and what is computed."""

OTHERS = [
    "[N] sort(x)",
    "[N] topk(x, 5)",
    "[N] cumsum(x)",
    "[600, 500] einsum('ab,cb->ca', x, x)",
    "[40, 60, 70] einsum('abc,dbc->ad', x, x)",
    "[30, 40, 50] einsum('abc,abd->acd', x, x)",
    "[500, 400] x @ x.T",
    "[30, 50, 60] x @ swap(x)",
    "[64, 3, 20, 20] conv2d(x, x[:4, :, :3, :3], padding=1)",
    "[64, 3, 20, 20] grad(sum(conv2d(x, x[:4, :, :5, :5], stride=2)^2), x)",
    "[64, 4, 200] conv1d(x, x[:8, :, :3])",
    "[64, 4, 20, 20] max_pool2d(x, 2)",
    "[64, 4, 20, 20] grad(sum(avg_pool2d(x, 2)^2), x)",
    "[500, 400] softmax(x, axis=0)",
    "[500, 400] var(x, axis=0)",
    "[N] grad(sum(sort(x)^2), x)",
]
"""What takes as many elements, and asks for memory at most where an op among it says so."""


def run_traced(text: str, dtype: str = "f32") -> tuple[int, int]:
    """The most bytes that are taken while a program runs, and what its schedule says."""
    shape, _, formula = text.partition("] ")
    shape = shape.replace("N", "100000") + "]"
    sizes = tuple(map(int, shape.strip("[]").split(",")))
    formula = formula.replace("'", '"')
    model = graphdsl.loads(f"input x: {shape}\noutput y = {formula}\n", dtype=dtype)
    x = np.random.default_rng(0).standard_normal(sizes).astype(model.inputs["x"].dtype.numpy)
    session = model.session
    program = session.executable(Purpose(("y",)), {})
    session.call(program, {"x": x}, 0, 0, 0)
    tracemalloc.start()
    try:
        session.call(program, {"x": x}, 0, 0, 0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak, program.program.schedule.kernel_bytes


def test_every_op_that_asks_is_here() -> None:
    assert {name for name, op in OPS.items() if op.allocates} == ASKING.keys()


@pytest.mark.parametrize("text", [text for texts in ASKING.values() for text in texts])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_a_kernel_takes_at_most_what_its_op_says(text: str, dtype: str) -> None:
    """LAPACK's own copies of a matrix are not traced: what is said may be more."""
    peak, said = run_traced(text, dtype)
    assert peak <= said + CASTING
    assert said > CASTING / 4


@pytest.mark.parametrize("text", OTHERS)
def test_other_kernels_take_nothing(text: str) -> None:
    peak, said = run_traced(text)
    assert peak <= said + CASTING
