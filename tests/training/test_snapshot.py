"""Snapshots: every parameter and state, while nothing else runs."""

from __future__ import annotations

import threading

import pytest

import graphdsl
from graphdsl.training.snapshot import Snapshot


def test_values_come_back(simple: graphdsl.Model) -> None:
    snapshot = Snapshot(simple.session)
    simple.params["W"][...] = 1
    snapshot.take()
    simple.params["W"][...] = 2
    snapshot.restore()
    assert (simple.params["W"] == 1).all()


@pytest.mark.parametrize("verb", ["take", "restore"])
def test_it_waits_for_whoever_runs_the_model(simple: graphdsl.Model, verb: str) -> None:
    snapshot = Snapshot(simple.session)
    other = threading.Thread(target=getattr(snapshot, verb))
    with simple.session.lock:
        other.start()
        other.join(0.05)
        assert other.is_alive()
    other.join()
