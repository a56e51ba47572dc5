"""`run --resume`: a run that goes on ends with the bits of one that was never interrupted."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

import graphdsl
from cli.runs import TEXT, at_step, left
from graphdsl.training.keeper import find_checkpoints


def test_the_newest_run_of_the_model_goes_on(call, path: Path) -> None:
    for _ in range(2):
        assert call("run", path, "-q", "--epochs", 1).code == 0
    Path("runs/m-7").mkdir()
    Path("runs/other-9").mkdir()
    assert "run saved in runs/m-2" in call("run", path, "-q", "--resume").out


def test_a_run_that_has_ended_stays_as_it_is(call, path: Path) -> None:
    assert call("run", path, "-q", "--out", "o").code == 0
    before = left("o")
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert left("o") == before


def test_a_run_without_a_checkpoint_begins_again(call, path: Path) -> None:
    assert call("run", path, "-q", "--out", "whole").code == 0
    assert call("run", path, "-q", "--out", "o").code == 0
    for name in ("weights.safetensors", "metrics.json", "history.csv", "history.jsonl"):
        Path("o", name).unlink()
    for one in Path("o/checkpoints").iterdir():
        one.unlink()
    done = call("run", path, "--resume", "o")
    assert "from the beginning" in done.err
    assert left("o") == left("whole")


def test_options_of_the_run_need_not_be_said_again(call, path: Path, tmp_path: Path) -> None:
    (tmp_path / "else").mkdir()
    (tmp_path / "d.npz").rename(tmp_path / "else" / "e.npz")
    words = ("--set", "width=5", "--dtype", "f64", "--seed", 4, "--batch", 9)
    words = (*words, "--with", "shuffle=false", "--data")
    assert call("run", path, "-q", "--out", "whole", *words, "else/e.npz").code == 0
    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 9, lambda: signal.raise_signal(signal.SIGTERM))
        assert call("run", path, "-q", "--out", "o", *words, "else/e.npz").code == 130
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert left("o") == left("whole")


def test_epochs_may_grow(call, path: Path, model) -> None:
    constant = model(TEXT.replace("cosine(1e-2, warmup = 5)", "1e-2"))
    assert call("run", constant, "-q", "--out", "whole", "--epochs", 6).code == 0
    assert call("run", constant, "-q", "--out", "o", "--epochs", 2).code == 0
    assert call("run", constant, "-q", "--resume", "o", "--epochs", 6).code == 0
    assert left("o") == left("whole")
    settings = json.loads(Path("o/settings.json").read_text())
    assert settings["extended"] == [{"step": 14, "epochs": 6}]
    assert settings["train"]["epochs"] == 6
    assert settings["learned"]


def test_a_run_that_was_extended_and_stopped_has_not_ended(call, path: Path) -> None:
    assert call("run", path, "-q", "--out", "o", "--epochs", 2).code == 0
    assert call("verify", "o", "-q").code == 0

    def fail() -> None:
        raise RuntimeError("killed")

    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 16, fail)
        assert call("run", path, "-q", "--resume", "o", "--epochs", 4).code == 1
    assert "it has not ended" in call("verify", "o", "-q").err
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert len(left("o")[1]) == 4


def test_a_fault_in_a_run_that_goes_on_leaves_its_folder(call, path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 3, lambda: signal.raise_signal(signal.SIGTERM))
        call("run", path, "-q", "--out", "o")

    def fail() -> None:
        raise graphdsl.DataError(graphdsl.Diagnostic("E0616", "no more"))

    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 5, fail)
        assert call("run", path, "-q", "--resume", "o").code == 1
    assert call("run", path, "-q", "--out", "whole").code == 0
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert left("o") == left("whole")


def test_a_first_epoch_that_fails_leaves_what_was_saved(call, path: Path) -> None:
    def fail() -> None:
        raise graphdsl.DataError(graphdsl.Diagnostic("E0616", "no more"))

    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 5, fail)
        assert call("run", path, "-q", "--out", "o").code == 1
        assert not Path("o").exists()
        words = ("--checkpoint-every", 2, "--keep", 1)
        assert call("run", path, "-q", "--out", "o", *words).code == 1
    assert [one.name for one in find_checkpoints(Path("o"))] == ["step-000004.safetensors"]
    assert call("run", path, "-q", "--out", "whole").code == 0
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert left("o") == left("whole")
