"""CSV files: kinds of columns, and every fault with its file, line and column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphdsl import DataError
from graphdsl.training.columns import Table
from graphdsl.training.csv_table import read_csv


def table(folder: Path, content: str | bytes) -> Table:
    path = folder / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_csv(path)


def test_kinds_of_columns(tmp_path: Path) -> None:
    read = table(
        tmp_path, '\ufeffn, x ,name,big\r\n1,1.5,"a, b",99999999999999999999\r\n-2,1e3,c ,1\r\n\r\n'
    )
    assert list(read.columns) == ["n", "x", "name", "big"]
    assert read.array("n").dtype == np.int64
    assert read.array("x").tolist() == [1.5, 1000]
    assert read.array("name").tolist() == ["a, b", "c"]
    assert read.array("big").dtype == np.float64
    assert read.columns["name"].note == "line 2 holds 'a, b'"


def test_a_fault_counts_only_where_the_column_is_used(tmp_path: Path) -> None:
    read = table(tmp_path, "a,b\n1,\n2,3\n")
    assert read.array("a").tolist() == [1, 2]
    with pytest.raises(DataError, match="E0612"):
        read.array("b")


@pytest.mark.parametrize(
    ("content", "column", "code", "place"),
    [
        ("a,b\n1,2\n3,\n", "b", "E0612", ":3:3"),
        ("a,b\n1,2\nnan,4\n", "a", "E0612", ":3:1"),
        ("a,b\n1,2\n3,1e999\n", "b", "E0612", ":3:3"),
        ('a,b\n"x\ny, z",2\n"q",\n', "b", "E0612", ":4:5"),
        ("a,b\n1,2\n3\n", None, "E0611", ":3:1"),
        ("a,b\n1,2\n3,4,5\n", None, "E0611", ":3:1"),
        ("a,b,a\n1,2,3\n", None, "E0611", ":1:5"),
        ("a,,b\n1,2,3\n", None, "E0611", ":1:3"),
        ("1,2\n3,4\n", None, "E0611", ":1:1"),
        ("a;b\n3;4\n", None, "E0611", ":1:1"),
        ('a,b\n1,"2\n', None, "E0611", ":2:1"),
    ],
)
def test_faults_have_their_place(
    tmp_path: Path, content: str, column: str | None, code: str, place: str
) -> None:
    with pytest.raises(DataError) as caught:
        table(tmp_path, content).array(column or "a")
    text = str(caught.value)
    assert code in text
    assert f"t.csv{place}" in text
    assert "help" in text or code == "E0611"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\n\n", "empty"),
        (b"a,b\n", "no rows"),
        (b"a,b\n1,\x00\n", "line 2 holds a NUL byte"),
        (b"a,b\n1,2\n1,\xe9\n", "line 3 holds the byte 0xe9"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
    ],
)
def test_what_is_no_csv(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(DataError) as caught:
        table(tmp_path, content)
    assert "E0610" in str(caught.value)
    assert said in str(caught.value)


def test_size_is_checked_before_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphdsl.training.csv_table.machine_memory", lambda: 100)
    with pytest.raises(DataError, match="E0613"):
        table(tmp_path, "a,b\n1,2\n")
