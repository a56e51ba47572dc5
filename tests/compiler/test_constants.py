"""Constants: lists are computed with item by item, as the tensors they stand for."""

from __future__ import annotations

import numpy as np
import pytest

import graphdsl
from graphdsl.compiler.lower.constants import combine
from graphdsl.graph.op import OPS

LISTS = [[1, 2], [3, 4.5]], [[1, 2]], [1, 2], [[1], [2]], [3], 2, [[[1, 2]], [[3, 4]]]


def as_tuple(value: object) -> object:
    """Lists as the compiler holds them."""
    return tuple(map(as_tuple, value)) if isinstance(value, list) else value


@pytest.mark.parametrize("sign", ["+", "-", "*", "/", "^", "<", "=="])
@pytest.mark.parametrize("a", LISTS, ids=str)
@pytest.mark.parametrize("b", LISTS, ids=str)
def test_lists_meet_as_in_numpy(sign: str, a: object, b: object) -> None:
    wanted = {
        "+": np.add,
        "-": np.subtract,
        "*": np.multiply,
        "/": np.true_divide,
        "^": np.power,
        "<": np.less,
        "==": np.equal,
    }[sign](a, b)
    found = combine(sign, as_tuple(a), as_tuple(b), OPS.by_sign[sign])
    np.testing.assert_array_equal(np.array(found), wanted)


@pytest.mark.parametrize(("a", "b"), [([1, 2], [1, 2, 3]), ([], [1]), ([[1, 2, 3]], [1, 2])])
def test_lists_that_do_not_fit_have_no_value(a: object, b: object) -> None:
    assert combine("+", as_tuple(a), as_tuple(b), OPS.by_sign["+"]) is None


def test_whole_numbers_stay_whole() -> None:
    found = combine("*", (1, 2), 2, OPS.by_sign["*"])
    assert found == (2, 4)
    assert all(type(item) is int for item in found)


def test_a_constant_is_computed_from_lists() -> None:
    model = graphdsl.loads(
        "const k = 2 * [1, 2] + exp([0, 0])\ninput x: f64[2]\noutput y = k * x\n"
        "output z = x[[0, 0] + 1]\n"
    )
    found = model.run(x=[1, 10])
    assert found["y"].tolist() == [3, 50]
    assert found["z"].tolist() == [10, 10]
    assert found["y"].dtype == np.float64
