"""Batches: every row once an epoch, in an order of (seed, epoch) alone."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest

from graphdsl.training.batches import Batches, chunks
from graphdsl.training.dataset import Part

PART = Part(
    {"x": np.arange(22, dtype=np.float32).reshape(11, 2), "y": np.arange(11)}, 11, {"s": np.ones(3)}
)


def epoch(batches: Batches, number: int) -> list[list[int]]:
    found = []
    for feeds, count in batches.epoch(number):
        assert len(feeds["x"]) == len(feeds["y"]) == count
        assert feeds["s"] is PART.whole["s"]
        assert feeds["x"].flags.c_contiguous
        np.testing.assert_array_equal(feeds["x"][:, 0], 2 * feeds["y"])
        found.append(feeds["y"].tolist())
    return found


@pytest.mark.parametrize("size", [1, 4, 11, 50, "all"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_every_row_once(size: object, shuffle: bool) -> None:
    batches = Batches(PART, size, shuffle=shuffle)  # type: ignore[arg-type]
    got = epoch(batches, 0)
    assert sorted(chain(*got)) == list(range(11))
    assert len(got) == len(batches)
    if not shuffle or size in (11, 50, "all"):
        assert list(chain(*got)) == list(range(11))
    if size == 4:
        assert [len(rows) for rows in got] == [4, 4, 3]


def test_the_order_depends_on_seed_and_epoch() -> None:
    batches = Batches(PART, 4, seed=3)
    first = epoch(batches, 0)
    assert first != epoch(batches, 1)
    assert first == epoch(batches, 0) == epoch(Batches(PART, 4, seed=3), 0)
    assert first != epoch(Batches(PART, 4, seed=4), 0)


def test_the_order_is_the_same_for_ever() -> None:
    assert list(chain(*epoch(Batches(PART, 4, seed=1), 2))) == [5, 7, 1, 9, 0, 6, 4, 2, 8, 10, 3]


@pytest.mark.parametrize(("gathered", "count"), [(0, 1), (130, 2), (2**19, 3)])
def test_buffers_are_used_again(monkeypatch: pytest.MonkeyPatch, gathered: int, count: int) -> None:
    # 4 rows of x and y are 64 bytes: so many batches are gathered at once
    monkeypatch.setattr("graphdsl.training.batches.GATHERED", gathered)
    batches = Batches(PART, 4)
    places = {feeds["x"].ctypes.data for feeds, _ in [*batches.epoch(0), *batches.epoch(1)]}
    assert len(places) == count
    assert sorted(chain(*epoch(batches, 2))) == list(range(11))


def test_a_model_without_rows_takes_one_step() -> None:
    batches = Batches(Part({}, 1), 32)
    assert list(batches.epoch(0)) == [({}, 1)]
    assert len(batches) == 1


def test_chunks_are_views() -> None:
    parts = list(chunks(PART, 8))
    assert [count for _, count in parts] == [8, 3]
    assert parts[1][0]["x"].base is PART.arrays["x"].base
