"""Compiled modules on disk: found again, refused where others could put code."""

from __future__ import annotations

import inspect
import os
import py_compile
import resource
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("numba")

from graphdsl.engines.numba import library
from graphdsl.ops import scalars, unit_arrays

TEXT = '''"""A kernel for a test."""

from graphdsl.engines.numba.decorators import kernel
from graphdsl.engines.numba.intrinsics import f64_at


@kernel
def double(arguments, part, parts):
    f64_at(arguments)[0] *= 2
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRAPHDSL_CACHE", str(tmp_path))
    monkeypatch.setattr(library, "_folder", library._folder.__wrapped__)
    monkeypatch.setattr(library, "_load", library._load.__wrapped__)
    return tmp_path / "numba"


def test_machine_code_is_found_again(folder: Path) -> None:
    assert library.load(TEXT).double.address
    (kept,) = folder.glob("__pycache__/*double*.nbc")
    written = kept.stat().st_mtime_ns
    again = library.load(TEXT).double
    assert again.address
    assert again.found
    assert kept.stat().st_mtime_ns == written


def test_another_text_is_another_module(folder: Path) -> None:
    library.load(TEXT)
    library.load(TEXT.replace("*= 2", "*= 3"))
    assert len(list(folder.glob("graphdsl_*.py"))) == 2


def test_a_folder_that_others_can_write_into_is_not_used(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    assert library._folder() is None
    assert library.load(TEXT).double.address
    assert not list(folder.iterdir())


def test_without_a_folder_programs_are_compiled_for_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    monkeypatch.setenv("GRAPHDSL_CACHE", str(blocked))
    assert library._folder() is None
    assert library.load(TEXT).double.address


def test_what_is_used_least_recently_goes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "KEPT", 2)
    for number in range(4):
        library.load(f'"""Module {number}."""\n')
    library._folder()
    assert len(list(folder.glob("graphdsl_*.py"))) == 2


def test_what_is_found_again_counts_as_used_and_not_as_changed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "KEPT", 1)
    path, other = (
        Path(library.load(text).__file__ or "") for text in (TEXT, f"{TEXT}\n\nNUMBER = 1\n")
    )
    os.utime(path, (1, 1))
    os.utime(other, (2, 2))
    library._written(path, TEXT)
    assert path.stat().st_mtime == 1
    library._folder()
    assert list(folder.glob("graphdsl_*.py")) == [path]


@pytest.mark.parametrize("module", [scalars, unit_arrays], ids=["scalars", "unit_arrays"])
def test_sources_that_kernels_are_made_of_tell_machine_code_apart(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A constant of another module is a number in machine code."""
    changed = tmp_path / "changed.py"
    changed.write_text(inspect.getsource(module) + "CHANGED = 1\n", encoding="utf-8")
    digests = [library._surroundings.__wrapped__().hexdigest()]
    monkeypatch.setattr(module, "__file__", str(changed))
    digests.append(library._surroundings.__wrapped__().hexdigest())
    assert digests[0] != digests[1]


DAMAGED = {"empty": slice(0, 0), "half": slice(0, 40), "shuffled": slice(None, None, -1)}


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("wanted", DAMAGED.values(), ids=DAMAGED)
def test_damaged_machine_code_is_made_anew(folder: Path, suffix: str, wanted: slice) -> None:
    assert library.load(TEXT).double.address
    (kept,) = folder.glob(f"__pycache__/*double*.{suffix}")
    kept.write_bytes(kept.read_bytes()[wanted])
    for found in (False, True):
        again = library.load(TEXT).double
        assert again.address
        assert again.found == found


def test_machine_code_with_another_bit_is_not_run(folder: Path) -> None:
    assert library.load(TEXT).double.address
    (kept,) = folder.glob("__pycache__/*double*.nbc")
    for part in range(4):
        written = bytearray(kept.read_bytes())
        written[len(written) * part // 4 + 9] ^= 1
        kept.write_bytes(written)
        again = library.load(TEXT).double
        assert again.address
        assert not again.found


def test_machine_code_of_another_function_is_not_run(folder: Path) -> None:
    other = TEXT.replace("*= 2", "*= 3")
    assert library.load(TEXT).double.address
    assert library.load(other).double.address
    one, two = folder.glob("__pycache__/*double*.nbc")
    one.write_bytes(two.read_bytes())
    found = []
    for text in (TEXT, other):
        double = library.load(text).double
        assert double.address
        found.append(double.found)
    assert sorted(found) == [False, True]


def test_what_a_full_disk_does_not_take_is_compiled_for_the_process(folder: Path) -> None:
    double = library.load(TEXT).double
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        assert double.address
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(folder.glob("__pycache__/*double*.nb?"))


def test_of_a_text_whose_writing_is_broken_off_nothing_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        library.load(TEXT)
    assert not list(folder.iterdir())


def test_where_machine_code_cannot_be_kept_it_is_compiled(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir(mode=0o700)
    blocked = folder / "__pycache__"
    blocked.write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))  # where numba would turn to
    assert library.load(TEXT).double.address


def test_a_damaged_text_is_written_anew(folder: Path) -> None:
    path = Path(library.load(TEXT).__file__ or "")
    path.write_bytes(b"\xff")
    assert library.load(TEXT).double.address
    assert path.read_text(encoding="utf-8") == TEXT


def test_damaged_byte_code_is_not_read(folder: Path) -> None:
    path = Path(library.load(TEXT).__file__ or "")
    compiled = Path(py_compile.compile(str(path)) or "")
    compiled.write_bytes(compiled.read_bytes()[:40])
    assert library.load(TEXT).double.address


def test_a_text_that_another_process_removes_meanwhile(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "graphdsl_gone.py").symlink_to(folder / "nowhere")
    assert library._folder() == folder


ENTRY = '''"""A way in for a test."""

from graphdsl.engines.numba.decorators import entry


@entry
def twice(x):
    return x + x
'''


def test_machine_code_for_other_types_is_not_taken(folder: Path) -> None:
    """Two processes that fill the cache at once may each take the first name for theirs."""
    first = library.load(ENTRY)
    assert (first.twice(3), first.twice(2.5)) == (6, 5.0)
    whole, real = sorted(folder.glob("__pycache__/*twice*.nbc"))
    whole.write_bytes(real.read_bytes())
    assert isinstance(library.load(ENTRY).twice(3), int)
