"""`fmt`: files are rewritten whole or not at all."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
FOLDERS = ("benchmarks", "docs", "examples", "graphdsl/prelude")
MESSY = "input   x\noutput y=x*2"
NEAT = "input x\noutput y = x * 2\n"


def test_a_file_is_rewritten(call, model) -> None:
    path = model(MESSY)
    path.chmod(0o640)
    done = call("fmt", path)
    assert (done.code, done.out) == (0, "")
    assert path.read_text() == NEAT
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_file_that_is_right_is_not_touched(call, model) -> None:
    path = model(NEAT)
    os.utime(path, ns=(0, 0))
    assert call("fmt", path).code == 0
    assert path.stat().st_mtime_ns == 0


def test_a_link_stays_one(call, model, tmp_path) -> None:
    path, link = model(MESSY), tmp_path / "link.gdl"
    link.symlink_to(path)
    assert call("fmt", link).code == 0
    assert link.is_symlink()
    assert path.read_text() == NEAT


def test_check_changes_nothing(call, model) -> None:
    path = model(MESSY)
    done = call("fmt", "--check", path)
    assert done.code == 1
    assert f"{path} would change" in done.err
    assert path.read_text() == MESSY
    assert call("fmt", "--check", model(NEAT)).code == 0


def test_diff_shows_the_change(call, model) -> None:
    path = model(MESSY)
    done = call("fmt", "--diff", path)
    assert done.code == 0
    assert "-output y=x*2" in done.out
    assert "+output y = x * 2" in done.out
    assert path.read_text() == MESSY


def test_stdin_goes_to_stdout(call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(MESSY))
    done = call("fmt", "-")
    assert (done.code, done.out, done.err) == (0, NEAT, "")


def test_a_file_with_errors_is_left_alone_and_the_others_are_not(call, model) -> None:
    broken, fine = model("output y = (", "broken.gdl"), model(MESSY, "fine.gdl")
    done = call("fmt", broken, fine)
    assert done.code == 1
    assert f"{broken}:1:12" in done.err
    assert broken.read_text() == "output y = ("
    assert fine.read_text() == NEAT


def test_columns_and_short_bodies(call, model) -> None:
    path = model("loss J = w^2 # c\nmetric error = w\ntrain{optimizer=adam}\n")
    assert call("fmt", path).code == 0
    assert path.read_text() == (
        "loss   J     = w^2  # c\nmetric error = w\ntrain { optimizer = adam }\n"
    )


def test_the_files_of_the_project_are_canonical(call) -> None:
    files = [path for folder in FOLDERS for path in (TREE / folder).glob("**/*.gdl")]
    assert len(files) > 30
    done = call("fmt", "--check", *files)
    assert (done.code, done.err) == (0, "")
