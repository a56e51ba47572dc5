"""Data too large to be held: rows computed when they are needed, and shuffled by blocks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl.training import assembly, deferred, windows
from graphdsl.training.batches import Batches
from graphdsl.training.data import load_dataset
from graphdsl.training.dataset import Dataset, Part
from graphdsl.training.stacked import Stacked
from rules.citations import rule
from small_machine import have_memory

LARGE = "Data › Large data"
ROWS = 1000
TEXT = """dim N
input x: [N]
param w = 0
loss J = mean(x) * w
data {{
  source = "columns"
  x = {}
}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model's folder with a column that counts as large; ten rows make a block."""
    monkeypatch.setattr(assembly, "LARGE", ROWS - 1)
    monkeypatch.setattr(deferred, "BLOCK", 40)
    monkeypatch.setattr(windows, "WINDOW_BLOCKS", 4)
    (tmp_path / "columns").mkdir()
    np.save(tmp_path / "columns" / "a.npy", np.arange(ROWS, dtype=np.uint16))
    return tmp_path


def load(folder: Path, expression: str) -> Dataset:
    """The data of a model that binds x to an expression."""
    path = folder / "m.gdl"
    path.write_text(TEXT.format(expression))
    return load_dataset(graphdsl.load(path).session)


def epoch(part: Part, number: int, seed: int = 0, shuffle: bool = True) -> list[int]:
    """The rows of an epoch in the order in which batches of 32 take them."""
    batches = Batches(part, 32, seed=seed, shuffle=shuffle)
    return [int(row) for feeds, _ in batches.epoch(number) for row in feeds["x"]]


@rule(LARGE, "`.npy` and unpacked IDX files are mapped into memory, not read.")
@rule(LARGE, "Where the columns that rows are made of have more than 2^25 mapped elements")
@rule(LARGE, "no array of all rows is ever made: each expression is computed for the rows")
@rule(LARGE, "`images / 16` and `standardize(images)` do;")
@pytest.mark.parametrize("expression", ["a / 16", "standardize(a)"])
def test_rows_are_computed_when_needed(
    folder: Path, expression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = load(folder, expression).train
    assert not isinstance(part.arrays["x"], np.ndarray)
    rows = [row for feeds, _ in Batches(part, 32, shuffle=False).epoch(0) for row in feeds["x"]]
    monkeypatch.setattr(assembly, "LARGE", ROWS)
    held = load(folder, expression).train.arrays["x"]
    assert isinstance(held, np.ndarray)
    assert rows == held.tolist()


@rule(LARGE, "The columns of `.npz`, packed IDX and `.parquet` files are unpacked into memory")
@rule(LARGE, "or more than 2^28 of any kind")
def test_what_is_unpacked_may_be_larger(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "m.gdl"
    np.savez(folder / "d.npz", a=np.arange(ROWS))
    path.write_text(TEXT.format("a / 16").replace('"columns"', '"d.npz"'))
    held = load_dataset(graphdsl.load(path).session).train.arrays["x"]
    assert isinstance(held, np.ndarray)
    monkeypatch.setattr(assembly, "HELD", ROWS - 1)
    deferred_rows = load_dataset(graphdsl.load(path).session).train.arrays["x"]
    assert not isinstance(deferred_rows, np.ndarray)
    assert deferred_rows[:].tolist() == held.tolist()
    assert (assembly.LARGE, deferred.HELD) == (ROWS - 1, 2**28)


@rule(LARGE, "a `.csv` file is read whole.")
@rule(LARGE, "Columns are let go once the inputs are made.")
def test_columns_are_read_once_for_each_data(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "d.csv").write_text("a\n1\n2\n")
    path = folder / "m.gdl"
    path.write_text(TEXT.format("a / 16").replace('"columns"', '"d.csv"'))
    forgotten = []
    forget = Stacked.forget
    monkeypatch.setattr(Stacked, "forget", lambda self: forgotten.append(1) or forget(self))
    assert isinstance(load_dataset(graphdsl.load(path).session).train.arrays["x"], np.ndarray)
    assert forgotten


@rule(LARGE, "What would not fit the memory there is, is refused by its declared size.")
def test_what_does_not_fit_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(folder / "d.npz", a=np.zeros(ROWS))
    path = folder / "m.gdl"
    path.write_text(TEXT.format("a").replace('"columns"', '"d.npz"'))
    have_memory(monkeypatch, 8 * ROWS - 1)
    monkeypatch.setattr("zipfile.ZipFile.read", None)
    with pytest.raises(graphdsl.DataError, match="E0613"):
        load_dataset(graphdsl.load(path).session)


@rule(LARGE, "`images / max(images)` is an error then.")
def test_a_row_has_one_value_whatever_is_beside_it(folder: Path) -> None:
    with pytest.raises(graphdsl.GraphdslError):
        load(folder, "a / max(a)")


@rule(LARGE, "Such data is shuffled by blocks.")
@rule(LARGE, "The training part is cut into blocks of neighbouring rows")
@rule(LARGE, "An epoch takes the blocks in an order that is drawn from (seed, epoch), 32 at a time")
@rule(LARGE, "Every row comes once an epoch")
def test_blocks_are_shuffled(folder: Path) -> None:
    order = np.array(epoch(load(folder, "a").train, 0))
    assert sorted(order) == list(range(ROWS))
    for start in range(0, ROWS, 40):
        assert len(np.unique(order[start : start + 40] // 10)) == 4
    assert (np.diff(order) == 1).mean() < 0.1


@rule(LARGE, "Smaller data is shuffled row by row.")
def test_smaller_data_is_shuffled_by_rows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "LARGE", ROWS)
    order = np.array(epoch(load(folder, "a").train, 0))
    assert len(np.unique(order[:40] // 10)) > 20


@rule(LARGE, "Either way a batch is a function of seed, epoch and step.")
@pytest.mark.parametrize("large", [ROWS - 1, ROWS])
def test_the_order_is_repeated(folder: Path, monkeypatch: pytest.MonkeyPatch, large: int) -> None:
    monkeypatch.setattr(assembly, "LARGE", large)
    part = load(folder, "a").train
    assert epoch(part, 1) == epoch(part, 1)
    assert len({str(epoch(part, n, seed)) for n in range(2) for seed in range(2)}) == 4
