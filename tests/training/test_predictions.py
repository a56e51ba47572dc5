"""Predictions in batches, into files of every format, from new rows; measures of new rows."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl.training import measure, output_files
from graphdsl.training.data import load_dataset
from graphdsl.training.new_rows import class_names
from graphdsl.training.results import Results

TREE = Path(__file__).parents[2]
DATA = """source = "a.csv"
x = standardize(table[:, :2])
y = category(kind)
split = [0.5, 0.5]
stratify = "kind"
"""
TABLE = "a,b,c,kind\n1,2,0,cat\n3,4.5,1,dog\n5,6,2,cat\n7,8,1,emu\n2,1,0,dog\n4,4,2,emu\n"


@pytest.fixture
def model(write) -> graphdsl.Model:
    """A model over `a.csv`, its classes named by a column."""
    return graphdsl.load(write(DATA, TABLE, head=HEAD))


HEAD = """dim N
input x: [N, 2]
input y: i64[N]
param W: [2, 3] ~ normal(0, 1)
z = x @ W
loss J = mean(cross_entropy(z, y))
output p = softmax(z)
output label = argmax(z)
pair = stack(z, -z, axis = 1)
total = sum(z)
fixed = 2 * W
"""


def test_batches_make_no_difference(model) -> None:
    whole = model.predict(part="train", batch="all", outputs=["p", "label", "pair"])
    for size in (1, 2, 1024):
        found = model.predict(part="train", batch=size, outputs=["p", "label", "pair"])
        assert found["label"].dtype == np.int64
        np.testing.assert_array_equal(found["label"], whole["label"])
        for name in ("p", "pair"):
            np.testing.assert_allclose(found[name], whole[name], rtol=1e-6)
    assert whole["pair"].shape == (3, 2, 3)


def test_what_mixes_rows_needs_them_all(model) -> None:
    with pytest.raises(graphdsl.UsageError, match="'total', f32, has no axis of rows") as caught:
        model.predict(part="train", outputs="total", batch=2)
    assert "in 2 batches" in str(caught.value)
    x = load_dataset(model.session).train.arrays["x"]
    found = model.predict(part="train", outputs="total", batch="all")["total"]
    assert found == model.evaluate("total", x=x)
    np.testing.assert_array_equal(
        model.predict(part="train", outputs="fixed", batch=1)["fixed"], 2 * model.params["W"]
    )


def test_parts_follow_one_another(model) -> None:
    parts = [model.predict(part=part)["p"] for part in ("train", "valid")]
    np.testing.assert_array_equal(model.predict(part="all")["p"], np.concatenate(parts))
    np.testing.assert_array_equal(model.predict()["p"], parts[1])


def test_new_rows_are_arrays_or_a_path(model, tmp_path: Path) -> None:
    x = np.array([[1.0, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(model.predict({"x": x}, batch=2)["p"].shape, (3, 3))
    (tmp_path / "new.csv").write_text("b,a\n2,1\n")
    dataset = load_dataset(model.session)
    scale = next(iter(dataset.learned.scales.values()))
    expected = model.run(x=scale.apply(np.array([[1.0, 2.0]])))["p"]
    np.testing.assert_allclose(model.predict(tmp_path / "new.csv")["p"], expected, rtol=1e-5)


def test_no_rows_are_predicted_as_none(model) -> None:
    found = model.predict({"x": np.zeros((0, 2))})
    assert (found["p"].shape, found["label"].shape) == ((0, 3), (0,))


def test_measures_of_new_rows(model) -> None:
    part = load_dataset(model.session).valid
    assert model.measure() == model.measure(part="valid", batch=1024)
    fed = dict(part.arrays)
    assert model.measure(fed, batch=2) == pytest.approx(model.measure())
    assert model.measure() == {"J": pytest.approx(float(model.run(fed)["J"]))}
    assert model.measure({"x": fed["x"]}) == {}


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda m: m.predict(outputs="q"), graphdsl.UsageError, "no node 'q'"),
        (lambda m: m.predict({"y": [1]}), graphdsl.DataError, "x"),
        (lambda m: m.predict({"x": [[1, 2]]}, part="test"), graphdsl.UsageError, "E0807"),
        (lambda m: m.predict(part="test"), graphdsl.DataError, "no part 'test'"),
        (lambda m: m.predict(batch=0), graphdsl.UsageError, "E0809"),
        (lambda m: m.measure(part="all"), graphdsl.UsageError, "one by one"),
        (lambda m: m.predict(outputs=[]), graphdsl.UsageError, "E0829"),
    ],
)
def test_calls_that_do_not_fit_are_said(model, call, error, said: str) -> None:
    with pytest.raises(error, match=said):
        call(model)


def test_fit_and_a_run_s_folder_give_what_was_learned(model, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.csv").write_text(
        "a,b,c,kind\n" + "9,9,0,cat\n1,1,0,dog\n" * 4 + "1,1,1,emu\n" * 2
    )
    model.fit("old.csv", epochs=1)
    Path("new.csv").write_text("a,b\n5,5\n")
    (scale,) = load_dataset(model.session, data="old.csv").learned.scales.values()
    expected = model.run(x=scale.apply(np.array([[5.0, 5]])))["p"]
    np.testing.assert_allclose(model.predict("new.csv")["p"], expected, rtol=1e-5)


# --- files ----------------------------------------------------------------------------------------


def results(model, size: int | str = 1, names: tuple[str, ...] = ("p", "label")) -> Results:
    part = load_dataset(model.session).train
    return measure.predictions(model.session, [part], names, size)


@pytest.mark.parametrize("size", [1, 2, "all"])
@pytest.mark.parametrize("name", ["o.npy", "o.NPZ", "o.csv", "o.parquet"])
def test_files_hold_all_rows(model, tmp_path: Path, name: str, size) -> None:
    names = ("p",) if name == "o.npy" else ("p", "label")
    shapes = output_files.write_results(tmp_path / name, results(model, size, names))
    expected = model.predict(part="train")
    assert shapes == {name: expected[name].shape for name in names}
    found = read(tmp_path / name)
    for key in names:
        np.testing.assert_allclose(found[key].reshape(expected[key].shape), expected[key], 1e-6)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(("o", "."))] == [name]


def read(path: Path) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    """The arrays `p` and `label` of a file."""
    match path.suffix.lower():
        case ".npy":
            return {"p": np.load(path)}
        case ".npz":
            return dict(np.load(path))
        case ".csv":
            header, *rows = path.read_text().splitlines()
            table = np.array([row.split(",") for row in rows], float)
        case _:
            parquet = pytest.importorskip("pyarrow.parquet").read_table(path)
            header = ",".join(parquet.column_names)
            table = np.stack([np.array(column) for column in parquet.columns], axis=1)
    assert header == "p[0],p[1],p[2],label"
    return {"p": table[:, :3], "label": table[:, 3]}


def test_columns_of_several_axes_and_of_classes(model, tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    output_files.write_results(path, results(model, 2, ("pair", "p")), ["cat", "a, b", "emu"])
    header = path.read_text().splitlines()[0]
    pair = ",".join(f'"pair[{i},{j}]"' for i in range(2) for j in range(3))
    assert header == f'{pair},p[cat],"p[a, b]",p[emu]'


def test_numbers_read_back_to_the_same_bits(model, tmp_path: Path) -> None:
    values = np.array([np.pi, 1 / 3, 1e-30, np.inf, np.nan], np.float64)
    output_files.write_results(tmp_path / "o.csv", Results.of({"v": values, "b": values > 1}))
    rows = (tmp_path / "o.csv").read_text().splitlines()
    assert rows[1] == "3.14159265358979,true"
    assert rows[5] == "nan,false"


def test_no_rows_are_a_header(model, tmp_path: Path) -> None:
    empty = load_dataset(model.session).train.take(np.zeros(0, np.int64))
    nothing = measure.predictions(model.session, [empty], ["p"], 4)
    output_files.write_results(tmp_path / "o.csv", nothing)
    assert (tmp_path / "o.csv").read_text() == "p[0],p[1],p[2]\n"
    output_files.write_results(tmp_path / "o.npy", nothing)
    assert np.load(tmp_path / "o.npy").shape == (0, 3)


@pytest.mark.parametrize("name", ["o.csv", "o.parquet"])
def test_a_table_has_a_row_for_each(model, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("old")
    odd = [results(model, "all", ("p", "fixed")), Results.of({"a": np.ones(2), "b": np.ones(3)})]
    for one in odd:
        with pytest.raises(graphdsl.UsageError, match="E0828"):
            output_files.write_results(tmp_path / name, one)
    assert (tmp_path / name).read_text() == "old"


def test_an_array_file_holds_one(model, tmp_path: Path) -> None:
    with pytest.raises(graphdsl.UsageError, match="holds one array; there are p, label"):
        output_files.write_results(tmp_path / "o.npy", results(model))
    assert not (tmp_path / "o.npy").exists()


@pytest.mark.parametrize("name", ["o.npy", "o.npz", "o.csv", "o.parquet"])
def test_a_full_disk_leaves_what_was_there(model, tmp_path: Path, name: str, monkeypatch) -> None:
    (tmp_path / name).write_text("old")

    def fail(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(graphdsl.DataError, match="No space left"):
        output_files.write_results(tmp_path / name, results(model, 1, ("p",)))
    assert (tmp_path / name).read_text() == "old"
    assert not list(tmp_path.glob(".*"))


LIMITED = """
import sys, resource, signal, numpy as np
from pathlib import Path
from graphdsl import DataError
from graphdsl.training.output_files import write_results
from graphdsl.training.results import Results
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
chunks = lambda: ({"p": np.random.rand(10_000, 3)} for _ in range(100))
try:
    write_results(Path(sys.argv[1]), Results(("p",), frozenset("p"), 1_000_000, chunks))
except DataError as error:
    print(error)
"""


@pytest.mark.parametrize("name", ["o.npy", "o.npz", "o.csv", "o.parquet"])
def test_a_disk_that_fills_on_the_way(tmp_path: Path, name: str) -> None:
    """A limit on the size of files stands for it."""
    words = [sys.executable, "-c", LIMITED, name]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, env=path_to_us())
    assert "E0812" in done.stdout, done.stderr
    assert not list(tmp_path.iterdir())


STREAMED = """
import sys, numpy as np
from pathlib import Path
from graphdsl.training.output_files import write_results
from graphdsl.training.results import Results
chunk = np.random.rand(10_000, 100)
chunks = lambda: ({"p": chunk} for _ in range(40))
write_results(Path(sys.argv[1]), Results(("p",), frozenset("p"), 400_000, chunks))
lines = Path("/proc/self/status").read_text().splitlines()
print(next(line for line in lines if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the system tells nobody what is held")
@pytest.mark.parametrize("name", ["o.npy", "o.npz"])
def test_no_more_than_a_chunk_is_held(tmp_path: Path, name: str) -> None:
    """320 MB of results, written by a process that never has 250."""
    words = [sys.executable, "-c", STREAMED, name]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, env=path_to_us())
    assert int(done.stdout) < 250_000, done.stderr
    assert (tmp_path / name).stat().st_size > 320_000_000
    assert read(tmp_path / name)["p"].shape == (400_000, 100)


def path_to_us() -> dict[str, str]:
    return {"PYTHONPATH": str(TREE), "OPENBLAS_NUM_THREADS": "1"}


TWO = """dim N
input x: i64[N]
input y: i64[N]
output label = x + y
data {{
  source = "a.csv"
  x = category({})
  y = category(kind)
}}
"""


def test_classes_of_two_columns_name_no_output(tmp_path: Path) -> None:
    """Which of them a label is of, nobody says."""
    (tmp_path / "a.csv").write_text("kind,color\ncat,red\ndog,blue\n")
    for column, classes in (("kind", ("cat", "dog")), ("color", ())):
        (tmp_path / "m.gdl").write_text(TWO.format(column))
        session = graphdsl.load(tmp_path / "m.gdl").session
        assert class_names(session, load_dataset(session).learned) == classes
