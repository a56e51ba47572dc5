"""The collector is paused while compiling, and afterwards as it was before, faults included; freed
tuples that Python keeps are let go between the phases."""

import gc
import sys
import weakref

import pytest

import graphdsl
from graphdsl.language.collector import MANY, paused_collector, release_spares

TEXT = """
param w: [3] = 1
loss J = sum(w ^ 2)
train {
  optimizer = sgd(lr = 0.1)
}
"""


@pytest.fixture
def _many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever has been made is many."""
    monkeypatch.setattr("graphdsl.language.collector.MANY", 0)


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


@pytest.mark.usefixtures("_many")
def test_freed_tuples_are_let_go() -> None:
    with paused_collector():
        before = _leave_spares()
        release_spares()
        assert before - sys.getallocatedblocks() >= 1000


@pytest.mark.usefixtures("_many")
def test_letting_go_of_tuples_looks_at_nothing_else() -> None:
    knot = weakref.ref(_Knot())
    with paused_collector():
        release_spares()
        assert knot() is not None
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert knot() is None


@pytest.mark.usefixtures("_many")
def test_what_was_set_aside_for_good_stays_aside() -> None:
    gc.freeze()
    try:
        aside = gc.get_freeze_count()
        release_spares()
        assert gc.get_freeze_count() == aside > 0
    finally:
        gc.unfreeze()


@pytest.mark.usefixtures("_many")
def test_garbage_of_the_program_around_is_found_in_the_end() -> None:
    knots = []
    for _ in range(60):
        knots.append(weakref.ref(_Knot()))
        with paused_collector():
            for _ in range(30):
                release_spares()
        assert len([[] for _ in range(2000)]) == 2000  # enough for Python to look
    assert sum(knot() is not None for knot in knots) < 30


def test_models_made_in_a_loop_are_let_go() -> None:
    sessions = []
    for _ in range(60):
        model = graphdsl.loads(TEXT)
        model.trainer().step()
        sessions.append(weakref.ref(model.session))
    assert sum(session() is not None for session in sessions) < 30


def test_few_objects_are_not_looked_through() -> None:
    with paused_collector():
        before = gc.get_stats()[2]["collections"]
        release_spares()
        assert gc.get_stats()[2]["collections"] == before
        made = [[] for _ in range(MANY)]
        release_spares()
        assert gc.get_stats()[2]["collections"] > before
    assert len(made) == MANY


@pytest.mark.usefixtures("_many")
@pytest.mark.parametrize("called", ["freeze", "collect"])
def test_a_ctrl_c_on_the_way_leaves_nothing_aside(
    monkeypatch: pytest.MonkeyPatch, called: str
) -> None:
    act = getattr(gc, called)

    def interrupted(*given: int) -> None:
        act(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(gc, called, interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            release_spares()
        assert gc.get_freeze_count() == 0
    finally:
        gc.unfreeze()


def test_a_ctrl_c_on_the_way_leaves_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    disable = gc.disable

    def interrupted() -> None:
        disable()
        raise KeyboardInterrupt

    monkeypatch.setattr(gc, "disable", interrupted)
    try:
        with pytest.raises(KeyboardInterrupt), paused_collector():
            pass
        assert gc.isenabled()
    finally:
        gc.enable()
