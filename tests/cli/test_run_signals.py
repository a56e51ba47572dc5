"""Signals that end a run: what was reached is saved, whenever they come and however many."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.runs import TREE, at_step, left
from graphdsl.training import loop, run_folder
from graphdsl.training.keeper import Keeper, find_checkpoints
from graphdsl.training.progress import Silent
from graphdsl.training.trainer import Trainer


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("step", [1, 7, 9, 27, 28])
def test_a_signal_saves_and_the_run_goes_on(call, path: Path, name: str, step: int) -> None:
    assert call("run", path, "-q", "--out", "whole").code == 0
    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, step, lambda: signal.raise_signal(getattr(signal, name)))
        done = call("run", path, "--out", "o")
    assert done.code == 130
    assert f"graphdsl run {path} --resume o" in done.err
    assert [one.name for one in find_checkpoints(Path("o"))] == [f"step-{step:06}.safetensors"]
    assert json.loads(Path("o/metrics.json").read_text())["ending"] == "interrupted"
    done = call("run", path, "--resume", "o")
    assert done.code == 0
    assert f"going on from o/checkpoints/step-{step:06}.safetensors: step {step}," in done.err
    assert left("o") == left("whole")


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize(("step", "saved"), [(3, 0), (9, 7), (28, 21)])
def test_a_second_signal_goes_back_to_the_last_good_state(
    call, path: Path, monkeypatch: pytest.MonkeyPatch, count: int, step: int, saved: int
) -> None:
    """It comes within a step, and those after it while what is good is being saved."""
    real = Trainer.step_on

    def torn(self: Trainer, *args: object, **named: object) -> float:
        loss = real(self, *args, **named)
        if self.t == step:
            signal.raise_signal(signal.SIGINT)
            self.session.memory.params["z.W"][0] = 9  # half of an update
            for _ in range(count - 1):
                signal.raise_signal(signal.SIGTERM)
        return loss

    assert call("run", path, "-q", "--out", "whole").code == 0
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step_on", torn)
        done = call("run", path, "--out", "o")
    assert (done.code, done.out) == (130, "")
    assert f"graphdsl run {path} --resume o" in done.err
    assert [one.stem for one in find_checkpoints(Path("o"))] == [f"step-{saved:06}"]
    assert not Path("o/weights.safetensors").exists()
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert left("o") == left("whole")


def test_what_is_newer_than_the_state_in_memory_is_not_saved_again(call, path: Path) -> None:
    """A checkpoint is a state to go back to: with one a step, nothing is lost but the step."""
    assert call("run", path, "-q", "--out", "whole").code == 0
    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 9, lambda: [signal.raise_signal(signal.SIGINT) for _ in range(2)])
        assert call("run", path, "-q", "--out", "o", "--checkpoint-every", 1).code == 130
    found = find_checkpoints(Path("o"))
    assert [one.stem for one in found] == ["step-000007", "step-000008"]
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert left("o") == left("whole")


def test_a_second_signal_between_two_epochs_loses_nothing(
    call, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice(self: object, row: dict[str, float]) -> None:
        if row["epoch"] == 2:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)

    assert call("run", path, "-q", "--out", "whole").code == 0
    with monkeypatch.context() as patch:
        patch.setattr(Silent, "on_epoch", twice)
        assert call("run", path, "-q", "--out", "o").code == 130
    assert [one.stem for one in find_checkpoints(Path("o"))] == ["step-000014"]
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert left("o") == left("whole")


def test_a_second_signal_while_the_best_weights_are_measured(
    call, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def insist(*_: object) -> dict[str, float]:
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("it was to end")

    def ask() -> None:
        signal.raise_signal(signal.SIGINT)
        monkeypatch.setattr(loop, "evaluate", insist)

    assert call("run", path, "-q", "--out", "whole").code == 0
    with monkeypatch.context() as patch:
        at_step(patch, 9, ask)
        assert call("run", path, "-q", "--out", "o").code == 130
    monkeypatch.undo()
    monkeypatch.chdir(path.parent)
    assert [one.stem for one in find_checkpoints(Path("o"))] == ["step-000009"]
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert left("o") == left("whole")


def test_a_second_signal_during_the_save_waits_for_it(call, path: Path) -> None:
    """Ctrl-C twice in a hurry: the second falls into the save that the first has begun."""
    whole = Keeper.save

    def hurried(self: Keeper, *args: object) -> None:
        signal.raise_signal(signal.SIGINT)
        whole(self, *args)

    assert call("run", path, "-q", "--out", "whole").code == 0
    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 9, lambda: signal.raise_signal(signal.SIGINT))
        patch.setattr(Keeper, "save", hurried)
        assert call("run", path, "-q", "--out", "o").code == 130
    assert [one.stem for one in find_checkpoints(Path("o"))] == ["step-000009"]
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert left("o") == left("whole")


def test_sigterm_saves_where_a_shell_ignores_ctrl_c(call, path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.MonkeyPatch.context() as patch:
            at_step(patch, 9, lambda: signal.raise_signal(signal.SIGTERM))
            assert call("run", path, "-q", "--out", "o").code == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert [one.name for one in find_checkpoints(Path("o"))] == ["step-000009.safetensors"]


def test_a_signal_that_is_ignored_stays_so(call, path: Path) -> None:
    """`nohup` has a program outlive its terminal."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with pytest.MonkeyPatch.context() as patch:
            at_step(patch, 9, lambda: signal.raise_signal(signal.SIGHUP))
            assert call("run", path, "-q", "--out", "o").code == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_folder_that_is_begun_is_written_whole(
    call, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = run_folder.write_text

    def interrupted(file: Path, text: str) -> None:
        real(file, text)
        signal.raise_signal(signal.SIGTERM)

    assert call("run", path, "-q", "--out", "whole").code == 0
    with monkeypatch.context() as patch:
        patch.setattr(run_folder, "write_text", interrupted)
        done = call("run", path, "--out", "o")
    assert (done.code, done.out) == (130, "")
    assert f"interrupted; to go on: graphdsl run {path} --resume o" in done.err
    assert [one.stem for one in find_checkpoints(Path("o"))] == ["step-000000"]
    assert not list(Path("o").glob(".*"))
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert left("o") == left("whole")


SLOW = """
import importlib.abc, signal, sys
module, number = sys.argv[1], getattr(signal, sys.argv[2])
del sys.argv[1:3]
class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == module:
            signal.raise_signal(number)
sys.meta_path.insert(0, Finder())
from graphdsl.__main__ import main
sys.exit(main())
"""


def verify_quiet(path: Path, script: str, *words: str) -> None:
    """A run that a script starts, and interrupts, says nothing and ends as one that was."""
    done = subprocess.run(
        [sys.executable, "-c", script, *words, "run", path.name, "--out", "o"],
        cwd=path.parent,
        env={**os.environ, "PYTHONPATH": str(TREE)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("module", ["argparse", "graphdsl.cli.run", "numpy", "datetime"])
def test_a_signal_while_it_starts_ends_it_quietly(path: Path, module: str, name: str) -> None:
    """Raised as a module is looked for, wherever that is; numpy looks for datetime from C, and
    tells of what is raised there as of a fault."""
    verify_quiet(path, SLOW, module, name)
    assert not (path.parent / "o").exists()


PARSED = """
import argparse, signal, sys
format_usage = argparse.ArgumentParser.format_usage
def interrupted(parser):
    signal.raise_signal(signal.SIGTERM)
    return format_usage(parser)
argparse.ArgumentParser.format_usage = interrupted
from graphdsl.__main__ import main
sys.exit(main())
"""


def test_a_signal_while_the_words_are_read_ends_it_quietly(path: Path) -> None:
    """What argparse puts back as it leaves is not there yet: it raises an error of its own."""
    verify_quiet(path, PARSED)
