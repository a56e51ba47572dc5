"""Shuffling by blocks: every row once, in an order of (seed, epoch) alone, far from the file's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import chain
from threading import Event, Timer

import numpy as np
import pytest

from graphdsl.graph.kernel import Array
from graphdsl.graph.types import DType, TensorType
from graphdsl.training import windows
from graphdsl.training.batches import Batches
from graphdsl.training.dataset import Part
from graphdsl.training.deferred import BLOCK, MAX_BLOCK_ROWS, Deferred, block_rows
from graphdsl.training.prefetch import NAME
from graphdsl.training.windows import Window

ROWS = 1003


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Part:
    """Rows that are read ten at a time, forty to a window; the last block is short."""
    monkeypatch.setattr("graphdsl.training.deferred.BLOCK", 80)
    monkeypatch.setattr(windows, "WINDOW_BLOCKS", 4)
    return numbered(ROWS)


def numbered(count: int) -> Part:
    """Rows that hold their own numbers, read and held."""
    type, rows = TensorType(DType.f32, ()), np.arange(count)
    column = Deferred("x", type, (), rows, lambda at: at.astype(np.float32), str)
    return Part({"x": column, "y": rows.astype(np.float32)}, count)


def epoch(batches: Batches, number: int) -> list[list[int]]:
    found = []
    for feeds, count in batches.epoch(number):
        assert len(feeds["x"]) == count
        np.testing.assert_array_equal(feeds["x"], feeds["y"])
        found.append(feeds["x"].astype(int).tolist())
    return found


@pytest.mark.parametrize("size", [1, 32, 64, 1003, "all"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_every_row_once(part: Part, size: object, shuffle: bool) -> None:
    batches = Batches(part, size, shuffle=shuffle)  # type: ignore[arg-type]
    got = epoch(batches, 0)
    assert sorted(chain(*got)) == list(range(ROWS))
    assert len(got) == len(batches)
    assert {len(rows) for rows in got[:-1]} <= {batches.size}
    if not shuffle or batches.size == ROWS:
        assert list(chain(*got)) == list(range(ROWS))


def test_the_order_depends_on_seed_and_epoch(part: Part) -> None:
    batches = Batches(part, 32, seed=3)
    first = epoch(batches, 0)
    assert first != epoch(batches, 1)
    assert first == epoch(batches, 0) == epoch(Batches(part, 32, seed=3), 0)
    assert first != epoch(Batches(part, 32, seed=4), 0)
    # the rows and their order do not depend on the batch
    assert list(chain(*first)) == list(chain(*epoch(Batches(part, 5, seed=3), 0)))


def test_the_order_is_the_same_for_ever(part: Part) -> None:
    order = list(chain(*epoch(Batches(part, 32, seed=1), 2)))
    assert order[:12] == [391, 495, 867, 660, 395, 499, 869, 396, 390, 868, 661, 665]


@pytest.mark.usefixtures("part")
def test_a_window_mixes_distant_blocks() -> None:
    order = np.array(list(chain(*epoch(Batches(numbered(1000), 32), 0))))
    for start in range(0, 1000, 40):
        assert len(np.unique(order[start : start + 40] // 10)) == 4
    steps = np.abs(np.diff(order))
    assert (steps == 1).mean() < 0.1
    assert np.median(steps) > 50


def test_buffers_are_used_again(part: Part) -> None:
    places = {feeds["x"].ctypes.data for feeds, _ in Batches(part, 32).epoch(0)}
    assert len(places) == 1


def test_sizes_of_blocks() -> None:
    assert block_rows(4) == MAX_BLOCK_ROWS
    assert block_rows(3136) == BLOCK // 3136
    assert block_rows(2**30) == 1


def test_each_window_has_an_order_of_its_own(part: Part) -> None:
    first, second, *_ = (window.order.tolist() for window in epoch_windows(part))
    assert sorted(first) == sorted(second)
    assert first != second


def epoch_windows(part: Part) -> Iterator[windows.Window]:
    return windows.Windows(part.arrays, part.rows, shuffle=True, seed=0).epoch(0)


def test_an_epoch_begun_again_waits_for_what_is_read_ahead(part: Part) -> None:
    """As a replay of a run does, whose epoch was broken off and is held by its error still."""
    batches, gate, begun = Batches(part, 40, shuffle=False), Event(), Event()
    held = batches._windows
    assert held is not None
    read = held._read

    def slow(blocks: Array, number: int, turn: int) -> Window:
        if turn == 2:
            begun.set()
            gate.wait(60)
        return read(blocks, number, turn)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(held, "_read", slow)
        broken = held.epoch(0)
        next(broken), next(broken)
        assert begun.wait(60)  # it is about to write where the first window was
    Timer(0.2, gate.set).start()
    again = held.epoch(0)
    first = next(again)
    assert gate.wait(60)
    reader = next((t for t in threading.enumerate() if t.name == NAME), None)
    if reader is not None:
        reader.join()
    assert first.arrays["x"].tolist() == list(range(40))
