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


@pytest.mark.parametrize(
    ("bad", "code", "said"),
    [
        (1, "E0618", 'give {"x": …, "y": …} for each step'),
        ({"x": np.ones((4, 2))}, "E0602", "feed y: i64[N]"),
        ({**BATCH, "y": [0, 1, 2.5, 1]}, "E0606", "2.5 at [2]"),
        ({**BATCH, "y": [0, 1, 9, 1]}, "E0607", "index 9"),
        ({**BATCH, "x": [["a", "b"]] * 4}, "E0606", "number them first"),
        ({"x": np.ones((0, 2)), "y": []}, "E0817", "'x' has the shape [0, 2]"),
    ],
)
@pytest.mark.parametrize("once", [False, True])
def test_what_is_wrong_with_a_batch_is_told_with_its_number(
    simple: graphdsl.Model, bad: object, code: str, said: str, once: bool
) -> None:
    batches = [BATCH, BATCH, bad, BATCH]
    with pytest.raises(DataError) as caught:
        simple.fit(iter(batches) if once else batches, epochs=1)
    text = str(caught.value)
    assert code in text
    assert said in text
    assert "met in batch 3 of epoch 1" in text


def test_an_iterable_without_batches(simple: graphdsl.Model) -> None:
    with pytest.raises(DataError, match="gave none in epoch 1"):
        simple.fit([], epochs=1)
