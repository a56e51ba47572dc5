"""A machine of as much memory as a test needs it to have."""

from __future__ import annotations

import pytest

from graphdsl.engines import machine

ADAM = """
dim N
input x: [N, 256]
param W: [256, 256] ~ normal(0, 0.1)
a = tanh(x @ W)
loss J = mean((a - x)^2)
train {
  optimizer = adam(lr = 0.1)
}
"""
"""A model whose parameter has 256 KiB, and Adam two states of as many."""


def have_memory(monkeypatch: pytest.MonkeyPatch, whole: int, free: int | None = None) -> None:
    """Let the machine have so many bytes, all of them free unless it is said how many are."""
    monkeypatch.setattr(machine, "LITTLE", 0)
    monkeypatch.setattr(machine, "_physical", lambda: whole)
    monkeypatch.setattr(machine, "_shell_limit", list)
    monkeypatch.setattr(machine, "_group_limits", list)
    monkeypatch.setattr(machine, "_unused", lambda: [] if free is None else [free])
