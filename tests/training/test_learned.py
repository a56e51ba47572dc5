"""What is learned from the training part: exact in pieces, kept as JSON, strict with strangers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from graphdsl import DataError
from graphdsl.training import learned
from graphdsl.training.learned import (
    Learned,
    codes_of,
    scale_in_pieces,
    scale_of,
    values_in_pieces,
)

ROWS = np.arange(3, 997, 2)


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned, "CHUNK", 100)


@pytest.mark.usefixtures("pieces")
@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_a_scale_in_pieces_is_that_of_the_whole(offset: float) -> None:
    values = np.random.default_rng(0).normal(offset, 1, (1000, 4))
    values[:, 2] = 7
    asked: list[int] = []

    def read(rows: np.ndarray) -> np.ndarray:
        asked.append(len(rows))
        return values[rows]

    found, whole = scale_in_pieces(read, ROWS), scale_of(values[ROWS])
    np.testing.assert_allclose(found.mean, whole.mean, rtol=1e-14)
    np.testing.assert_allclose(found.divisor, whole.divisor, rtol=1e-9)
    assert found.divisor[2] == 1
    assert max(asked) == 25


@pytest.mark.usefixtures("pieces")
def test_values_in_pieces_are_in_order() -> None:
    values = np.random.default_rng(0).integers(0, 50, 1000)
    assert values_in_pieces(lambda rows: values[rows], ROWS) == tuple(np.unique(values[ROWS]))


def test_what_is_kept_comes_back_to_the_bit() -> None:
    values = np.random.default_rng(0).normal(size=(50, 3))
    kept = Learned({"a": scale_of(values)}, {"kind": ("cat", "dog"), "n": (1, 5)}, {"a": (3,)})
    again = Learned.from_plain(json.loads(json.dumps(kept.to_plain())))
    np.testing.assert_array_equal(kept.scales["a"].apply(values), again.scales["a"].apply(values))
    assert again.categories == kept.categories
    assert again.columns == kept.columns


@pytest.mark.parametrize("plain", [{}, {"scales": 3}, {"scales": {"a": {"mean": 1}}}])
def test_what_was_not_kept_is_refused(plain: dict[str, object]) -> None:
    with pytest.raises(DataError, match="E0610"):
        Learned.from_plain({"categories": {}, "columns": {}, **plain} if plain else plain)


def test_codes_and_strangers() -> None:
    def place(row: int) -> str:
        return f"row {row}"

    assert codes_of(np.array(["b", "a", "b"]), ("a", "b"), "c", place).tolist() == [1, 0, 1]
    assert codes_of(np.array([7, 3]), (3, 7), "c", place).tolist() == [1, 0]
    for values, said in (
        (np.array(["a", "z"]), "'z' in row 1"),
        (np.array(["a", "abc"]), "'abc' in row 1"),
        (np.array([1]), "'1' in row 0"),
    ):
        with pytest.raises(DataError, match="E0622") as caught:
            codes_of(values, ("a", "b"), "c", place)
        assert said in str(caught.value)


@pytest.mark.parametrize("value", [0.1, -1e10, 0.0])
def test_what_is_constant_but_for_rounding_is_divided_by_one(value: float) -> None:
    """A mean of 0.1 is not 0.1 to the last bit, and of many rows far from it: what is left is no
    deviation, and a new row that is otherwise would be standardized to something enormous."""
    values = np.full((997, 2), [value, 1.0])
    values[::2, 1] = 1 + 1e-6  # small, and more than rounding
    for scale in (scale_of(values), scale_in_pieces(lambda at: values[at], np.arange(997))):
        assert (scale.mean[0], scale.divisor[0]) == (value, 1)
        assert scale.divisor[1] == pytest.approx(5e-7, rel=1e-3)
