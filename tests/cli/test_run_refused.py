"""What `run --resume` does not go on with, and how it says so."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest

from cli.runs import TEXT, at_step, contents, left
from graphdsl.training import run_folder
from graphdsl.training.keeper import find_checkpoints


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("Dense(h, 3)", "Dense(h, 4)", ("E0834", "-z = Dense(h, 3)", "+z = Dense(h, 4)")),
        ("width = 8", "width = 9", ("E0834", "-const width = 8", "const width: 8 then, 9 now")),
        ("epochs = 4", "epochs = 5", ("E0834", "-  epochs    = 4", "+  epochs    = 5")),
    ],
)
def test_another_model_is_refused_with_the_difference(
    call, model, stopped: Path, before: str, after: str, said: tuple[str, ...]
) -> None:
    held = contents(stopped)
    done = call("run", model(TEXT.replace(before, after)), "--resume", "o")
    assert done.code == 1
    assert all(one in done.err for one in said), done.err
    assert "--warm-start" in done.err
    assert contents(stopped) == held


def test_a_comment_changes_no_model(call, model, stopped: Path) -> None:
    assert call("run", model("# why\n" + TEXT), "-q", "--resume", "o").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--seed", 5), "seed = 0, and cannot go on with 5"),
        (("--batch", 5), "batch = 10, and cannot go on with 5"),
        (("--epochs", 2), "4 epochs, and cannot go on to 2"),
        (("--set", "width=7"), "const width: 8 then, 7 now"),
        (("--dtype", "f64"), "float: f32 then, f64 now"),
    ],
)
def test_other_settings_are_refused(
    call, path: Path, stopped: Path, words: tuple[object, ...], said: str
) -> None:
    held = contents(stopped)
    done = call("run", path, "--resume", "o", *words)
    assert done.code == 1
    assert said in done.err
    assert contents(stopped) == held


def test_other_data_is_refused(call, path: Path, stopped: Path) -> None:
    arrays = dict(np.load("d.npz"))
    arrays["x"][99, 0] += 1e-6
    np.savez("d.npz", **arrays)
    done = call("run", path, "--resume", "o")
    assert done.code == 1
    assert "E0835" in done.err
    assert "the data is not what the run has been trained on" in done.err


def test_a_damaged_checkpoint_is_refused_and_the_one_before_taken(call, path: Path) -> None:
    assert call("run", path, "-q", "--out", "whole").code == 0
    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 17, lambda: signal.raise_signal(signal.SIGTERM))
        assert call("run", path, "-q", "--out", "o", "--checkpoint-every", 5).code == 130
    old, new = find_checkpoints(Path("o"))
    assert (old.name, new.name) == ("step-000015.safetensors", "step-000017.safetensors")
    new.write_bytes(new.read_bytes()[:-1])
    done = call("run", path, "--resume", "o")
    assert done.code == 1
    assert "E0626" in done.err
    assert f"'{new}'" in done.err
    assert "remove it: the run then goes on from the checkpoint before it" in done.err
    new.unlink()
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert left("o") == left("whole")


@pytest.mark.parametrize(
    ("before", "after"), [("width = 8", "width = 9"), ("dim N", "dim dim"), ("dim N", "\0")]
)
def test_a_copy_of_the_model_that_was_changed_is_refused(
    call, path: Path, stopped: Path, before: str, after: str
) -> None:
    """It may be somebody's work: what the run had is written anew where there is none."""
    copy = stopped / "model.gdl"
    copy.write_text(copy.read_text().replace(before, after))
    held = contents(stopped)
    done = call("run", path, "--resume", "o")
    assert done.code == 1
    assert "E0836" in done.err
    assert "'o/model.gdl' is not the model's any more" in done.err
    assert f"or remove it: graphdsl run {path} --resume o writes it anew" in done.err
    assert contents(stopped) == held
    copy.unlink()
    done = call("run", path, "--resume", "o")
    assert done.code == 0
    assert "o/model.gdl was missing: written anew" in done.err
    assert call("verify", "o", "-q").code == 0


def test_a_comment_in_the_copy_changes_nothing(call, path: Path, stopped: Path) -> None:
    copy = stopped / "model.gdl"
    copy.write_text("# mine\n" + copy.read_text())
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert copy.read_text().startswith("# mine\n")


@pytest.mark.parametrize(
    ("folder", "said"),
    [("none", "'none' is not there"), ("bad", "cannot be read"), ("old", "lacks 'model'")],
)
def test_a_folder_that_is_no_run(call, path: Path, folder: str, said: str) -> None:
    for name, text in (("bad", "{"), ("old", "{}")):
        Path(name).mkdir()
        Path(name, "settings.json").write_text(text)
    done = call("run", path, "--resume", folder)
    assert done.code == 1
    assert "E0836" in done.err
    assert said in done.err


def test_without_any_run_there_is_nothing_to_go_on_with(call, path: Path) -> None:
    done = call("run", path, "--resume")
    assert done.code == 1
    assert "'runs' holds no run of m.gdl" in done.err
    assert not Path("runs").exists()


def test_settings_with_another_meaning_are_no_run(call, path: Path, stopped: Path) -> None:
    plain = json.loads((stopped / "settings.json").read_text())
    wrong = [1, None, "x", [], {}, {"a": 1}, -1, True, "../m.gdl", 1e400]
    for key in plain:
        for value in wrong:
            (stopped / "settings.json").write_text(json.dumps({**plain, key: value}))
            done = call("run", path, "-q", "--resume", "o")
            assert done.code in (0, 1, 2), (key, value)
            assert "fault of its own" not in done.err, (key, value, done.err)
            if done.code == 0:
                assert key not in ("model_hash", "dtype", "seed", "data_hash")


def test_two_processes_cannot_train_in_one_folder(call, path: Path, stopped: Path) -> None:
    with run_folder.held(stopped):
        done = call("run", path, "--resume", "o")
    assert done.code == 1
    assert "E0837" in done.err
    assert call("run", path, "-q", "--resume", "o").code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("--resume", "o", "--out", "p"),
        ("--resume", "o", "--warm-start", "o"),
        ("--checkpoint-every", "0"),
        ("--checkpoint-every", "often"),
        ("--keep", "0"),
        ("--seed", "-1"),
    ],
)
def test_options_that_make_no_sense(call, path: Path, words: tuple[str, ...]) -> None:
    assert call("run", path, *words).code == 2


@pytest.mark.parametrize("option", ["--seed", "--epochs", "--batch"])
def test_a_number_that_is_too_large_is_told_so(call, path: Path, option: str) -> None:
    done = call("run", path, option, 2**63)
    assert done.code == 2
    assert "does not fit 64 bits" in done.err
