"""Early stopping: which epoch is best, and when patience runs out."""

from __future__ import annotations

import math

import pytest

from graphdsl.training.stopping import Stopping, early


def run(stop: Stopping, values: list[float]) -> tuple[int | None, int]:
    """The best epoch, and the last one before it stops."""
    best = None
    for epoch, value in enumerate(values, 1):
        if stop.update(value):
            best = epoch
        if stop.finished:
            break
    return best, epoch


@pytest.mark.parametrize(
    ("maximise", "patience", "min_delta", "values", "expected"),
    [
        (False, 2, 0, [3, 2, 2.5, 2.1, 1], (2, 4)),
        (True, 2, 0, [0.1, 0.5, 0.5, 0.4, 0.9], (2, 4)),
        (False, 9, 0, [3, 2, 1], (3, 3)),
        (False, 2, 0.5, [3, 2.9, 2.8, 0.1], (3, 3)),
        (False, 0, 0, [3, 2, 2, 1], (2, 3)),
        (False, 2, 0, [math.nan, 3, math.nan, math.nan], (2, 4)),
        (False, 1, 0, [math.nan], (None, 1)),
        (True, 1, 0, [-math.inf, 1, 1], (2, 3)),
    ],
)
def test_best_and_last_epoch(
    maximise: bool, patience: int, min_delta: float, values: list[float], expected: tuple[int, int]
) -> None:
    stop = Stopping.of(early("m", patience, min_delta, maximise=maximise))
    assert run(stop, values) == expected


def test_without_patience_it_never_stops() -> None:
    assert run(Stopping(maximise=False), [1.0] * 50) == (1, 50)
