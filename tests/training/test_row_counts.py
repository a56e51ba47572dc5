"""How many rows there are, and what is refused by its numbers before it is loaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl import DataError
from graphdsl.training.data import load_dataset
from small_machine import have_memory

MODEL = """dim N
input x: [N]
input z: [N]
input A: [2]
loss J = mean(x) + mean(z) + sum(A)
data {
  source = "d"
  x = a
  z = b / 2
  A = c
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model beside the folder of its columns."""
    (tmp_path / "d").mkdir()
    for name, array in {"a": np.arange(100), "b": np.arange(100), "c": np.ones(2)}.items():
        np.save(tmp_path / "d" / f"{name}.npy", array)
    (tmp_path / "m.gdl").write_text(MODEL)
    return tmp_path


def refusal(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        load_dataset(graphdsl.load(folder / "m.gdl").session)
    return str(caught.value)


def test_rows_are_those_of_inputs_fed_by_row(folder: Path) -> None:
    assert load_dataset(graphdsl.load(folder / "m.gdl").session).train.rows == 100


def test_columns_that_differ_in_length(folder: Path) -> None:
    np.save(folder / "d" / "b.npy", np.arange(99))
    text = refusal(folder)
    assert "E0615" in text
    assert "'a' has 100 rows, 'b' 99" in text
    assert "m.gdl:9:7" in text


def test_a_damaged_column_is_told_of_before_its_length(folder: Path) -> None:
    path = folder / "d" / "b.npy"
    path.write_bytes(path.read_bytes().replace(b"(100,)", b"(900,)"))
    text = refusal(folder)
    assert "E0610" in text
    assert "declares 7,200 bytes of elements and holds 800" in text
    assert "m.gdl:9:7" in text


def test_columns_that_memory_holds_one_by_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez(folder / "d.npz", a=np.zeros(10_000), b=np.zeros(9_000), c=np.ones(2))
    (folder / "m.gdl").write_text(MODEL.replace('"d"', '"d.npz"'))
    have_memory(monkeypatch, 100_000)
    text = refusal(folder)
    assert "E0613" in text
    assert "'a' of '" in text
    assert "d.npz' beside the other columns that are read (152,016 bytes)" in text
    assert "m.gdl:8:7" in text


def test_rows_that_hold_nothing_are_counted_too(folder: Path) -> None:
    for name in "ab":
        header = np.lib.format.header_data_from_array_1_0(np.zeros((1, 0)))
        with (folder / "d" / f"{name}.npy").open("wb") as file:
            np.lib.format.write_array_header_1_0(file, {**header, "shape": (2**60, 0)})
    text = refusal(folder)
    assert "E0613" in text
    assert f"with {2**60:,} rows is more than memory can hold: this machine has " in text
    assert "m.gdl:8:7" in text
