"""Data: how the columns of a source become inputs, and rows become parts."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl.training.assembly import from_source
from graphdsl.training.dataset import Dataset
from rules.citations import rule

DATA = "Data"

ROWS = 10
COLUMNS = {
    "a": np.arange(ROWS, dtype=float),
    "b": np.arange(ROWS) % 2,
    "mean radius": np.full(ROWS, 7.0),
    "name": np.array(["fly", "ant"] * (ROWS // 2)),
}
HEAD = "dim N\ninput x: [N]\nparam w = 0\nloss J = mean(x) * w\n"
Bind = Callable[..., Dataset]


@pytest.fixture
def bind(tmp_path: Path) -> Bind:
    """`bind("x = a", …)` is the dataset of a model whose data block has these lines."""
    np.savez(tmp_path / "d.npz", **COLUMNS)

    def bind(*lines: str, head: str = HEAD) -> Dataset:
        named = any(line.startswith(("source =", "train =")) for line in lines)
        given = lines if named else ('source = "d.npz"', *lines)
        path = tmp_path / "model.gdl"
        path.write_text("\n".join([head, "data {", *given, "}", ""]), "utf-8")
        return from_source(graphdsl.load(path).session, {}, None)

    return bind


@rule(DATA, "`data` binds every input to the columns of a source beside the model.")
def test_inputs_are_bound(bind: Bind) -> None:
    assert bind("x = a / 2 + 1").train.arrays["x"].tolist() == [k / 2 + 1 for k in range(ROWS)]
    with pytest.raises(graphdsl.ModelError, match="E0504"):
        bind("split = [0.5, 0.5]")


def write_sources(folder: Path) -> None:
    """The numbers 0, 1, … as a column `a`, in every form."""
    numbers = np.arange(ROWS, dtype=np.uint8)
    for name in ("arrays", "idx"):
        (folder / name).mkdir()
    np.save(folder / "arrays" / "a.npy", numbers)
    (folder / "d.csv").write_text("a\n" + "".join(f"{k}\n" for k in numbers))
    idx = bytes([0, 0, 8, 1, 0, 0, 0, ROWS]) + numbers.tobytes()
    for name in ("a.idx", "idx/a.idx"):
        (folder / name).write_bytes(idx)
    with gzip.open(folder / "a-idx1-ubyte.gz", "wb") as file:
        file.write(idx)


@pytest.mark.parametrize(
    "source", ["d.npz", "arrays", "d.csv", "a.idx", "a-idx1-ubyte.gz", "idx", "d.parquet"]
)
@rule(DATA, "A source is one of")
@rule(DATA, "a `.npz` archive;")
@rule(DATA, "its arrays are the columns,")
@rule(DATA, "a `.csv` file with a line of names,")
@rule(DATA, "a `.parquet` file (the extra `parquet`);")
@rule(DATA, "a folder of `.npy` or IDX files, each a column by its name without the ending.")
@rule(DATA, "The file or folder the columns come from, beside the model's file.")
def test_sources(bind: Bind, tmp_path: Path, source: str) -> None:
    write_sources(tmp_path)
    if source.endswith("parquet"):
        arrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        parquet.write_table(arrow.table({"a": np.arange(ROWS)}), tmp_path / source)
    found = bind(f'source = "{source}"', "x = a").train.arrays["x"]
    assert found.tolist() == list(range(ROWS))


@rule(DATA, "lists of numbers of one length are rows of a column")
def test_lists_in_parquet(bind: Bind, tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table({"a": [[1, 2], [3, 4]]}), tmp_path / "l.parquet")
    assert bind('source = "l.parquet"', "x = a[:, 1]").train.arrays["x"].tolist() == [2, 4]


@rule(DATA, "such as `train-images-idx3-ubyte.gz`, which is the column `images`;")
@rule(DATA, "the files beside it whose names begin alike, `train-`, are columns of the same table,")
def test_idx_files_that_begin_alike(bind: Bind, tmp_path: Path) -> None:
    for name, first in (("train-images", 5), ("train-labels", 7), ("test-labels", 9)):
        idx = bytes([0, 0, 8, 1, 0, 0, 0, 2, first, 1])
        (tmp_path / f"{name}-idx1-ubyte").write_bytes(idx)
    data = bind('source = "train-images-idx1-ubyte"', "x = 10 * images + labels")
    assert data.train.arrays["x"].tolist() == [57, 11]


@rule(DATA, "Names on the right are its columns, before anything else of that name.")
@rule(DATA, "Beside the ops there are")
def test_columns_come_first(bind: Bind) -> None:
    head = HEAD + "const a = 100\nconst c = 100\nmetric m = a + c + x[0]\n"
    assert bind("x = a + c", head=head).train.arrays["x"][1] == 101


@pytest.mark.parametrize(
    ("expression", "first"),
    [
        pytest.param(
            'column("mean radius")',
            [7, 7, 7],
            marks=rule(DATA, "a column whose name is no identifier"),
        ),
        pytest.param(
            "sum(table, axis = 1)",
            [7, 9, 9],
            marks=rule(DATA, "all numeric columns, in order, as `[rows, columns]`"),
        ),
        pytest.param(
            "table[:, 1]",
            [0, 1, 0],
            marks=rule(DATA, "all numeric columns, in order, as `[rows, columns]`"),
        ),
        pytest.param(
            "category(name)",
            [1, 0, 1],
            marks=rule(DATA, "whole numbers for the values that the training part has"),
        ),
    ],
)
def test_columns(bind: Bind, expression: str, first: list[float]) -> None:
    assert bind(f"x = {expression}").train.arrays["x"][:3].tolist() == first


@rule(DATA, "A column of a `.csv` file holds numbers where every cell is one, and text where none")
@rule(DATA, "One that holds both is an error at its first cell of text, in `table` too.")
def test_numbers_and_text_in_one_column(bind: Bind, tmp_path: Path) -> None:
    csv = tmp_path / "d.csv"
    csv.write_text("a,b,c\n1,2,cat\n3,4,dog\n")
    source = 'source = "d.csv"'
    assert bind(source, "x = sum(table, axis = 1)").train.arrays["x"].tolist() == [3, 7]
    csv.write_text("a,b,c\n1,2,cat\n3,four,dog\n")
    assert bind(source, "x = a").train.arrays["x"].tolist() == [1, 3]
    for expression in ("sum(table, axis = 1)", "table[:, 0]", "b"):
        with pytest.raises(graphdsl.DataError, match=r"E0627") as caught:
            bind(source, f"x = {expression}")
        assert "d.csv:3:3" in str(caught.value)


@rule(DATA, "Where `category`, `stratify` or `split_by` names it, it is text")
def test_a_column_of_both_may_be_text(bind: Bind, tmp_path: Path) -> None:
    rows = "".join(f"{k},{part}\n" for k in range(4) for part in (7, "train", 7, "train"))
    (tmp_path / "d.csv").write_text(f"a,b\n{rows}")
    lines = ["x = sum(table, axis = 1) + 0 * category(b)"]
    lines += ['x = table[:, -1]\nstratify = "b"\nsplit = [0.5, 0.5]']
    for line in lines:
        found = bind('source = "d.csv"', line).train.arrays["x"]
        assert set(found.tolist()) == {0, 1, 2, 3}
    (tmp_path / "d.csv").write_text(f"a,b\n{rows.replace('7', 'valid')}5,6\n")
    with pytest.raises(graphdsl.DataError, match="E0623"):  # a row's part, and no number
        bind('source = "d.csv"', 'x = table[:, -1]\nsplit_by = "b"')


@rule(DATA, "c with mean 0 and deviation 1, as measured on the training part")
def test_standardize(bind: Bind) -> None:
    data = bind("x = standardize(a)", "split = [0.5, 0.5]")
    plain = bind("x = a", "split = [0.5, 0.5]")
    assert data.valid is not None
    assert plain.valid is not None
    train = plain.train.arrays["x"]
    assert data.train.arrays["x"].mean() == pytest.approx(0, abs=1e-6)
    assert data.train.arrays["x"].std() == pytest.approx(1)
    expected = (plain.valid.arrays["x"] - train.mean()) / train.std()
    assert data.valid.arrays["x"] == pytest.approx(expected)


def rows(data: Dataset) -> dict[str, int]:
    """The number of rows of each part."""
    return {name: part.rows for name, part in data.parts.items()}


@rule(DATA, "The part to train on, where the parts stand in files of their own.")
@rule(DATA, "The part to validate on, where it stands in a file of its own.")
@rule(DATA, "The part to test on, where it stands in a file of its own.")
def test_parts_in_files(bind: Bind, tmp_path: Path) -> None:
    for count, name in enumerate(("one", "two", "three"), 1):
        np.savez(tmp_path / f"{name}.npz", a=np.arange(count))
    lines = ['train = "one.npz"', 'valid = "two.npz"', 'test = "three.npz"']
    assert rows(bind(*lines, "x = a")) == {"train": 1, "valid": 2, "test": 3}
    data = bind('train = "three.npz"', 'test = "two.npz"', "x = a")
    assert rows(data) == {"train": 3, "test": 2}


@rule(DATA, "The fractions of the rows in each part: train, valid and perhaps test.")
@rule(DATA, "Two fractions are a train and a valid part, three a test part too.")
@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("[0.7, 0.3]", {"train": 7, "valid": 3}),
        ("[0.6, 0.2, 0.2]", {"train": 6, "valid": 2, "test": 2}),
    ],
)
def test_splits(bind: Bind, split: str, expected: dict[str, int]) -> None:
    data = bind("x = a", f"split = {split}")
    assert rows(data) == expected
    held = np.concatenate([part.arrays["x"] for part in data.parts.values()])
    assert sorted(held) == list(range(ROWS))


@pytest.mark.parametrize("split", ["[0.5, 0.4]", "[1.0]", "[1.5, -0.5]", "0.5"])
@rule(DATA, "two or three positive fractions that sum to 1")
def test_what_is_no_split(bind: Bind, split: str) -> None:
    with pytest.raises(graphdsl.ModelError, match="E0502"):
        bind("x = a", f"split = {split}")


@rule(DATA, "The seed the split is drawn from; never the training seed.")
@rule(DATA, "The split is drawn from `split_seed`, never from the seed of training.")
def test_split_seed(bind: Bind) -> None:
    def chosen(*lines: str, head: str = HEAD) -> list[float]:
        return bind("x = a", "split = [0.5, 0.5]", *lines, head=head).train.arrays["x"].tolist()

    seeded = f"{HEAD}train {{\n  optimizer = sgd()\n  seed = 5\n}}\n"
    assert chosen() == chosen("split_seed = 0") == chosen(head=seeded)
    assert len({str(chosen(f"split_seed = {k}")) for k in range(4)}) > 1


@rule(DATA, "The column whose classes every part gets in equal proportion.")
def test_stratify(bind: Bind) -> None:
    for seed in range(5):
        data = bind("x = b", "split = [0.6, 0.4]", 'stratify = "b"', f"split_seed = {seed}")
        assert [part.arrays["x"].mean() for part in data.parts.values()] == [0.5, 0.5]


@rule(DATA, "The column that says of each row which part has it, in place of 'split'.")
@rule(DATA, "says `train`, `valid` or `test` in every row, and nothing is drawn.")
def test_parts_by_a_column(bind: Bind, tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", a=[1, 2, 3, 4], part=["train", "test", "train", "valid"])
    data = bind('source = "p.npz"', "x = a", 'split_by = "part"')
    held = {name: part.arrays["x"].tolist() for name, part in data.parts.items()}
    assert held == {"train": [1, 3], "valid": [4], "test": [2]}


@rule(DATA, "another value in another part is an error.")
def test_categories_are_those_of_the_training_part(bind: Bind, tmp_path: Path) -> None:
    for part, last in (("train", "ant"), ("valid", "bee")):
        np.savez(tmp_path / f"{part}.npz", name=["fly", last])
    with pytest.raises(graphdsl.DataError, match="E0622"):
        bind('train = "train.npz"', 'valid = "valid.npz"', "x = category(name)")


@rule(DATA, "The batch axis is the first axis of every input whose first size is the symbol that")
@rule(DATA, "all other inputs are fed whole.")
def test_what_is_fed_whole(bind: Bind) -> None:
    head = "dim N\ninput x: [N]\ninput k: [10]\nparam w = 0\nloss J = mean(x) * w * sum(k)\n"
    data = bind("x = a", "k = a", "split = [0.5, 0.5]", head=head)
    assert data.train.arrays["x"].shape == (5,)
    assert data.train.whole["k"].tolist() == list(range(ROWS))


@rule(DATA, "A part comes from one of `split`, `split_by` and a file of its own, not from two.")
def test_parts_come_from_one_place(bind: Bind) -> None:
    for lines in (
        ["split = [0.5, 0.5]", 'valid = "d.npz"'],
        ['train = "d.npz"'],
        ["split = [0.5, 0.5]", 'split_by = "name"'],
    ):
        with pytest.raises(graphdsl.ModelError, match="E0509"):
            bind('source = "d.npz"', "x = a", *lines)
