"""Datasets: parts from one source or several, from arrays, from batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl import DataError, GraphdslError, ModelError, UsageError
from graphdsl.training.data import load_dataset, load_part
from graphdsl.training.dataset import batched

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
    with pytest.raises(UsageError, match="E0810"):
        load_dataset(model.session, {}, 3)  # type: ignore[arg-type]
    free = graphdsl.loads("param w = 3\nloss J = w^2")
    assert load_dataset(free.session).train.rows == 1


def test_other_rows_share_the_training_parts_statistics(write, tmp_path: Path) -> None:
    path = write(
        'source = "a.csv"\nx = standardize(table[:, :2])\ny = category(kind)\nsplit = [0.5, 0.5]'
    )
    session = graphdsl.load(path).session
    (tmp_path / "new.csv").write_text("a,b\n1,2\n7,8\n")
    part = load_part(session, tmp_path / "new.csv", ["x"])
    rows = load_part(session, tmp_path / "a.csv")
    assert part.rows == 2
    np.testing.assert_array_equal(part.arrays["x"], rows.arrays["x"][[0, 3]])
    with pytest.raises(DataError, match="has no column 'kind'"):
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
