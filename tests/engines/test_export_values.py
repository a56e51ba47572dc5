"""Arrays as expressions of an exported file: evaluated they have the same bits."""

from __future__ import annotations

import numpy as np
import pytest

from graphdsl.engines.export_values import INLINE, Values
from graphdsl.graph.kernel import Array

TOP = 2**63 - 1
AROUND = np.array([6 * 10**18, -6 * 10**18, 2**64 - 18 * 10**18])
"""Its neighbours differ by 2^64 - 12 10^18 each, where differences wrap."""


@pytest.mark.parametrize(
    ("array", "written"),
    [
        (np.arange(5, 3000, 7), "np.arange("),
        (np.arange(TOP - 2, TOP) + 1, "np.array("),
        (np.array([TOP - 2, TOP - 1, TOP]), "np.arange("),
        (np.array([-TOP, 0, TOP]), "np.arange("),
        (np.arange(9, 0, -1), "np.array("),
        (AROUND, "np.array("),
        (np.full((3, 2), -0.0, "f4"), "np.full("),
        (np.array([0.0, -0.0]), "np.array("),
        (np.array(2.5, "f4"), "np.array("),
        (np.zeros((0, 3)), "np.full("),
        (np.array([True, False, True]), "np.array("),
        (np.linspace(0, 1, INLINE + 1), "ARRAYS["),
    ],
)
def test_an_expression_has_the_bits_of_its_array(array: Array, written: str) -> None:
    values = Values()
    text = values.array(array)
    assert text.startswith(written)
    found = eval(text, {"np": np, "ARRAYS": values.beside})
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert found.tobytes() == array.tobytes()


def test_what_stands_beside_the_file_stands_there_once() -> None:
    values = Values()
    one = np.linspace(0, 1, INLINE + 1)
    assert values.array(one) == values.array(one.copy()) != values.array(one + 1)
    assert len(values.beside) == 2
