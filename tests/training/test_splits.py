"""Splits: sizes, classes, and a draw that never changes."""

from __future__ import annotations

import numpy as np
import pytest

from graphdsl import DataError
from graphdsl.training.splits import NAMES, split


def test_the_draw_is_the_same_for_ever() -> None:
    # these rows are kept: a change of them moves everyone's test part
    parts = split(10, (0.6, 0.2, 0.2), 0)
    assert {name: rows.tolist() for name, rows in parts.items()} == {
        "train": [2, 4, 5, 6, 7, 8],
        "valid": [0, 9],
        "test": [1, 3],
    }


@pytest.mark.parametrize("rows", [3, 10, 1797])
def test_parts_hold_every_row_once(rows: int) -> None:
    parts = split(rows, (0.5, 0.3, 0.2), 7)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(rows))
    assert all((np.diff(part) > 0).all() for part in parts.values())
    for fraction, part in zip((0.5, 0.3, 0.2), parts.values(), strict=True):
        assert abs(len(part) - fraction * rows) < 1


def test_seeds_differ() -> None:
    assert split(50, (0.5, 0.5), 0)["train"].tolist() != split(50, (0.5, 0.5), 1)["train"].tolist()


def test_classes_are_spread_evenly() -> None:
    classes = np.repeat(["a", "b", "c"], [50, 30, 3])
    parts = split(83, (0.6, 0.2, 0.2), 0, classes)
    for name, counts in zip(NAMES, [[30, 18, 1], [10, 6, 1], [10, 6, 1]], strict=True):
        assert [int((classes[parts[name]] == c).sum()) for c in "abc"] == counts


def test_a_small_class_and_an_empty_part_are_errors() -> None:
    with pytest.raises(DataError, match="class rare has 2 rows, fewer than the 3 parts"):
        split(12, (0.6, 0.2, 0.2), 0, np.array(["common"] * 10 + ["rare"] * 2))
    with pytest.raises(DataError, match="the valid part is empty"):
        split(4, (0.95, 0.05), 0)
