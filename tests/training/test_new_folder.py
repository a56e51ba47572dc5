"""New folders: whole or not there, wherever the process that fills them is killed."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path

import pytest

from graphdsl import DataError, UsageError
from graphdsl.training import leftovers, new_folder
from graphdsl.training.files import make_folder, write_text
from graphdsl.training.leftovers import LIST, sweep

NAMES = ["m.gdl", "parts/a.gdl", "parts/b.gdl", "maybe", "last.json"]
WRITTEN = {name: name * 999 for name in NAMES if name != "maybe"}
KILLED = 9
EVENTS = ("os.", "open", "fcntl.flock")

# a child only asks the system for files, and JAX, whose threads it says so of, may be there
pytestmark = pytest.mark.filterwarnings(r"ignore:(os\.fork\(\) was called|This process)")


def fill(folder: Path) -> str:
    for name, text in WRITTEN.items():
        make_folder((folder / name).parent)
        write_text(folder / name, text)
    return "filled"


def files(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text() for path in found}


def make(place: Path) -> None:
    with new_folder.made(iter([place]), NAMES, fill) as found:
        assert found == (place, "filled")
        assert files(place) == WRITTEN


def find(place: Path) -> None:
    with new_folder.found_empty(iter([place]), NAMES, fill) as found:
        assert found == (place, "filled")
        assert files(place) == WRITTEN


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


def age(folders: Iterable[Path]) -> None:
    """Let them be so old that nobody is about to write their lists."""
    old = time.time() - leftovers.HOUR - 1
    for folder in folders:
        os.utime(folder, (old, old))


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


# --- what is swept, and what is not --------------------------------------------------------------


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
