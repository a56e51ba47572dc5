"""Sources, spans, and what reading a file may meet."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphdsl.language.diagnostics import ModelError
from graphdsl.language.source import MAX_SOURCE_BYTES, Source, read_source


def fault(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        read_source(path)
    (diagnostic,) = caught.value.diagnostics
    assert not diagnostic.labels
    return str(diagnostic)


def test_positions_count_from_one() -> None:
    source = Source("ab\ncd\r\n")
    assert source.position(0) == (1, 1)
    assert source.position(4) == (2, 2)
    assert source.line(2) == "cd"
    assert str(source.span(4, 5)) == "<text>:2:2"
    assert source.span(0, 1).to(source.span(3, 5)).text == "ab\ncd"


def test_a_file_is_read_without_its_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "m.gdl"
    path.write_bytes("\ufeffθ = 1\r\n".encode())
    source = read_source(path)
    assert source.text == "θ = 1\r\n"
    assert source.path == path


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "digits.gdl").touch()
    text = fault(tmp_path / "digit.gdl")
    assert "E0101" in text
    assert "did you mean 'digits.gdl'?" in text


def test_a_folder_lists_its_models(tmp_path: Path) -> None:
    (tmp_path / "a.gdl").touch()
    text = fault(tmp_path)
    assert "is a folder" in text
    assert "a.gdl" in text


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.gdl"
    path.write_bytes(b"x = 1\ny = \xff\n")
    assert "holds the byte 0xff at line 2, column 5" in fault(path)
    path.write_bytes(b"PK\x00\x01")
    assert "it holds NUL bytes, the first at line 1, column 3" in fault(path)
    path.write_bytes("x = 1".encode("utf-16"))
    assert "is UTF-16 text" in fault(path)


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.gdl"
    with path.open("wb") as file:
        file.truncate(MAX_SOURCE_BYTES + 1)
    assert "E0103" in fault(path)


def test_odd_paths_are_told_plainly() -> None:
    assert "cannot be read" in fault(Path("a\0b"))
    assert "there is no file" in fault(Path("no/such/folder/m.gdl"))
