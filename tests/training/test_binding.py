"""Right-hand sides of a data block: what they compute, and where their errors stand."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl import DataError, GraphdslError, ModelError
from graphdsl.training.data import load_dataset
from graphdsl.training.dataset import Dataset
from graphdsl.training.formulas import Formula

HEAD = """dim N
const k = 2
block twice(v) {
  return v * k
}
input x: [N, 2]
input y: i64[N]
loss J = mean(x) + 0 * mean(y)
"""


def dataset(path: Path, **settings: object) -> Dataset:
    return load_dataset(graphdsl.load(path, dtype="f64").session, settings)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ("table[:, :2]", [[1, 2], [3, 4.5]]),
        ("stack(a, b, axis = 1)", [[1, 2], [3, 4.5]]),
        ('stack(column("a"), b / 2, axis = 1)', [[1, 1], [3, 2.25]]),
        ("table[:, :k] / 2", [[0.5, 1], [1.5, 2.25]]),
        ("twice(table[:, :2])", [[2, 4], [6, 9]]),
        ("exp(table[:, 1:3])", [[np.exp(2), 1], [np.exp(4.5), np.e]]),
        ("stack(a == 3, a > 0, axis = -1)", [[0, 1], [1, 1]]),
    ],
)
def test_expressions(write, x: str, expected: list[list[float]]) -> None:
    data = dataset(write(f'source = "a.csv"\nx = {x}\ny = c', train="", head=HEAD))
    np.testing.assert_allclose(data.train.arrays["x"][:2], expected)
    assert data.train.arrays["x"].dtype == np.float64
    assert data.train.arrays["y"].tolist() == [0, 1, 2, 1, 0, 2]


def test_columns_shadow_constants_but_not_functions(write) -> None:
    table = "k,exp,c\n1,2,0\n3,4,1\n"
    path = write(
        'source = "a.csv"\nx = twice(stack(k, exp(exp), axis = 1))\ny = c', table, "", HEAD
    )
    np.testing.assert_allclose(dataset(path).train.arrays["x"][0], [2, 2 * np.exp(2)])


def test_standardize_takes_its_statistics_from_the_training_part(write) -> None:
    table = "a,flat,c\n" + "".join(f"{i * i},7,0\n" for i in range(20))
    data = 'source = "a.csv"\nx = standardize(table[:, :2])\ny = c\nsplit = [0.5, 0.5]'
    path = write(data, table, train="", head=HEAD)
    data = dataset(path)
    assert data.valid is not None
    train, valid = data.train.arrays["x"], data.valid.arrays["x"]
    np.testing.assert_allclose(train[:, 0].mean(), 0, atol=1e-12)
    np.testing.assert_allclose(train[:, 0].std(), 1)
    assert abs(valid[:, 0].mean()) > 1e-3
    assert not train[:, 1].any()


def test_category_keeps_its_mapping(write) -> None:
    path = write('source = "a.csv"\nx = table[:, :2]\ny = category(kind) + 0', train="", head=HEAD)
    data = dataset(path)
    assert data.train.arrays["y"].tolist() == [0, 1, 0, 2, 1, 0]
    assert data.categories == {"kind": ("cat", "dog", "emu")}


@pytest.mark.parametrize(
    ("x", "code", "place", "said"),
    [
        ("tabel", "E0507", "m.gdl:11:5", "did you mean 'table'?"),
        ('column("aa")', "E0507", "m.gdl:11:12", "the columns of"),
        ("J + table", "E0507", "m.gdl:11:5", "'J' is a node of the model"),
        ("column(a)", "E0510", "m.gdl:11:5", "double quotes"),
        ("kind", "E0510", "m.gdl:11:5", "line 2 holds 'cat'"),
        ("standardize(a, b)", "E0510", "m.gdl:11:5", "one argument"),
        ("standardize(3)", "E0510", "m.gdl:11:17", "not one number"),
        ("category(a + b)", "E0510", "m.gdl:11:14", "the name of a column"),
        ("table @ table", "E0204", "m.gdl:11:5", "f64[6, 3]"),
        ("exp(table, 3)", "E0408", "m.gdl:11:16", ""),
        ("table[:, :1]", "E0604", "m.gdl:11:5", "[N, 2]"),
        ("table[:3, :2]", "E0511", "m.gdl:11:5", "[3, 2]"),
        ("ln(table[:, 1:3] - 4)", "E0612", "m.gdl:11:5", "nan at [0, 0]"),
        ("table[:, :2][7 * c]", "E0607", "m.gdl:11:5", "index 14"),
    ],
)
def test_errors_stand_where_the_user_wrote_them(
    write, x: str, code: str, place: str, said: str
) -> None:
    path = write(f'source = "a.csv"\nx = {x}\ny = c', train="", head=HEAD)
    with pytest.raises(GraphdslError) as caught:
        dataset(path)
    text = str(caught.value)
    assert code in text
    assert place in text
    assert said in text


def test_all_unknown_columns_are_reported_at_once(write) -> None:
    with pytest.raises(ModelError) as caught:
        dataset(write('source = "a.csv"\nx = one + two\ny = three', train="", head=HEAD))
    assert len(caught.value.diagnostics) == 3


def test_imported_names_are_seen(write, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "consts.gdl").write_text(
        "const scale = 2\nblock half(v) {\n  return v / 2\n}\n"
    )
    head = f'from "consts.gdl" import scale, half\nconst spare = 3\n{HEAD}'
    path = write('source = "a.csv"\nx = half(table[:, :2]) * scale^2\ny = c', train="", head=head)
    model = graphdsl.load(path, dtype="f64", include=[tmp_path / "lib"])
    unused = [d.message for d in model.compilation.lowered().warnings if d.code == "W0104"]
    assert unused == ["nothing uses 'spare'"]
    data = load_dataset(model.session)
    np.testing.assert_allclose(data.train.arrays["x"][:2], [[2, 4], [6, 9]])


MIXED = "a,b,c,kind\n1,2,0,cat\n3,oops,1,7\n5,6,2,cat\n"


@pytest.mark.parametrize(
    "x", ["table[:, :2]", "stack(a, b, axis = 1)", "standardize(table)[:, :2]"]
)
def test_a_text_cell_among_numbers_is_an_error_at_the_cell(write, x: str) -> None:
    table = MIXED.replace(",7\n", ",emu\n")
    path = write(f'source = "a.csv"\nx = {x}\ny = c', table, "", HEAD)
    with pytest.raises(GraphdslError) as caught:
        dataset(path)
    text = str(caught.value)
    assert "error[E0627]: column 'b' has 'oops' here" in text
    assert "a.csv:3:3" in text
    assert "category(b)" in text


@pytest.mark.parametrize(
    "said", ["y = category(kind)", 'y = c\nstratify = "kind"\nsplit = [0.5, 0.5]']
)
def test_a_column_that_is_said_to_be_text_is_no_part_of_the_table(write, said: str) -> None:
    rows = "".join(f"{i},{2 * i},{i % 2},{'7' if i % 2 else 'cat'}\n" for i in range(20))
    path = write(f'source = "a.csv"\nx = table[:, :2]\n{said}', f"a,b,c,kind\n{rows}", "", HEAD)
    data = dataset(path)
    assert data.train.arrays["x"].shape[1] == 2
    assert set(data.train.arrays["y"].tolist()) == {0, 1}


def test_text_in_the_table_of_another_part(write, tmp_path: Path) -> None:
    data = 'train = "a.csv"\nvalid = "v.csv"\nx = table[:, :2]\ny = c'
    path = write(data, MIXED.replace("oops", "4").replace(",7\n", ",emu\n"), "", HEAD)
    for cells, code in ((("1", "oops"), "E0627"), (("one", "oops"), "E0510")):
        rows = "".join(f"1,{cell},0,cat\n" for cell in cells)
        (tmp_path / "v.csv").write_text(f"a,b,c,kind\n{rows}")
        with pytest.raises(GraphdslError) as caught:
            dataset(path)
        assert code in str(caught.value)
        assert "v.csv" in str(caught.value)


@pytest.mark.parametrize(("value", "said"), [("0.5", "0.5 at [1]"), ("1e30", "1e+30 at [1]")])
def test_a_label_that_is_none_names_its_row(write, value: str, said: str) -> None:
    path = write('source = "a.csv"\nx = table[:, :2]\ny = c', f"a,b,c\n1,2,0\n3,4,{value}\n")
    with pytest.raises(GraphdslError) as caught:
        dataset(path)
    assert "E0606" in str(caught.value)
    assert f"was fed {said}: row 1 (line 3) of '" in str(caught.value)


def test_lack_of_memory_is_told_with_what_it_was_for(
    write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write('source = "a.csv"\nx = table[:, :2] / 2\ny = c', train="", head=HEAD)

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Formula, "all", fail)
    with pytest.raises(DataError) as caught:
        dataset(path)
    assert "E0613" in str(caught.value)
    assert "'table[:, :2] / 2' of 6 rows" in str(caught.value)
    assert "m.gdl:11:5" in str(caught.value)
    monkeypatch.setattr("graphdsl.training.assembly.open_tables", fail)
    with pytest.raises(DataError, match="E0613") as caught:
        dataset(path)
    assert "m.gdl:9:1" in str(caught.value)


def test_columns_are_let_go_when_the_inputs_are_made(write, tmp_path: Path) -> None:
    rows = 100_000
    np.savez(tmp_path / "big.npz", a=np.ones((rows, 8)), c=np.zeros(rows, np.uint8))
    head = HEAD.replace("x: [N, 2]", "x: [N, 8]")
    path = write('source = "big.npz"\nx = a\ny = c', None, "", head)
    model = graphdsl.load(path)
    tracemalloc.start()
    try:
        data = load_dataset(model.session)
        held, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    stored, made = rows * 8 * 8, data.train.arrays["x"].nbytes
    assert held < made + 3.5 * rows * 8  # the labels and the numbers of the rows beside it
    assert most < stored + 2.5 * made
