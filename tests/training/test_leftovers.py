"""What killed processes left: what is swept, and what is not."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from pathlib import Path

import pytest

from graphdsl import UsageError
from graphdsl.training.leftovers import LIST, sweep
from training.filled_folders import KILLED, NAMES, age, files, find, make

# a child only asks the system for files, and JAX, whose threads it says so of, may be there
pytestmark = pytest.mark.filterwarnings(r"ignore:(os\.fork\(\) was called|This process)")


def left_over(folder: Path, names: list[str]) -> Path:
    """What a killed process left, that is to be swept as `o` is made."""
    left = folder / ".o.0a1b2c3d.tmp"
    left.mkdir()
    (left / LIST).write_text(json.dumps(names))
    return left


def test_what_is_not_in_the_list_stays(tmp_path: Path) -> None:
    left = left_over(tmp_path, ["a"])
    (left / "a").touch()
    (left / "notes.txt").write_text("mine")
    make(tmp_path / "o")
    assert files(left) == {"notes.txt": "mine"}


@pytest.mark.parametrize("name", ["../kept", "FOLDER/kept", "link/kept", "inner/../../kept"])
def test_a_list_names_nothing_elsewhere(tmp_path: Path, name: str) -> None:
    (tmp_path / "kept").write_text("mine")
    left = left_over(tmp_path, [name.replace("FOLDER", str(tmp_path))])
    (left / "link").symlink_to(tmp_path)
    sweep(tmp_path / "o")
    assert (tmp_path / "kept").read_text() == "mine"


@pytest.mark.parametrize("text", ["", "[", "{}", '"m.gdl"', "[1, null]", "[" * 10_000])
def test_half_a_list_is_none(tmp_path: Path, text: str) -> None:
    left = left_over(tmp_path, [])
    (left / LIST).write_text(text)
    sweep(tmp_path / "o")
    assert not left.exists()


@pytest.mark.parametrize("name", ["a\0b", "a\0b/c", "\ud800", "\ud800/c"])
def test_a_list_may_hold_what_no_file_is_called(tmp_path: Path, name: str) -> None:
    left = left_over(tmp_path, [name, "a"])
    (left / "a").touch()
    sweep(tmp_path / "o")
    assert not left.exists()


def test_what_somebody_fills_stays(tmp_path: Path) -> None:
    left = left_over(tmp_path, ["a"])
    (left / "a").touch()
    handle = os.open(left, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        sweep(tmp_path / "o")
        assert (left / "a").exists()
    finally:
        os.close(handle)
    sweep(tmp_path / "o")
    assert not left.exists()


def test_where_nothing_can_be_locked_nothing_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    left = left_over(tmp_path, [])
    monkeypatch.setattr(fcntl, "flock", refuse)
    make(tmp_path / "o")
    assert left.exists()


@pytest.mark.parametrize(
    "name", ["o", ".o", ".o.tmp", ".p.0a1b2c3d.tmp", ".o.0a1b2c3.tmp", ".o.x.0a1b2c3d.tmp"]
)
def test_other_names_stay(tmp_path: Path, name: str) -> None:
    left_over(tmp_path, []).rename(tmp_path / name)
    sweep(tmp_path / "o")
    assert (tmp_path / name / LIST).exists()


def test_files_and_links_of_such_names_stay(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    left_over(tmp_path / "elsewhere", []).rename(tmp_path / "kept")
    (tmp_path / ".o.0a1b2c3d.tmp").symlink_to(tmp_path / "kept")
    (tmp_path / ".o.0a1b2c3e.tmp").write_text("a file's")
    sweep(tmp_path / "o")
    assert (tmp_path / "kept" / LIST).exists()
    assert (tmp_path / ".o.0a1b2c3e.tmp").exists()


def test_an_empty_folder_may_be_about_to_get_its_list(tmp_path: Path) -> None:
    left = tmp_path / ".o-3.0a1b2c3d.tmp"
    left.mkdir()
    sweep(tmp_path / "o-1")
    assert left.exists()
    age([left])
    sweep(tmp_path / "o-1")
    assert not left.exists()


def test_nobody_holds_a_folder_that_is_about_to_be_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has just made it would find it held, and say that a run is under way."""
    real = fcntl.flock

    def meet_a_sweep(handle: int, how: int) -> None:
        sweeping = os.fork()
        if not sweeping:
            monkeypatch.setattr(fcntl, "flock", lambda *_: os._exit(KILLED))
            sweep(tmp_path / "o")
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(sweeping, 0)[1]) == 0
        real(handle, how)

    monkeypatch.setattr(fcntl, "flock", meet_a_sweep)
    make(tmp_path / "o")
    assert [*tmp_path.iterdir()] == [tmp_path / "o"]


def test_what_is_not_ours_makes_a_folder_no_empty_one(tmp_path: Path) -> None:
    (tmp_path / LIST).write_text(json.dumps(NAMES))
    for name in ("m.gdl", "mine"):
        (tmp_path / name).write_text(name)
    with pytest.raises(UsageError, match="E0813"):
        find(tmp_path)
    assert files(tmp_path) == {"mine": "mine"}
