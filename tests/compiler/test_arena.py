"""Places in one block of memory: what lives at once lies apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdsl.compiler.schedule.arena import (
    STRATEGIES,
    Placed,
    Span,
    live_bytes,
    place,
    place_forward,
)
from graphdsl.graph.layout import ALIGNMENT

spans = st.builds(
    lambda start, length, nbytes: Span(start, start + length, nbytes),
    st.integers(0, 30),
    st.integers(0, 12),
    st.integers(0, 1000),
)


def rounded(nbytes: int) -> int:
    return max(ALIGNMENT, (nbytes + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT)


@pytest.mark.parametrize("strategy", [place_forward, *STRATEGIES, place])
@given(buffers=st.lists(spans, max_size=40))
def test_what_lives_at_once_lies_apart(
    strategy: Callable[[Sequence[Span]], Placed], buffers: list[Span]
) -> None:
    offsets, total = strategy(buffers)
    for i, (a, at) in enumerate(zip(buffers, offsets, strict=True)):
        assert at % ALIGNMENT == 0
        assert 0 <= at <= at + a.nbytes <= total
        for b, other in zip(buffers[:i], offsets[:i], strict=True):
            if a.start <= b.end and b.start <= a.end:
                assert at + a.nbytes <= other or other + b.nbytes <= at


@given(st.lists(spans, max_size=40))
def test_never_more_than_one_place_each(buffers: list[Span]) -> None:
    offsets, total = place(buffers)
    assert total <= sum(rounded(b.nbytes) for b in buffers)
    steps = range(50)
    alive = [sum(rounded(b.nbytes) for b in buffers if b.start <= s <= b.end) for s in steps]
    assert total >= max(alive, default=0)
    assert max((room for _, room in live_bytes(buffers)), default=0) == max(alive, default=0)
    assert place(buffers) == (offsets, total)


def test_a_chain_needs_two_places() -> None:
    chain = [Span(i, i + 1, 640) for i in range(1000)]
    assert place(chain)[1] == 2 * 640


def test_neighbours_are_merged() -> None:
    first = [Span(0, 0, 64) for _ in range(4)]
    assert place([*first, Span(1, 1, 256)])[1] == 256


def test_the_best_of_the_strategies_is_taken() -> None:
    # the small one begins first and would split the room that the large ones share
    buffers = [Span(0, 1, 64), Span(0, 5, 128), Span(2, 3, 192), Span(4, 5, 256)]
    assert place_forward(buffers)[1] > max(room for _, room in live_bytes(buffers))
    assert place(buffers)[1] == max(room for _, room in live_bytes(buffers))
