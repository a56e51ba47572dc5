"""Runs whose steps are shared among workers: they go on, and are replayed, with as many."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graphdsl.cli import main
from graphdsl.engines import divided

MODEL = Path(__file__).parents[2] / "examples" / "breast_cancer.gdl"
RUN = ["run", str(MODEL), "--epochs", "6", "--engine", "numpy", "-q"]


@pytest.fixture(autouse=True)
def _shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step that can be shared is, however small."""
    monkeypatch.setattr(divided, "_count_workers", lambda graph, sizes, cores: cores)


def have_cores(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphdsl.session.count_cores", lambda: count)


def weights(run: Path) -> bytes:
    return (run / "weights.safetensors").read_bytes()


def workers(run: Path) -> object:
    return json.loads((run / "settings.json").read_text("utf-8"))["workers"]


def test_a_run_is_replayed_with_its_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [tmp_path / "two", tmp_path / "one"]
    for cores, run in zip((2, 1), runs, strict=True):
        have_cores(cores, monkeypatch)
        assert main([*RUN, "--out", str(run)]) == 0
        assert workers(run) == cores
    assert weights(runs[0]) != weights(runs[1]), "sums in parts have other last digits"
    for cores in (1, 2):
        have_cores(cores, monkeypatch)
        assert [main(["verify", str(run)]) for run in runs] == [0, 0]


def test_a_run_goes_on_with_its_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    have_cores(2, monkeypatch)
    assert main([*RUN, "--out", str(whole)]) == 0
    assert main([*RUN, "--epochs", "3", "--out", str(parts)]) == 0
    have_cores(1, monkeypatch)
    assert main(["run", str(MODEL), "--resume", str(parts), "--epochs", "6", "-q"]) == 0
    assert weights(parts) == weights(whole)


def test_what_is_looked_into_is_not_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    have_cores(2, monkeypatch)
    assert main([*RUN, "--debug-nan", "--out", str(run)]) == 0
    assert workers(run) == 1
    assert main(["verify", str(run)]) == 0
