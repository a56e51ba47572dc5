"""Datasets: parts from one source or several, from arrays, from batches."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl import DataError, GraphdslError, ModelError, UsageError
from graphdsl.training.data import load_dataset, load_part
from graphdsl.training.dataset import batched
from graphdsl.training.learned import Learned

CSV = "a,b,c,kind\n1,2,0,cat\n3,4.5,1,dog\n5,6,2,cat\n7,8,1,emu\n2,1,0,dog\n4,4,2,cat\n"
BOUND = 'source = "a.csv"\nx = table[:, :2]\ny = c'


def load(path: Path, data: object = None, **settings: object):
    return load_dataset(graphdsl.load(path).session, settings, data)  # type: ignore[arg-type]


def test_a_source_without_a_split_is_all_training(write) -> None:
    data = load(write(BOUND))
    assert data.parts.keys() == {"train"}
    assert data.train.rows == 6


def test_a_stratified_split_and_its_digest(write) -> None:
    path = write(BOUND + '\nsplit = [0.5, 0.5]\nstratify = "c"')
    data = load(path)
    assert sorted(data.train.arrays["y"]) == sorted(data.valid.arrays["y"]) == [0, 1, 2]
    assert data.digest() == load(path).digest() != load(path, split_seed=1).digest()


def test_parts_in_files_of_their_own(write, tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("c,b,a\n1,20,10\n")
    (tmp_path / "t.csv").write_text("a,b,c\n7,8,0\n9,9,2\n")
    data = load(
        write(
            'train = "a.csv"\nvalid = "v.csv"\ntest = "t.csv"\n'
            "x = standardize(stack(a, b, axis = 1))\ny = c"
        )
    )
    assert [part.rows for part in data.parts.values()] == [6, 1, 2]
    train = data.train.arrays["x"]
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-6)
    assert (data.valid.arrays["x"] > train.max(axis=0)).all()


def test_a_split_with_a_test_file(write, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,c\n7,8,0\n9,9,2\n")
    data = load(write(BOUND + '\nsplit = [0.5, 0.5]\ntest = "t.csv"'))
    assert [part.rows for part in data.parts.values()] == [3, 3, 2]
    assert data.test.arrays["x"].tolist() == [[7, 8], [9, 9]]


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        (BOUND + '\nsplit = [0.5, 0.5]\nvalid = "a.csv"', "E0509", "m.gdl:13:1"),
        (BOUND + '\ntrain = "a.csv"', "E0509", "m.gdl:12:1"),
        (BOUND + '\nsplit = [0.5, 0.5]\nstratify = "cc"', "E0507", "did you mean 'c'"),
        (BOUND + '\nsplit = [0.4, 0.3, 0.3]\nstratify = "c"', "E0617", "m.gdl:13:1"),
        (BOUND + "\nsplit = [0.99, 0.01]", "E0616", "the valid part is empty"),
        (BOUND.replace("a.csv", "b.csv"), "E0609", "m.gdl:9:1"),
        (BOUND.replace("a.csv", "../a.csv"), "E0508", "m.gdl:9:1"),
    ],
)
def test_faults_of_the_block(write, data: str, code: str, said: str) -> None:
    with pytest.raises(GraphdslError) as caught:
        load(write(data))
    assert code in str(caught.value)
    assert said in str(caught.value)


def test_columns_of_different_lengths(write, tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", a=np.ones((5, 2)), b=np.ones(4, int))
    path = write('source = "d.npz"\nx = a\ny = b')
    with pytest.raises(DataError, match="'a' has 5 rows, 'b' 4"):
        load(path)


def test_files_that_lack_a_column(write, tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("a,b,cc\n1,2,3\n")
    with pytest.raises(DataError, match="has no column 'c'"):
        load(write('train = "a.csv"\nvalid = "v.csv"\nx = stack(a, b, axis = 1)\ny = c'))


def test_inputs_without_the_batch_axis_are_fed_whole(write, tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", a=np.ones((5, 2)), m=np.eye(2), s=np.array(3.0))
    head = "dim N, K\ninput x: [N, 2]\ninput A: [K, 2]\ninput s\nloss J = mean(x @ A.T) * s\n"
    path = write('source = "d.npz"\nx = a\nA = m * 2\ns = s\nsplit = [0.6, 0.4]', None, "", head)
    data = load(path)
    assert data.train.arrays.keys() == {"x"}
    assert data.valid.whole["A"].tolist() == [[2, 0], [0, 2]]
    assert data.train.whole["s"] == 3
    assert batched(graphdsl.load(path).inputs) == ["x"]


def test_arrays_take_the_sources_place(write) -> None:
    path = write(BOUND + '\nsplit = [0.5, 0.5]\nstratify = "c"', None)
    x, y = np.arange(12.0).reshape(6, 2), [0, 1, 2, 2, 1, 0]
    data = load(path, {"x": x, "y": y})
    assert data.train.rows == 3
    assert load(path, {"x": x, "y": y}, split=None).train.rows == 6
    with pytest.raises(DataError, match="E0602"):
        load(path, {"x": x})
    with pytest.raises(DataError, match="E0605"):
        load(path, {"x": x[:5], "y": y})
    with pytest.raises(DataError, match="E0606"):
        load(path, {"x": x, "y": ["a"] * 6})


def test_a_path_takes_the_sources_place(write, tmp_path: Path) -> None:
    path = write(BOUND)
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "n.csv").write_text("a,b,c\n1,2,0\n")
    assert load(path, other / "n.csv").train.rows == 1
    assert load(path, source=str(other / "n.csv")).train.rows == 1
    with pytest.raises(DataError, match="E0609"):
        load(path, "nowhere.csv")


def test_no_data_at_all() -> None:
    model = graphdsl.loads("input x: [3]\nloss J = mean(x)\nparam w = 0")
    with pytest.raises(UsageError, match="E0810"):
        load_dataset(model.session)
    with pytest.raises(UsageError, match="E0833"):
        load_dataset(model.session, {}, 3)  # type: ignore[arg-type]
    free = graphdsl.loads("param w = 3\nloss J = w^2")
    assert load_dataset(free.session).train.rows == 1


def test_other_rows_share_the_training_parts_statistics(write, tmp_path: Path) -> None:
    table = "".join(f"{a},{a * a},{kind}\n" for a in range(6) for kind in ("cat", "dog"))
    path = write(
        'source = "a.csv"\nx = standardize(table[:, :2])\ny = category(kind)\n'
        'split = [0.5, 0.5]\nstratify = "kind"',
        f"a,b,kind\n{table}",
    )
    session = graphdsl.load(path).session
    known = load_dataset(session).train.arrays["x"]
    np.testing.assert_allclose(known.mean(axis=0), 0, atol=1e-6)
    (tmp_path / "new.csv").write_text("b,a,more\n4,2,0\n1,1,0\n")
    part = load_part(session, tmp_path / "new.csv", ["x"])
    rows = load_part(session, tmp_path / "a.csv")
    assert part.rows == 2
    np.testing.assert_array_equal(part.arrays["x"], rows.arrays["x"][[4, 2]])
    with pytest.raises(GraphdslError, match="has no column 'kind'"):
        load_part(session, tmp_path / "new.csv")


def test_a_split_needs_rows_to_split(write, tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("a,b,c\n")
    with pytest.raises(DataError, match="no rows"):
        load(write(BOUND.replace("a.csv", "e.csv")))
    np.savez(tmp_path / "d.npz", a=np.ones((0, 2)), b=np.ones(0, int))
    with pytest.raises(DataError, match="E0616"):
        load(write('source = "d.npz"\nx = a\ny = b'))


def test_every_fault_of_the_bindings_is_told(write) -> None:
    with pytest.raises(ModelError) as caught:
        load(write('source = "a.csv"\nx = table @ table\ny = kind'))
    assert {d.code for d in caught.value.diagnostics} == {"E0204", "E0510"}


def test_new_rows_need_the_learned_values_alone(write, tmp_path: Path) -> None:
    path = write('source = "a.csv"\nx = standardize(table[:, :2])\ny = category(kind)')
    session = graphdsl.load(path).session
    data = load_dataset(session)
    kept = Learned.from_plain(json.loads(json.dumps(data.learned.to_plain())))
    (tmp_path / "new.csv").write_text("kind,c,b,a\ndog,0,2,1\ncat,1,4.5,3\n")
    before = load_part(session, tmp_path / "new.csv")
    (tmp_path / "a.csv").unlink()
    after = load_part(session, tmp_path / "new.csv", None, kept)
    for name in ("x", "y"):
        np.testing.assert_array_equal(before.arrays[name], after.arrays[name])
    with pytest.raises(DataError, match="E0609"):
        load_part(session, tmp_path / "new.csv")


def test_a_category_that_no_training_row_has(write, tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("a,b,c,kind\n1,2,0,cat\n1,2,0,emu\n3,4,1,yak\n")
    bound = "x = stack(a, b, axis = 1)\ny = category(kind)"
    path = write(f'train = "a.csv"\nvalid = "v.csv"\n{bound}')
    with pytest.raises(DataError) as caught:
        load(path)
    text = str(caught.value)
    assert "E0622" in text
    assert "'yak' in row 2 (line 4) of" in text
    assert "cat, dog, emu" in text


def test_parts_named_by_a_column(write) -> None:
    table = "a,b,c,part\n1,2,0,train\n3,4,1,test\n5,6,2,train\n7,8,0,valid\n"
    data = load(write(BOUND + '\nsplit_by = "part"', table))
    assert {name: part.arrays["x"][:, 0].tolist() for name, part in data.parts.items()} == {
        "train": [1, 5],
        "valid": [7],
        "test": [3],
    }
    fractions = load(write(BOUND + '\nsplit_by = "part"', table), split=[0.5, 0.5])
    assert [part.rows for part in fractions.parts.values()] == [2, 2]
    named = load(write(BOUND + "\nsplit = [0.5, 0.5]", table), split_by="part")
    assert named.parts.keys() == {"train", "valid", "test"}


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        ('split_by = "kind"', "E0623", "holds 'cat' in row 0 (line 2)"),
        ('split_by = "knd"', "E0507", "did you mean 'kind'"),
        ('split_by = "part"\nvalid = "a.csv"', "E0509", "'valid' and from 'split_by'"),
        ('split_by = "late"', "E0616", "no row of column 'late' says train"),
        ('split_by = "part"\nsplit = [0.5, 0.5]', "E0509", "from 'split' and from 'split_by'"),
        ('split_by = "part"\nstratify = "c"', "E0503", "'stratify' divides nothing"),
    ],
)
def test_faults_of_a_split_by_column(write, more: str, code: str, said: str) -> None:
    table = "a,b,c,kind,part,late\n1,2,0,cat,train,test\n3,4,1,dog,valid,test\n"
    with pytest.raises(GraphdslError) as caught:
        load(write(f"{BOUND}\n{more}", table))
    assert code in str(caught.value)
    assert said in str(caught.value)


def test_arrays_have_no_column_to_split_by(write) -> None:
    path = write(BOUND + '\nsplit_by = "part"')
    arrays = {"x": np.ones((4, 2)), "y": [0, 1, 2, 0]}
    with pytest.raises(UsageError, match="split_by=None"):
        load(path, arrays)
    assert load(path, arrays, split_by=None).train.rows == 4
    assert load(path, arrays, split=[0.5, 0.5]).valid.rows == 2


def test_arrays_hold_no_nan(write) -> None:
    """As in a file: it is a value that is missing, and not where a training goes wrong."""
    x = np.ones((4, 2))
    x[3, 1] = np.nan
    with pytest.raises(DataError, match=r"E0612.*'x' is nan at \[3, 1\].*row 3 of the arrays"):
        graphdsl.load(write(BOUND)).fit({"x": x, "y": [0, 1, 2, 0]})


def test_labels_out_of_range_are_found_in_the_file(write) -> None:
    table = CSV.replace("5,6,2,cat", "5,6,3,cat")
    for size, more in ((6, ""), (2, ""), (2, "\nsplit = [0.5, 0.5]")):
        model = graphdsl.load(write(BOUND + more, table))
        with pytest.raises(DataError) as caught:
            model.fit(batch=size)
        text = str(caught.value)
        assert "E0607" in text
        assert "3 stands in input 'y', column 'c', row 2 (line 4) of" in text
        assert "3 is the size of the axis that is indexed: the model may need a larger" in text
    with pytest.raises(DataError, match="row 1 of the arrays"):
        model.fit({"x": np.ones((3, 2)), "y": [0, -1, 2]}, split=None, batch="all")


def test_a_batch_larger_than_the_data(write) -> None:
    model = graphdsl.load(write(BOUND))
    with pytest.raises(DataError, match="a batch is 7 rows, and the train part has 6"):
        model.fit(batch=7)
    model.fit(batch=6)
    plain = graphdsl.load(write(BOUND, train="train {\n optimizer = sgd(lr = 0.1)\n}\n"))
    assert plain.fit(epochs=1).column("step") == [1]
