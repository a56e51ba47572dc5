"""The collector is paused while compiling, and afterwards as it was before, faults included."""

import gc

import pytest

import graphdsl
from graphdsl.language.collector import paused_collector


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
