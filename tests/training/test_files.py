"""Files are whole or not there."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from graphdsl import DataError
from graphdsl.training.files import (
    Appended,
    make_folder,
    remove_leftovers,
    verify_folder,
    write_bytes,
    write_text,
)


def test_mode_follows_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_bytes(tmp_path / "a", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


@pytest.mark.parametrize("call", ["replace", "fsync", "fchmod"])
def test_an_interrupted_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    write_text(tmp_path / "a", "old")

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(DataError, match="No space left") as caught:
        write_text(tmp_path / "a", "new")
    assert "E0812" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="E0812"):
        write_bytes(tmp_path / "no" / "a", b"x")


def test_a_folder_that_the_system_does_not_look_for(tmp_path: Path) -> None:
    verify_folder(tmp_path / "a")
    with pytest.raises(DataError, match="E0812") as caught:
        verify_folder(tmp_path / ("n" * 300) / "a")
    assert "shorten the name" in str(caught.value)


def test_a_folder_that_takes_no_files(tmp_path: Path) -> None:
    if not Path("/proc").is_dir():
        pytest.skip("this system has no /proc")
    for write in (lambda p: write_bytes(p, b"x"), make_folder):
        with pytest.raises(DataError, match="'/proc' takes no new files"):
            write(Path("/proc/x"))
    with pytest.raises(DataError, match="make its folder first"):
        write_bytes(tmp_path / "no" / "a", b"x")


def test_a_file_that_grows_is_there_at_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one\n")
    file = Appended(tmp_path / "a")
    file.write("two\n")
    assert (tmp_path / "a").read_text() == "one\ntwo\n"
    file.close()
    with pytest.raises(DataError, match="E0812"):
        Appended(tmp_path / "no" / "a")


def test_a_full_disk_while_a_file_grows() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    file = Appended(Path("/dev/full"))
    with pytest.raises(DataError, match=r"'/dev/full' cannot be written: No space left"):
        file.write("x")
    file.close()


def test_a_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    write_text(tmp_path / "f", "in the way")
    with pytest.raises(DataError, match="E0812"):
        make_folder(tmp_path / "f" / "b")


def test_what_a_killed_process_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "unlink", lambda path: None)
    monkeypatch.setattr(os, "fsync", lambda handle: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_text(tmp_path / "a", "half")
    monkeypatch.undo()
    assert len(list(tmp_path.iterdir())) == 1
    (tmp_path / ".mine").touch()
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".mine"]
