"""Signals: the first asks, the second insists, what is done as a whole is not cut short."""

from __future__ import annotations

import signal
import threading

import pytest

from graphdsl.training import interrupts as module
from graphdsl.training.interrupts import Interrupts


def hear(number: int = signal.SIGINT) -> None:
    signal.raise_signal(number)


def test_the_first_asks_and_the_second_insists() -> None:
    with Interrupts([signal.SIGTERM]) as interrupts:
        hear()
        assert (interrupts.asked, interrupts.insisted) == (True, False)
        with pytest.raises(KeyboardInterrupt):
            hear(signal.SIGTERM)
        assert interrupts.insisted


def test_later_ones_change_nothing_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    with Interrupts(patience=0):
        with pytest.raises(KeyboardInterrupt):
            hear()
        for _ in range(5):
            hear()
        now[0] = module.AGAIN
        with pytest.raises(KeyboardInterrupt):
            hear()


def test_what_is_done_as_a_whole_is_done_first() -> None:
    done = []

    def work(interrupts: Interrupts) -> None:
        with interrupts.whole():
            with interrupts.whole():
                hear()
                hear()
                done.append("inner")
            done.append("outer")
        done.append("after")

    with Interrupts(patience=0) as interrupts, pytest.raises(KeyboardInterrupt):
        work(interrupts)
    assert done == ["inner", "outer"]


def test_who_only_asks_interrupts_no_whole() -> None:
    with Interrupts() as interrupts:
        with interrupts.whole():
            hear()
        assert interrupts.asked


@pytest.mark.parametrize("handler", [signal.SIG_DFL, signal.SIG_IGN, lambda number, frame: None])
def test_handlers_are_put_back(handler: signal.Handlers) -> None:
    before = signal.signal(signal.SIGTERM, handler)
    try:
        with Interrupts([signal.SIGTERM]):
            assert signal.getsignal(signal.SIGTERM) is not handler
            assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_while_it_begins_to_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Handlers are put back though the context is never entered."""
    real = Interrupts._listen

    def listen(self: Interrupts) -> None:
        real(self)
        hear()

    monkeypatch.setattr(Interrupts, "_listen", listen)
    with pytest.raises(KeyboardInterrupt), Interrupts(patience=0):
        pytest.fail("entered")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_handler_of_ctrl_c_is_left_alone() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        with Interrupts() as interrupts:
            hear()
        assert (heard, interrupts.asked) == ([signal.SIGINT], False)
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_hears_nothing() -> None:
    entered = []

    def work() -> None:
        with Interrupts([signal.SIGTERM]) as interrupts, interrupts.whole():
            entered.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert entered == [signal.default_int_handler]
