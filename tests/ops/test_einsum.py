"""How an einsum is written: its equation first, as in NumPy, or by keyword; and its order of
contraction, which is chosen when the sizes are known."""

from __future__ import annotations

import numpy as np
import pytest

import graphdsl
from graphdsl.graph.types import DType
from ops.cases import Case
from ops.harness import Interpreter
from ops.test_sweep import Tape

INPUTS = "input a: [3, 4]\ninput b: [4, 5]\n"
A, B = np.arange(12.0).reshape(3, 4), np.arange(20.0).reshape(4, 5)


@pytest.mark.parametrize(
    "call", ['einsum("ij,jk->ki", a, b)', 'einsum(a, b, equation = "ij,jk->ki")']
)
def test_the_equation_stands_first_or_by_keyword(call: str) -> None:
    model = graphdsl.loads(f"{INPUTS}output y = {call}\n", dtype="f64")
    np.testing.assert_array_equal(model.run(a=A, b=B)["y"], (A @ B).T)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ('einsum("ij,jk->ki", a, b, equation = "ij,jk->ki")', "E0415"),
        ('einsum("ij,jk->ki")', "E0408"),
        ('einsum(a, "ij,jk->ki", b)', "E04"),
        ("einsum(a, b)", "E0402"),
        ('concat("ij", a)', "E03"),
    ],
)
def test_an_equation_out_of_place(call: str, code: str) -> None:
    with pytest.raises(graphdsl.ModelError) as caught:
        graphdsl.loads(f"{INPUTS}output y = {call}\n")
    assert [d.code[: len(code)] for d in caught.value.diagnostics] == [code]


def _scratch_sizes(equation: str, *shapes: tuple[int, ...]) -> list[int]:
    """The sizes of the arrays between the contractions."""
    rng = np.random.default_rng(0)
    operands = tuple(rng.uniform(size=shape) for shape in shapes)
    tape = Tape(Case("einsum", operands, {"equation": equation}), DType.f64)
    feeds = {e.id: v for e, v in zip(tape.inputs, operands, strict=True)}
    run = Interpreter(tape.builder, feeds)
    found = run.value(tape.y)
    np.testing.assert_allclose(found, np.einsum(equation, *operands), rtol=1e-12)
    return [line.count("dot(") + line.count("matmul(") for line in run.lines]


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ij,jk,kl,l->i", ((30, 40), (40, 50), (50, 20), (20,))),
        ("i,ij,jk,kl->l", ((30,), (30, 40), (40, 50), (50, 20))),
        ("ab,bc,cd,de,ef,fg->ag", ((4, 9), (9, 4), (4, 9), (9, 4), (4, 9), (9, 4))),
    ],
)
def test_several_operands_are_contracted_in_pairs(
    equation: str, shapes: tuple[tuple[int, ...], ...]
) -> None:
    """One product of matrices a step, and none of all operands at once."""
    products = _scratch_sizes(equation, *shapes)
    assert sum(products) == len(shapes) - 1
