"""What the bits of a run depend on."""

from __future__ import annotations

import numpy as np

import graphdsl
from graphdsl.training.versions import changed, versions


def test_what_is_said() -> None:
    said = versions()
    assert said["graphdsl"] == graphdsl.__version__
    assert said["numpy"] == np.__version__
    assert int(said["cores"]) >= 1
    assert said["blas"]


def test_what_has_changed_is_said() -> None:
    assert list(changed(versions())) == []
    before = {**versions(), "numpy": "1.0", "forgotten": "2"}
    assert list(changed(before)) == [f"numpy 1.0 then, {np.__version__} now"]
