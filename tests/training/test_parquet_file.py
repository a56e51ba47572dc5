"""Parquet files: kinds of columns, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl import DataError
from graphdsl.training import parquet_file
from graphdsl.training.data import load_dataset
from graphdsl.training.sources import read_table
from small_machine import have_memory

pa = pytest.importorskip("pyarrow", reason="pyarrow, of the extra parquet, is not installed")
import pyarrow.parquet as pq  # noqa: E402

TREE = Path(__file__).parents[2]


def write(path: Path, **columns: object) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def refusal(path: Path, column: str | None = None) -> str:
    with pytest.raises(DataError) as caught:  # noqa: PT012
        table = read_table(path)
        if column is not None:
            table.array(column)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_kinds_of_columns(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.parquet",
        whole=[1, 2, 3],
        half=pa.array([1.5, 2, 3], pa.float16()),
        flag=[True, False, True],
        name=["x", "yy", "z"],
        kind=pa.array(["u", "v", "u"]).dictionary_encode(),
        pair=[[1, 2], [3, 4], [5, 6]],
        fixed=pa.array([[1.0], [2.0], [3.0]], pa.list_(pa.float32(), 1)),
        **{"dotted.name": [7, 8, 9]},
    )
    table = read_table(path)
    found = {name: table.array(name) for name in table.columns}
    assert {name: (a.shape, a.dtype.kind) for name, a in found.items()} == {
        "whole": ((3,), "i"),
        "half": ((3,), "f"),
        "flag": ((3,), "b"),
        "name": ((3,), "U"),
        "kind": ((3,), "U"),
        "pair": ((3, 2), "i"),
        "fixed": ((3, 1), "f"),
        "dotted.name": ((3,), "i"),
    }
    assert all(found[name].shape == c.shape for name, c in table.columns.items())
    assert found["pair"].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert found["kind"].tolist() == ["u", "v", "u"]


def test_a_model_trains_on_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 60))
    write(
        tmp_path / "t.parquet",
        **{"first one": a, "b": b, "kind": np.where(a > b, "yes", "no")},
        part=["train"] * 40 + ["valid"] * 20,
    )
    path = tmp_path / "m.gdl"
    path.write_text(
        "dim N\ninput x: [N, 2]\ninput y: i64[N]\nz = Dense(x, 2)\n"
        "loss J = mean(cross_entropy(z, y))\nmetric accuracy = mean(argmax(z) == y)\n"
        'data {\n  source = "t.parquet"\n  x = stack(column("first one"), b, axis = 1)\n'
        '  y = category(kind)\n  split_by = "part"\n}\n'
        "train {\n  optimizer = adam(lr = 0.1)\n  epochs = 20\n  batch = 10\n}\n"
    )
    model = graphdsl.load(path)
    assert model.fit().final["valid"]["accuracy"] > 0.9
    assert load_dataset(model.session).categories == {"kind": ("no", "yes")}


@pytest.mark.parametrize(
    ("values", "code", "said"),
    [
        ([1, None, 3], "E0612", "no value in row 1"),
        ([[1, 2], None, [3, 4]], "E0612", "no value in row 1"),
        ([[1, 2], [3, None], [3, 4]], "E0612", "no value in row 1"),
        ([[1], [2, 3], [4]], "E0603", "lists of different lengths"),
        ([{"x": 1}, {"x": 2}, {"x": 3}], "E0614", "struct<x: int64>"),
        ([b"a", b"b", b"c"], "E0614", "binary"),
    ],
)
def test_what_cannot_be_used_counts_only_where_it_is(
    tmp_path: Path, values: list[object], code: str, said: str
) -> None:
    path = write(tmp_path / "t.parquet", good=[1, 2, 3], bad=values)
    assert read_table(path).array("good").tolist() == [1, 2, 3]
    text = refusal(path, "bad")
    assert code in text
    assert said in text


@pytest.mark.parametrize("group", [1, 3, 100])
def test_columns_are_read_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: int
) -> None:
    monkeypatch.setattr(parquet_file, "PIECE", 4)
    numbers, texts = list(range(11)), ["y" * (n % 5) for n in range(11)]
    lists = [[n, -n] for n in numbers]
    columns = {"n": numbers, "t": texts, "l": lists, "k": pa.array(texts).dictionary_encode()}
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=group)
    table = read_table(path)
    assert table.array("n").tolist() == numbers
    assert table.array("l").tolist() == lists
    assert table.array("t").tolist() == table.array("k").tolist() == texts


def test_a_gap_is_found_in_whichever_piece_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_file, "PIECE", 4)
    path = write(tmp_path / "t.parquet", a=[*range(9), None], b=[[1, 2]] * 9 + [[1, None]])
    for name in "ab":
        assert "no value in row 9" in refusal(path, name)
    write(path, a=[[1]] * 9 + [[1, 2]])
    assert "lists of different lengths" in refusal(path, "a")


def test_one_long_text_makes_all_of_them_wide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_file, "PIECE", 1000)
    path = write(tmp_path / "t.parquet", a=["x"] * 5000 + ["y" * 10_000])
    have_memory(monkeypatch, 10**8)
    text = refusal(path, "a")
    assert "E0613" in text
    assert f"{4 * 5001 * 10_000:,} bytes" in text


def test_damaged_files(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", a=np.arange(1000))
    whole = path.read_bytes()
    for data in (b"PAR1", b"not parquet at all", whole[:-20], whole[:200]):
        path.write_bytes(data)
        assert "E0610" in refusal(path)
    spoilt = bytearray(whole)
    spoilt[10:400] = bytes(390)
    path.write_bytes(bytes(spoilt))
    assert "E0610" in refusal(path, "a")


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]), path)
    assert "two columns are called 'a'" in refusal(path)


def test_what_memory_cannot_hold_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "t.parquet", a=np.zeros(100_000))
    assert path.stat().st_size < 100_000
    have_memory(monkeypatch, 500_000)
    assert "E0613" in refusal(path, "a")


PEAK = """
import sys, pathlib, pyarrow
from graphdsl.training.parquet_file import read_parquet
array = read_parquet(pathlib.Path(sys.argv[1])).array("a")
print(array.nbytes, pyarrow.default_memory_pool().max_memory())
"""


def test_a_row_group_is_read_piece_by_piece(tmp_path: Path) -> None:
    """Beside the array neither the bytes of the file nor the column unpacked are in memory."""
    path, numbers = tmp_path / "t.parquet", np.random.default_rng(0).random(2_000_000)
    pq.write_table(pa.table({"a": numbers}), path, compression="none", row_group_size=2**21)
    words = [sys.executable, "-c", PEAK, str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=TREE)
    nbytes, peak = map(int, done.stdout.split())
    assert nbytes == numbers.nbytes
    assert 0 < peak < nbytes / 4


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "t.parquet", a=[1])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "pip install 'graphdsl-lang[parquet]'" in refusal(path)
