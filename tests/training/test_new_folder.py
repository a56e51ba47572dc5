"""New folders: whole or not there, wherever the process that fills them is killed."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from graphdsl import DataError, UsageError
from graphdsl.training import new_folder
from graphdsl.training.files import write_text
from graphdsl.training.leftovers import LIST
from training.filled_folders import KILLED, NAMES, WRITTEN, age, files, fill, find, make

EVENTS = ("os.", "open", "fcntl.flock")

# a child only asks the system for files, and JAX, whose threads it says so of, may be there
pytestmark = pytest.mark.filterwarnings(r"ignore:(os\.fork\(\) was called|This process)")


def run_cut_short(work: Callable[[], object], at: int) -> int:
    """The status of a process that is killed as it asks the system for the nth time."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    asked = 0

    def hear(event: str, _: object) -> None:
        nonlocal asked
        if event.startswith(EVENTS):
            asked += 1
            if asked == at:
                os._exit(KILLED)

    code = 1
    try:
        sys.addaudithook(hear)
        work()
        code = 0
    finally:
        os._exit(code)


def killed_everywhere(work: Callable[[Path], object], folder: Path) -> Iterator[Path]:
    """The folder in which a process was killed, at every moment that can be told from another."""
    for at in count(1):
        place = folder / f"at {at}"
        place.mkdir()
        status = run_cut_short(lambda place=place: work(place), at)
        assert status in (0, KILLED)
        yield place
        if status == 0:
            assert at > 20
            return


def test_a_made_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    for folder in killed_everywhere(lambda folder: make(folder / "o"), tmp_path):
        place = folder / "o"
        if place.exists():
            assert files(place).items() >= WRITTEN.items()
            assert files(place).keys() <= {*WRITTEN, LIST}
            continue
        age(folder.iterdir())
        make(place)
        assert [*folder.iterdir()] == [place]


def test_a_folder_that_was_empty_is_whole_when_the_last_name_is_there(tmp_path: Path) -> None:
    for place in killed_everywhere(find, tmp_path):
        if (place / NAMES[-1]).exists():
            assert files(place).items() >= WRITTEN.items()
        else:
            find(place)
            assert files(place) == WRITTEN


def test_a_folder_that_was_made_is_given_up_whole(tmp_path: Path) -> None:
    def give_up(folder: Path) -> None:
        make(folder / "o")
        new_folder.discard(folder / "o", NAMES, was_made=True)

    for folder in killed_everywhere(give_up, tmp_path):
        place = folder / "o"
        if place.exists():
            assert files(place).items() >= WRITTEN.items()
        else:
            age(folder.iterdir())
            make(place)
            assert [*folder.iterdir()] == [place]


def test_a_folder_that_was_empty_is_given_up_from_the_last_name_on(tmp_path: Path) -> None:
    def give_up(place: Path) -> None:
        find(place)
        new_folder.discard(place, NAMES, was_made=False)

    for place in killed_everywhere(give_up, tmp_path):
        if (place / NAMES[-1]).exists():
            assert files(place).items() >= WRITTEN.items()
        else:
            find(place)
            assert files(place) == WRITTEN


def test_the_first_place_that_is_free(tmp_path: Path) -> None:
    def taken_meanwhile(folder: Path) -> str:
        (tmp_path / "o-1").mkdir()
        (tmp_path / "o-1" / "theirs").touch()
        return fill(folder)

    places = (tmp_path / f"o-{n}" for n in count(1))
    with new_folder.made(places, NAMES, taken_meanwhile) as (folder, _):
        assert folder == tmp_path / "o-2"
    assert {path.name for path in tmp_path.iterdir()} == {"o-1", "o-2"}
    with pytest.raises(UsageError, match="E0813"):
        make(tmp_path / "o-1")
    assert files(tmp_path / "o-1") == {"theirs": ""}
    assert {path.name for path in tmp_path.iterdir()} == {"o-1", "o-2"}


def test_what_cannot_be_filled_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: Path) -> str:
        fill(folder)
        (folder / "parts" / ".c.0.tmp").touch()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fsync", refuse)
            write_text(folder / "maybe", "")
        raise AssertionError("it was to be refused")

    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.chdir(tmp_path)
    with (
        pytest.raises(DataError, match="'new/o/maybe' cannot be written: No space left"),
        new_folder.made(iter([Path("new/o")]), NAMES, fail),
    ):
        pass
    assert not list(tmp_path.iterdir())
    Path("o").mkdir()
    with (
        pytest.raises(DataError, match="'o/maybe' cannot be written: No space left"),
        new_folder.found_empty(iter([Path("o")]), NAMES, fail),
    ):
        pass
    assert list(tmp_path.rglob("*")) == [tmp_path / "o"]


def test_a_place_that_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("in the way")
    for place in ("file", "file/o", f"{'x' * 256}", f"{'x' * 256}/o", "/proc/o"):
        with pytest.raises(DataError, match="E0812") as caught:
            make(Path(place))
        assert f"'{place.removesuffix('/o')}" in caught.value.diagnostics[0].message
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_name_as_long_as_may_be(tmp_path: Path) -> None:
    for letter in ("x", "ä", "\N{SNAKE}"):
        place = tmp_path / (letter * (255 // len(letter.encode())))
        make(place)
        assert files(place) == WRITTEN


def test_links_lead_to_where_the_folder_is(tmp_path: Path) -> None:
    for name in ("new", "empty"):
        (tmp_path / name).symlink_to(tmp_path / "else" / name)
    make(tmp_path / "new")
    (tmp_path / "else" / "empty").mkdir(mode=0o750)
    find(tmp_path / "empty")
    new_folder.discard(tmp_path / "new", NAMES, was_made=True)
    assert [path.name for path in (tmp_path / "else").iterdir()] == ["empty"]
    assert [path.is_symlink() for path in sorted(tmp_path.iterdir())] == [False, True, True]
    assert (tmp_path / "else" / "empty").stat().st_mode & 0o777 == 0o750


def test_a_folder_that_something_is_in_is_not_given_up(tmp_path: Path) -> None:
    make(tmp_path / "o")
    (tmp_path / "o" / "events").mkdir()
    (tmp_path / "o" / "events" / "1").write_text("theirs")
    new_folder.discard(tmp_path / "o", NAMES, was_made=True)
    assert files(tmp_path / "o") == {**WRITTEN, "events/1": "theirs"}


def test_a_folder_that_was_found_stays(tmp_path: Path) -> None:
    find(tmp_path)
    new_folder.discard(tmp_path, NAMES, was_made=False)
    assert not list(tmp_path.iterdir())
