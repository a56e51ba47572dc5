"""Columns of several tables as one run of rows: values, places, and what does not fit together."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Sequence

import numpy as np
import pytest

from graphdsl import DataError
from graphdsl.training.columns import Column, Table
from graphdsl.training.stacked import Stacked, rows_of


def stacked(*arrays: np.ndarray, lines: Sequence[int] | None = None) -> Stacked:
    """The column `a` of as many tables, and their rows counted."""
    tables = [
        Table(f"t{i}", {"a": Column(array.shape, "number", lambda array=array: array)}, lines)
        for i, array in enumerate(arrays)
    ]
    made = Stacked(tables)
    made.counts = [len(array) for array in arrays]
    return made


@pytest.mark.parametrize("rows", [[0, 1, 2, 3, 4], [4, 0], [2, 3], [1, 1, 4], []])
def test_rows_over_several_tables(rows: list[int]) -> None:
    one, two = np.arange(6).reshape(3, 2), np.arange(6, 10, dtype=np.float32).reshape(2, 2)
    whole = np.concatenate([one, two])
    found = stacked(one, two)
    assert found.count == 5
    np.testing.assert_array_equal(found.column("a"), whole)
    np.testing.assert_array_equal(found.column("a", np.array(rows, int)), whole[rows])


def test_places_count_through_the_tables_and_hold_none_of_their_columns() -> None:
    array = np.arange(3)
    made = stacked(array, np.arange(2), lines=[2, 3, 5])
    place, kept = made.place, weakref.ref(array)
    assert place(2) == "row 2 (line 5) of 't0'"
    assert place(3) == "row 0 (line 2) of 't1'"
    made.column("a")
    del made, array
    gc.collect()
    assert kept() is None
    assert place(0) == "row 0 (line 2) of 't0'"


def test_a_column_is_loaded_once_until_it_is_let_go() -> None:
    loads = []
    column = Column((2,), "number", lambda: loads.append(1) or np.arange(2))
    made = Stacked([Table("t", {"a": column})])
    made.column("a")
    made.column("a", np.array([1]))
    assert len(loads) == 1
    made.forget()
    made.column("a")
    assert len(loads) == 2


def test_rows_of_several_shapes() -> None:
    with pytest.raises(DataError, match=r"E0615.*\[2, 2\] in 't0', \[2, 3\] in 't1'"):
        stacked(np.ones((2, 2)), np.ones((2, 3))).column("a")


@pytest.mark.parametrize("rows", [[1, 2, 3], [3, 1], [5]])
def test_rows_are_the_callers_own(rows: list[int]) -> None:
    array = np.arange(8)
    found = rows_of(array, np.array(rows))
    assert found.tolist() == rows
    assert not np.shares_memory(found, array)
