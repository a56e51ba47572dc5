"""What the ops of linear algebra, order and arrangement refuse, at once and while running."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from graphdsl.graph.build import Builder
from graphdsl.graph.kernel import Array
from graphdsl.graph.op import OPS, Fault
from graphdsl.graph.sizes import symbol
from graphdsl.graph.types import DType, TensorType
from graphdsl.ops.matrices import MatrixFault, triangular_solution
from graphdsl.ops.run_fault import RunFault
from ops.harness import Interpreter, apply
from ops.test_faults import tensor

EQ = "equation"
REFUSED: list[tuple[str, list[str], dict[str, Any], str, int | None, str]] = [
    ("einsum", ["f32[2, 3]"], {EQ: "ij,jk->ik"}, "E0210", None, "is for 2 operands, and there are"),
    ("einsum", ["f32[2, 3]"], {EQ: "ijk->i"}, "E0210", 0, "names 3 axes, and the operand has 2"),
    ("einsum", ["f32[2, 3]"], {EQ: "ij->k"}, "E0210", None, "'k' of 'ij->k' stands in no operand"),
    ("einsum", ["f32[2, 3]"], {EQ: "ij->ii"}, "E0210", None, "stands twice in the result"),
    ("einsum", ["f32[2, 3]"], {EQ: "i1->i"}, "E0210", None, "is no list of letters"),
    ("einsum", ["f32[2, 3]"], {EQ: "i->i->i"}, "E0210", None, "is no list of letters"),
    ("einsum", ["f32[2, 3]"], {EQ: "ii->i"}, "E0210", 0, "'i' is 2 in one place and 3 in another"),
    ("einsum", ["f32[N, 3]", "f32[M, 3]"], {EQ: "ij,ij->"}, "E0210", 1, "is N in one place and M"),
    ("einsum", ["f32[2]", "f32[3]"], {EQ: "...,..."}, "E0210", 1, "an axis of '...' is 2"),
    ("einsum", ["2"], {EQ: "->"}, "E0202", 0, "needs a tensor"),
    ("trace", ["f32[2, 3]"], {}, "E0213", 0, "square matrices, and found f32[2, 3]"),
    ("det", ["f32[3]"], {}, "E0202", 0, "needs 2 axes or more"),
    ("inv", ["f32[N, 3]"], {}, "E0213", 0, "'inv' needs square matrices"),
    ("cholesky", ["f32[3, 2]"], {}, "E0213", 0, "'cholesky'"),
    ("solve", ["f32[3, 3]", "f32[2, 3]"], {}, "E0204", 1, "needs 3 rows, not f32[2, 3]"),
    ("solve", ["f32[2, 3, 3]", "f32[4, 3, 1]"], {}, "E0201", 1, "leading sizes"),
    ("solve", ["f32[3, 3]", "f32"], {}, "E0204", 1, "needs 3 rows, not f32"),
    ("outer", ["f32[3, 3]", "f32[3]"], {}, "E0202", 0, "multiplies vectors"),
    ("dot", ["f32[3]", "f32[2, 3, 3]"], {}, "E0202", 1, "'dot' multiplies vectors and matrices"),
    ("diag", ["f32[2, 3, 3]"], {}, "E0202", 0, "takes a vector or a matrix"),
    ("sort", ["f32[2]"], {"axis": 1}, "E0205", 0, "axis 1 is out of range"),
    ("topk", ["f32[2]"], {"k": 3}, "E0216", None, "is 0 to 2, and found 3"),
    ("topk", ["f32[N]"], {"k": -1}, "E0216", None, "is 0 to N, and found -1"),
    ("cumsum", ["f32[2]"], {"axis": -2}, "E0205", 0, "axis -2 is out of range"),
    ("recurrence", ["f32[2]", "f32[3]"], {}, "E0201", 1, "needs equal shapes"),
    ("norm", ["f32[2]"], {"ord": 3}, "E0216", None, "is 1, 2 or inf, and found 3"),
    ("polygamma", ["f32[2]"], {"n": 0}, "E0216", None, "at least 1, and found 0"),
    ("roll", ["f32"], {"shift": 1}, "E0205", 0, "a tensor with axes"),
    ("tile", ["f32[2]"], {"reps": (-1,)}, "E0206", None, "at least 0, and found -1"),
    ("repeat_elements", ["f32[2]"], {"n": -1}, "E0206", None, "at least 0, and found -1"),
    ("pad", ["f32[2]"], {"before": -1}, "E0206", None, "'before' is -1"),
    ("split", ["f32[5]"], {"parts": 2, "index": 0}, "E0206", 0, "into 2 equal parts"),
    ("split", ["f32[4]"], {"parts": 2, "index": 2}, "E0216", None, "part 2 of 2: expected 0 to 1"),
    ("take_along_axis", ["f32[2, 3]", "i64[2]"], {}, "E0201", 1, "indices of its shape but for"),
    ("take_along_axis", ["f32[2, 3]", "f32[2, 3]"], {}, "E0209", 1, "indices of type i32 or i64"),
    ("add_along_axis", ["f32[3]", "i64[2]"], {"size": 3}, "E0201", 1, "needs an index for each"),
    ("scatter_add", ["f32[3, 2]", "i64[2]"], {"size": 4}, "E0201", 1, "the sizes of the indices"),
    ("scatter_add", ["f32[3]", "f32[3]"], {"size": 4}, "E0209", 1, "indices of type i32 or i64"),
    ("put_along", ["f32[3]", "i64[2]"], {"size": 4}, "E0201", 1, "one index for each row"),
    ("cross_entropy", ["f32[2, 3]", "i64[2]"], {"smoothing": 2}, "E0216", None, "from 0 to 1"),
    (
        "weighted_cross_entropy",
        ["f32[2, 3]", "i64[2]", "f32[2]"],
        {},
        "E0201",
        2,
        "needs weights f32[3], and found f32[2]",
    ),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[0]}-{case[1]}-{case[2]}")
def test_refused(case: tuple[str, list[str], dict[str, Any], str, int | None, str]) -> None:
    name, operands, attrs, code, culprit, text = case
    builder = Builder()
    with pytest.raises(Fault) as caught:
        builder.apply(OPS[name], [tensor(builder, t) for t in operands], attrs)
    assert text in caught.value.message
    assert caught.value.code == code
    assert caught.value.operand == culprit


SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])
TINY = np.array([[1e-200, 0.0], [1.0, 1e-200]])
"""Its diagonal has no 0, its determinant has no float."""


@pytest.mark.parametrize(
    ("name", "operands", "text"),
    [
        ("inv", (SINGULAR,), "the matrix is singular"),
        ("solve", (SINGULAR, np.ones(2)), "the matrix is singular"),
        ("cholesky", (-np.eye(2),), "the matrix is not positive definite"),
        ("triangular_solve", (np.tril(SINGULAR, -1), np.ones(2)), "a 0 on its diagonal"),
        ("triangular_solve", (TINY, np.ones(2)), "singular to within rounding"),
    ],
)
def test_a_singular_matrix_is_a_fault_that_names_the_node(
    name: str, operands: tuple[Array, ...], text: str
) -> None:
    with pytest.raises(RunFault, match=f"y: .*{text}") as caught:
        apply(name, *operands)
    assert caught.value.code == "E0619"


def test_a_triangular_system_that_is_refused_has_written_nothing() -> None:
    """Not even where only its last rows are refused."""
    a = np.eye(100)
    a[-2:, -2:] = TINY
    out = np.full(100, 7.0)
    with pytest.raises(MatrixFault):
        triangular_solution(a, np.ones(100), out, True, "y")
    assert (out == 7).all()


def test_determinants_of_singular_matrices() -> None:
    assert apply("det", SINGULAR).item() == 0
    assert apply("logdet", SINGULAR).item() == -math.inf
    np.testing.assert_allclose(apply("cofactor", SINGULAR), [[4, -2], [-2, 1]], atol=1e-14)
    assert np.isnan(apply("cofactor", np.full((2, 2), np.nan))).all()


def test_more_than_there_are_where_the_size_is_bound() -> None:
    builder = Builder()
    type = TensorType(DType.f32, (symbol("N"),))
    x = builder.add(OPS["input"], (), (("type", type),), type)
    y = builder.apply(OPS["topk"], (x,), {"k": 3})
    run = Interpreter(builder, {x.id: np.zeros(2, np.float32)}, sizes={"N": 2})
    with pytest.raises(Fault, match="is 0 to 2, and found 3"):
        run.value(y)


@pytest.mark.parametrize("index", [-1, 3])
def test_indices_are_checked_while_running(index: int) -> None:
    indices = np.array([[0, index, 1]])
    with pytest.raises(RunFault, match=f"y: index {index} is out of range"):
        apply("take_along_axis", np.zeros((1, 3)), indices)
    with pytest.raises(RunFault, match=f"y: index {index} is out of range"):
        apply("add_along_axis", np.zeros((1, 3)), indices, size=3)
