"""The folder of a new run: where it may be, and what a run that comes to nothing leaves there."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import graphdsl
from cli.runs import at_step, contents, left
from graphdsl.training import kept_run, leftovers
from graphdsl.training.keeper import find_checkpoints
from graphdsl.training.recorded import read_recorded


def fail() -> None:
    raise graphdsl.DataError(graphdsl.Diagnostic("E0616", "no more"))


def fails(call: Callable[..., Any], path: Path, *words: object) -> Any:
    """A run that fails in its first epoch."""
    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 5, fail)
        done = call("run", path, "-q", *words)
    assert done.code == 1
    return done


def test_the_beginning_is_saved_until_there_is_another(call, path: Path) -> None:
    seen = []

    def look() -> None:
        seen.extend(one.stem for one in find_checkpoints(Path("o")))

    for step in (1, 3, 4):
        with pytest.MonkeyPatch.context() as patch:
            at_step(patch, step, look)
            Path("o").rename(f"before {step}") if Path("o").exists() else None
            assert call("run", path, "-q", "--out", "o", "--checkpoint-every", 3).code == 0
    assert seen == ["step-000000", "step-000000", "step-000003"]


def test_a_run_goes_on_from_its_beginning(call, path: Path) -> None:
    assert call("run", path, "-q", "--out", "whole").code == 0

    def stop() -> None:
        raise RuntimeError("it is as if it were killed")

    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 9, stop)
        assert call("run", path, "-q", "--out", "o").code == 1
    done = call("run", path, "--resume", "o")
    assert "going on from o/checkpoints/step-000000.safetensors: step 0, epoch 1" in done.err
    assert left("o") == left("whole")


def test_an_empty_folder_is_taken_as_it_is(call, path: Path) -> None:
    Path("real").mkdir(mode=0o700)
    Path("o").symlink_to("real")
    number = os.stat("real").st_ino
    done = fails(call, path, "--out", "o")
    assert "what it came to" not in done.err
    assert not list(Path("real").iterdir())
    assert Path("o").is_symlink()
    assert call("run", path, "-q", "--out", "o").code == 0
    assert (os.stat("real").st_ino, os.stat("real").st_mode & 0o777) == (number, 0o700)
    assert not list(Path("real").glob(".*"))
    assert call("verify", "o", "-q").code == 0


def test_a_way_round_to_a_folder_that_is_there_makes_none(call, path: Path) -> None:
    """What it leads to is not replaced, though nothing is at the path."""
    Path("o").mkdir()
    number = os.stat("o").st_ino
    done = call("run", path, "-q", "--out", "o/new/..")
    assert (done.code, os.stat("o").st_ino) == (1, number)
    assert "'o/new/..' cannot be written: No such file" in done.err
    assert not list(Path("o").iterdir())


def test_what_was_made_for_a_run_goes_with_it(call, path: Path) -> None:
    before = contents(Path())
    for words in ((), ("--out", "new/one"), ("--out", "o")):
        fails(call, path, *words)
        assert contents(Path()) == before
        assert not any(Path(name).exists() for name in ("runs", "new", "o"))


def test_a_run_that_left_something_else_stays(call, path: Path) -> None:
    done = fails(call, path, "--out", "o", "--tensorboard")
    assert "what it came to is in o" in done.err
    assert list(Path("o/tensorboard").iterdir())
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert call("run", path, "-q", "--out", "whole").code == 0
    assert left("o") == left("whole")


def test_what_killed_runs_left_is_in_nobodys_way(call, path: Path) -> None:
    for name in (".m-1.01234567.tmp", ".m-2.89abcdef.tmp", ".other-1.01234567.tmp"):
        folder = Path("runs", name)
        folder.mkdir(parents=True)
        leftovers.write_list(folder, ["model.gdl", "settings.json"])
        (folder / "model.gdl").touch()
    assert "run saved in runs/m-1" in call("run", path, "-q").out
    assert sorted(os.listdir("runs")) == [".other-1.01234567.tmp", "m-1"]


def test_settings_that_were_read_before_another_went_on_are_not_gone_on_with(
    call, path: Path
) -> None:
    """It may have trained between the reading and the holding of the folder."""
    assert call("run", path, "-q", "--out", "o", "--epochs", 2).code == 0
    read = read_recorded(Path("o"))
    assert call("run", path, "-q", "--resume", "o", "--epochs", 4).code == 0
    model = graphdsl.load(path)
    trainer: Any = model.trainer()
    rest = (trainer.session, None, None)
    with (
        pytest.raises(graphdsl.UsageError, match="E0837"),
        kept_run.gone_on(Path("o"), read, *rest),  # type: ignore[arg-type]
    ):
        pass


def test_a_signal_as_it_begins_says_how_to_go_on(call, path: Path) -> None:
    real = kept_run.run_folder.write_start

    def asked(*words: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return real(*words)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept_run.run_folder, "write_start", asked)
        done = call("run", path)
    assert (done.code, done.out) == (130, "")
    assert f"interrupted; to go on: graphdsl run {path} --resume runs/m-1" in done.err
    assert call("run", path, "-q", "--resume").code == 0
