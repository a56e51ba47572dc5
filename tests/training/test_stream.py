"""Batches from a program's own iterables."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import graphdsl
from graphdsl import DataError, UsageError
from graphdsl.training.stream import stream_of

BATCH = {"x": np.ones((4, 2)), "y": np.array([0, 1, 2, 1])}


class Loader:
    """Begins anew each time, and does not say how long it is."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        return (BATCH for _ in range(self.count))


def test_an_iterable_is_gone_through_each_epoch(simple: graphdsl.Model) -> None:
    assert simple.fit(Loader(3), epochs=2).column("step") == [3, 6]
    trainer = simple.trainer()
    assert trainer.total_steps == float("inf")


def test_a_list_tells_its_length() -> None:
    assert len(stream_of([BATCH, BATCH])) == 2  # type: ignore[arg-type]
    assert not hasattr(stream_of(Loader(2)), "__len__")


def test_an_iterator_serves_one_epoch(simple: graphdsl.Model) -> None:
    before = simple.params["W"].copy()
    with pytest.raises(UsageError) as caught:
        simple.fit(iter([BATCH] * 3), epochs=2)
    assert "E0624" in str(caught.value)
    assert "pass epochs=1" in str(caught.value)
    np.testing.assert_array_equal(simple.params["W"], before)
    assert simple.fit(iter([BATCH] * 3), epochs=1).column("step") == [3]


def test_an_iterator_is_not_begun_twice() -> None:
    stream = stream_of(iter([BATCH]))
    assert len(list(stream)) == 1
    with pytest.raises(UsageError, match="E0624"):
        list(stream)


def test_an_iterable_without_batches(simple: graphdsl.Model) -> None:
    with pytest.raises(DataError, match="gave none in epoch 1"):
        simple.fit([], epochs=1)
