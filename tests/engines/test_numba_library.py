"""Compiled modules on disk: found again, refused where others could put code."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("numba")

from graphdsl.engines.numba import library

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
    assert again._made._cache_hits == 1
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
