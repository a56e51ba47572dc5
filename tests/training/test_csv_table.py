"""CSV files: kinds of columns, and every fault with its file, line and column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphdsl import DataError
from graphdsl.training.columns import Table
from graphdsl.training.csv_table import read_csv
from small_machine import have_memory


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
        ('a,b\n1,2\n3,"4"5\n', None, "E0611", ":3:1"),
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
    assert "help: " in text


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
    assert "help: " in str(caught.value)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["1", "x", "3"], "has 'x' here"),
        (["x", "y", "3"], "has 'x' here"),
        (["1", "?", "", "4"], "has '?' here"),
        (["1", "y" * 50, "2"], f"has '{'y' * 39}…' here"),
        (["cat", "dog", "nan"], None),
        (["inf", "dog", "-"], None),
        (["1", "2", "nan"], None),
        (["1", "", "3"], None),
    ],
)
def test_numbers_and_text_in_one_column(tmp_path: Path, cells: list[str], said: str | None) -> None:
    rows = "".join(f"{i},{cell}\n" for i, cell in enumerate(cells))
    column = table(tmp_path, "a,b\n" + rows).columns["b"]
    if said is None:
        assert column.mixed is None
    else:
        assert column.mixed is not None
        assert column.mixed.code == "E0627"
        assert said in column.mixed.message
        assert column.mixed.primary is not None
        line = 2 + next(i for i, cell in enumerate(cells) if not cell.isdigit())
        assert column.mixed.primary.span.line == line


def test_text_counts_as_wide_as_its_longest_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = table(tmp_path, "a,b\n" + "x,1\n" * 1000 + f"{'y' * 100_000},1\n")
    assert read.columns["a"].nbytes == 1001 * 100_000 * 4
    have_memory(monkeypatch, 10**8)
    with pytest.raises(DataError, match="E0613"):
        read.array("a")
    assert read.array("b").sum() == 1001


def test_size_is_checked_before_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for memory in (10, 500):  # for its bytes, and for its cells
        have_memory(monkeypatch, memory)
        with pytest.raises(DataError, match="E0613"):
            table(tmp_path, "a,b\n1,2\n")


def test_a_cell_of_megabytes_is_named_for_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text(f"a,b\n1,2\n3,{'x' * 200_000}\n")
    with pytest.raises(DataError) as caught:
        read_csv(tmp_path / "d.csv")
    (found,) = caught.value.diagnostics
    assert found.message == "a cell of this line is longer than 131,072 characters"
    assert "shorten it" in found.help[0]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_any_system_ends_them(tmp_path: Path, end: str) -> None:
    read = table(tmp_path, end.join(["a,name", "1,x", "2,y", ""]))
    assert (read.array("a").tolist(), read.array("name").tolist()) == ([1, 2], ["x", "y"])
    with pytest.raises(DataError, match=r"t\.csv:3:1"):
        table(tmp_path, end.join(["a,b", "1,2", "3"]))
