"""What ops refuse: the code, the operand, and a message with found, expected and what to do."""

from __future__ import annotations

import re
from typing import Any

import pytest

import graphdsl.ops  # noqa: F401
from graphdsl.graph.build import Builder, Expr
from graphdsl.graph.op import OPS, Fault
from graphdsl.graph.sizes import symbol
from graphdsl.graph.types import DType, TensorType

N, M = symbol("N"), symbol("M")


def tensor(builder: Builder, text: str) -> Expr | float:
    """An input of a type as it is written, `f32[N, 3]`, or a number."""
    if text[0].isdigit():
        return float(text)
    name, _, sizes = text.rstrip("]").partition("[")
    known: dict[str, Any] = {"N": N, "M": M}
    shape = tuple(known.get(s) or int(s) for s in sizes.split(", ") if s)
    type = TensorType(DType[name], shape)
    return builder.add(OPS["input"], (), (("type", type),), type)


REFUSED: list[tuple[str, str, dict[str, Any], str, int | None, str]] = [
    ("add", "f32[2, 3] f32[4]", {}, "E0201", 1, "the shapes [2, 3] and [4] do not broadcast"),
    ("add", "f32[N] f32[M]", {}, "E0201", 1, "the shapes [N] and [M] do not broadcast"),
    ("add", "f32[N] f64[N]", {}, "E0203", 1, "'+' meets f32 with f64"),
    ("where", "f32[2] f32[2] f32[2]", {}, "E0209", 0, "truth values (bool) here, and found f32[2]"),
    ("where", "bool[2] f32[2] f32[3]", {}, "E0201", 2, "[2] and [3] do not broadcast"),
    ("logical_and", "bool[2] f32[2]", {}, "E0209", 1, "'and' needs truth values"),
    ("logical_not", "i64", {}, "E0209", 0, "'not' needs truth values"),
    ("matmul", "f32[N, 64] f32[32, 128]", {}, "E0204", 1, "of '@' differ: 64 and 32"),
    ("matmul", "f32[4] f32[3]", {}, "E0204", 1, "of '@' differ: 4 and 3"),
    ("matmul", "f32[4] f32", {}, "E0202", 1, "f32 is a scalar"),
    ("matmul", "f32[4] 2", {}, "E0202", 1, "not an untyped number"),
    ("matmul", "f32[2, 3, 4] f32[5, 4, 6]", {}, "E0201", 1, "leading sizes"),
    ("sum", "f32[2, 3]", {"axis": 2}, "E0205", 0, "axis 2 is out of range for f32[2, 3]"),
    ("sum", "f32", {"axis": 0}, "E0205", 0, "a tensor with axes"),
    ("sum", "f32[2, 3]", {"axis": (0, -2)}, "E0205", None, "twice"),
    ("mean", "2", {}, "E0202", 0, "needs a tensor"),
    ("argmax", "f32[2]", {"axis": (0,)}, "E0205", None, "expected one axis"),
    ("vdot", "f32[2] f32[3]", {}, "E0201", 1, "equal shapes"),
    ("reshape", "f32[2, 3]", {"shape": (4, 2)}, "E0206", 0, "6 elements, and [4, 2] has 8"),
    ("reshape", "f32[2, 3]", {"shape": (4, -1)}, "E0206", 0, "cannot be divided by 4"),
    ("reshape", "f32[N, 3]", {"shape": (2, -1)}, "E0206", 0, "cannot be divided by 2"),
    ("reshape", "f32[2]", {"shape": (-1, -1)}, "E0206", None, "more than one size open"),
    ("reshape", "f32[2]", {"shape": (-2,)}, "E0206", None, "negative size"),
    ("squeeze", "f32[2, 3]", {"axis": 1}, "E0206", 0, "size 3, expected 1"),
    ("transpose", "f32[2, 3]", {"axes": (0, 0)}, "E0205", 0, "each once"),
    ("swap", "f32[3]", {}, "E0202", 0, "swaps the last two axes"),
    ("broadcast_to", "f32[3]", {"shape": (3, 2)}, "E0201", 0, "does not broadcast to [3, 2]"),
    ("concat", "f32[2, 3] f32[2, 4]", {"axis": 0}, "E0208", 1, "joins f32[2, 3] with f32[2, 4]"),
    ("concat", "f32[2] f32", {"axis": 0}, "E0202", 1, "is a scalar"),
    ("stack", "f32[2] f32[3]", {}, "E0208", 1, "found f32[2] and f32[3]"),
    ("full", "f32[2]", {"shape": (2,), "dtype": DType.f32}, "E0202", 0, "needs a scalar"),
    ("full", "f64", {"shape": (2,), "dtype": DType.f32}, "E0203", 0, "cannot be filled with f64"),
    ("gather", "f32[5] f32[2]", {}, "E0209", 1, "indices of type i32 or i64"),
    ("take_along", "f32[5, 3] i64[4]", {}, "E0201", 1, "one index for each row, [5]"),
    ("one_hot", "f32[5]", {"n": 3, "dtype": DType.f32}, "E0209", 0, "indices of type"),
    ("softmax", "f32[5]", {"axis": 1}, "E0205", 0, "axis 1 is out of range"),
    ("cross_entropy", "f32[N, 9] i64[N, 1]", {}, "E0201", 1, "needs labels i64[N]"),
    ("cross_entropy", "f32[N, 9] f32[N]", {}, "E0203", 1, "labels of type i64, or probabilities"),
    ("cross_entropy", "f32 i64", {}, "E0202", 0, "f32 is a scalar"),
    ("cross_entropy", "i64[N, 9] i64[N]", {}, "E0203", 0, "floats"),
    ("mse", "f32[2] f32[3]", {}, "E0201", 1, "do not broadcast"),
    ("conv2d", "f32[N, 3, 8] f32[4, 3, 3, 3]", {}, "E0202", 0, "needs 4 axes"),
    ("conv2d", "f32[N, 3, 8, 8] f32[4, 2, 3, 3]", {}, "E0201", 1, "a kernel over 3 channels"),
    ("conv2d", "f32[N, 3, 8, 8] f32[4, 3, 9, 3]", {}, "E0216", 0, "a window of 9 does not fit"),
    ("conv2d", "f32[N, 3, 8, 8] f32[4, 3, N, 3]", {}, "E0216", 1, "sizes are numbers"),
    ("conv2d", "f32[N, 3, 8, 8] f32[4, 3, 3, 3]", {"groups": 2}, "E0216", 0, "2 groups do not"),
    ("conv1d", "f32[N, 3, 8] f32[4, 3, 3]", {"stride": 0}, "E0216", None, "is at least 1, not 0"),
    ("conv1d", "f32[N, 3, 8] f32[4, 3, 3]", {"padding": -1}, "E0216", None, "at least 0, not -1"),
    ("conv1d", "f32[N, 3, 8] f32[4, 3, 3]", {"dilation": (1, 2)}, "E0216", None, "one number or 1"),
    ("conv_transpose1d", "f32[N, 3, 8] f32[4, 3, 3]", {}, "E0201", 1, "from 3 channels"),
    ("max_pool2d", "f32[N, 3, 8, 8]", {"size": 9}, "E0216", 0, "a window of 9 does not fit"),
    ("max_pool2d", "f32[N, 3, 8, 8]", {"size": 2, "padding": 2}, "E0216", None, "half a window"),
    ("patches1d", "f32[N, 3]", {"size": 2}, "E0202", 0, "needs 3 axes"),
    ("layer_norm", "f32[N, 4] f32[3] f32[4]", {}, "E0201", 1, "needs f32[4] here"),
    ("rms_norm", "f32[N, 4] f32[1]", {}, "E0201", 1, "needs f32[4] here"),
    ("batch_norm", "f32[N, 4] f32[4] f32[4] f32[N] f32[4]", {}, "E0201", 3, "needs f32[4] here"),
    ("group_norm", "f32[N, 4] f32[4] f32[4]", {"groups": 3}, "E0216", 0, "3 groups do not divide"),
    ("var", "f32[2]", {"axis": 1}, "E0205", 0, "axis 1 is out of range"),
    ("tril", "f32[2]", {}, "E0202", 0, "needs 2 axes or more"),
    ("pad", "f32[2]", {"before": -1}, "E0206", None, "'before' is -1"),
    ("pad", "f32[2]", {"axis": 1}, "E0205", 0, "axis 1 is out of range"),
    ("dropout_mask", "f32[2]", {"rate": 1}, "E0216", None, "from 0 to less than 1"),
    ("dropout_mask", "i64[2]", {"rate": 0.5}, "E0203", 0, "needs floats"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[0]}-{case[1]}-{case[2]}")
def test_refused(case: tuple[str, str, dict[str, Any], str, int | None, str]) -> None:
    name, operands, attrs, code, culprit, text = case
    builder = Builder()
    types = re.findall(r"\w+(?:\[.*?\])?", operands)
    with pytest.raises(Fault) as caught:
        builder.apply(OPS[name], [tensor(builder, t) for t in types], attrs)
    assert text in caught.value.message
    assert caught.value.code == code
    assert caught.value.operand == culprit


def test_advice_for_products() -> None:
    def advice(a: str, b: str) -> str | None:
        builder = Builder()
        with pytest.raises(Fault) as caught:
            builder.apply(OPS["matmul"], [tensor(builder, a), tensor(builder, b)])
        return caught.value.help

    assert advice("f32[N, 64]", "f32[32, 128]") == "'{a} @ {b}' needs {b} to be [64, …]"
    assert advice("f32[N, 64]", "f32[128, 64]") == "'{a} @ {b}.T' would fit"
    assert advice("f32[N, 64]", "f32[N, 32]") == "'{a}.T @ {b}' would fit"
    assert advice("f32[N, 64]", "f32[32]") == "'{a} @ {b}' needs {b} to be [64]"
