"""The collector is paused while compiling, and afterwards as it was before, faults included; freed
tuples that Python keeps are let go between the phases."""

import gc
import sys
import weakref

import pytest

import graphdsl
from graphdsl.language.collector import paused_collector, release_spares


def test_it_is_paused_and_goes_on() -> None:
    with paused_collector():
        assert not gc.isenabled()
        with paused_collector():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_a_fault() -> None:
    with pytest.raises(graphdsl.ModelError):
        graphdsl.loads("output y = x")
    assert gc.isenabled()


class _Knot:
    """Refers to itself."""

    def __init__(self) -> None:
        self.own = self


def _leave_spares() -> int:
    """The objects there are when 1000 tuples have just been freed."""
    made = [tuple(range(number, number + 17)) for number in range(1000)]
    assert len(made[-1]) == 17
    del made
    return sys.getallocatedblocks()


def test_freed_tuples_are_let_go() -> None:
    with paused_collector():
        before = _leave_spares()
        release_spares()
        assert before - sys.getallocatedblocks() >= 1000


def test_letting_go_of_tuples_looks_at_nothing_else() -> None:
    knot = weakref.ref(_Knot())
    with paused_collector():
        release_spares()
        assert knot() is not None
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert knot() is None


def test_what_was_set_aside_for_good_stays_aside() -> None:
    gc.freeze()
    try:
        aside = gc.get_freeze_count()
        release_spares()
        assert gc.get_freeze_count() == aside > 0
    finally:
        gc.unfreeze()
