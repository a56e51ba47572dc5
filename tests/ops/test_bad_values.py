"""Faults that only data shows are errors with the node's name and its line, when it is fed; those
that the text shows are errors before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphdsl

FED: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("x: [2, 2]", "inv(x)", {"x": np.ones((2, 2))}, "E0619", "y at <text>:2:12"),
    ("x: [2, 2]", "solve(x, ones([2]))", {"x": np.zeros((2, 2))}, "E0619", "singular"),
    ("x: [2, 2]", "cholesky(x)", {"x": -np.eye(2)}, "E0619", "not positive definite"),
    ("x: [2, 2]", "triangular_solve(x, x)", {"x": np.zeros((2, 2))}, "E0619", "0 on its diagonal"),
    ("i: i64[2]", "arange(3)[i]", {"i": [0, 3]}, "E0607", "index 3 is out of range"),
    ("i: i64[2]", "one_hot(i, 3)", {"i": [0, -1]}, "E0607", "expected 0 to 2"),
    ("i: i64[2]", "take_along(ones([2, 3]), i)", {"i": [0, 7]}, "E0607", "<text>:2:12"),
    ("i: i64[2]", "cross_entropy(ones([2, 3]), i)", {"i": [0, 3]}, "E0607", "<text>:2:12"),
    ("i: i64[2]", "scatter_add(ones([2]), i, size = 3)", {"i": [0, 3]}, "E0607", "y at"),
    ("i: i64[2]", "take_along_axis(ones([2]), i)", {"i": [0, 2]}, "E0607", "y at"),
    ("x: [N]", "x[4]", {"x": np.ones(3)}, "E0207", "index 4 is out of range"),
    ("x: [N]", "topk(x, 4)", {"x": np.ones(3)}, "E0216", "0 to 3, and found 4"),
    ("x: [N]", "argmax(x)", {"x": np.ones(0)}, "E0211", "of no elements"),
    ("x: [N]", "pad(x, before = N - 4)", {"x": np.ones(3)}, "E0815", "no size is negative"),
    ("x: [1, 1, N]", "patches1d(x, 5)", {"x": np.ones((1, 1, 3))}, "E0815", "-1"),
]
SEEN: list[tuple[str, str, str]] = [
    ("x: [3]", "grad(x, x)", "E0701"),
    ("x: i64[3]", "grad(sum(x), x)", "E0702"),
    ("x: [3]", "grad(sum(x), x[0])", "E0703"),
    ("x: [3]", "sum(x, axis = 1)", "E0205"),
    ("x: [3]", "softmax(x, axis = -2)", "E0205"),
    ("x: [3]", "pad(x, after = -1)", "E0206"),
    ("x: [1, 1, 3]", "avg_pool1d(x, 2, padding = -1)", "E0216"),
    ("x: [1, 1, 3]", "patches1d(x, 5)", "E0216"),
    ("x: [3]", "x[-4]", "E0207"),
    ("x: [3]", "x[[0, 3]]", "E0207"),
    ("x: [3, 4]", 'einsum("ij,ji->i", x, x)', "E0210"),
    ("x: [3, 4]", 'einsum("ijk->i", x)', "E0210"),
]


def _text(input: str, expr: str) -> str:
    dim = "" if "N" not in input else "dim N\n"
    return f"input {input}\noutput y = {expr}\n{dim}"


@pytest.mark.parametrize(
    ("input", "expr", "feeds", "code", "said"), FED, ids=[each[1] for each in FED]
)
def test_what_data_shows(
    input: str, expr: str, feeds: dict[str, Any], code: str, said: str
) -> None:
    model = graphdsl.loads(_text(input, expr), dtype="f64")
    with pytest.raises(graphdsl.GraphdslError) as caught:
        model.run({name: np.asarray(value) for name, value in feeds.items()})
    assert [d.code for d in caught.value.diagnostics] == [code]
    assert said in str(caught.value)
    assert "<text>:" in str(caught.value)


@pytest.mark.parametrize(("input", "expr", "code"), SEEN, ids=[each[1] for each in SEEN])
def test_what_the_text_shows(input: str, expr: str, code: str) -> None:
    with pytest.raises(graphdsl.ModelError) as caught:
        graphdsl.loads(_text(input, expr))
    assert [d.code for d in caught.value.diagnostics] == [code]


def test_a_gradient_with_respect_to_what_has_no_part_is_0_with_a_warning() -> None:
    text = "input x: [2]\ninput w: [3]\nJ = sum(x)\noutput g = grad(J, w)\n"
    model = graphdsl.loads(text)
    assert "W0111" in [d.code for d in model.compilation.warnings]
    assert model.run(x=np.ones(2), w=np.ones(3))["g"].tolist() == [0, 0, 0]


def test_a_fault_before_a_loop_is_said_once() -> None:
    """What a loop collects of it is not at fault for itself."""
    text = (
        "input x: [3]\nh = sum(x, axis = 1)\no = h\nrepeat i in 1..2 {\n  u = sin(o)\n"
        "  o = o + u\n  collect C = u\n}\noutput y = C\n"
    )
    with pytest.raises(graphdsl.ModelError) as caught:
        graphdsl.loads(text)
    assert [d.code for d in caught.value.diagnostics] == ["E0205"]
