"""What the bits of a run depend on."""

from __future__ import annotations

import numpy as np
import pytest

import graphdsl
from graphdsl.training.versions import changed, versions


def test_what_is_said() -> None:
    said = versions()
    assert said["graphdsl"] == graphdsl.__version__
    assert said["numpy"] == np.__version__
    assert int(said["cores"]) >= 1
    assert said["blas"]
    assert int(said["BLAS threads"]) >= 1


def test_what_has_changed_is_said() -> None:
    assert list(changed(versions())) == []
    before = {**versions(), "numpy": "1.0", "forgotten": "2"}
    assert list(changed(before)) == [f"numpy 1.0 then, {np.__version__} now"]


def test_a_second_blas_that_is_loaded_later_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SciPy brings one, which NumPy never calls."""

    def library(folder: str, version: str) -> dict[str, str]:
        said = {"user_api": "blas", "internal_api": "openblas", "architecture": "Zen"}
        return {**said, "version": version, "filepath": f"/lib/{folder}.libs/openblas.so"}

    own, other = library("numpy", "0.3.31"), library("scipy", "0.3.30")
    for found, expected in (
        ([own], "openblas 0.3.31 (Zen)"),
        ([other, own], "openblas 0.3.31 (Zen)"),
        ([other], "openblas 0.3.30 (Zen)"),
        ([], "unknown"),
    ):
        monkeypatch.setattr("graphdsl.training.versions.threadpool_info", lambda found=found: found)
        assert versions()["blas"] == expected
