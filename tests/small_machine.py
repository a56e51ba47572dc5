"""A machine of as much memory as a test needs it to have."""

from __future__ import annotations

import pytest

from graphdsl.engines import machine


def have_memory(monkeypatch: pytest.MonkeyPatch, whole: int, free: int | None = None) -> None:
    """Let the machine have so many bytes, all of them free unless it is said how many are."""
    monkeypatch.setattr(machine, "LITTLE", 0)
    monkeypatch.setattr(machine, "_physical", lambda: whole)
    monkeypatch.setattr(machine, "_shell_limit", list)
    monkeypatch.setattr(machine, "_group_limits", list)
    monkeypatch.setattr(machine, "_unused", lambda: [] if free is None else [free])
