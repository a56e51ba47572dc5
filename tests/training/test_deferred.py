"""Large data: rows computed when they are read are those of data that is held."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl import DataError, GraphdslError
from graphdsl.training import measure
from graphdsl.training.data import load_dataset, load_part
from graphdsl.training.dataset import Dataset
from graphdsl.training.deferred import Deferred
from graphdsl.training.prefetch import NAME

ROWS = 3000
MODEL = """dim N
const k = 16
input x: [N, 4]
input y: i64[N]
input A: [2, 2]
z = Dense(x, 3)
loss J = mean(cross_entropy(z, y)) + 0 * sum(A)
output p = softmax(z)
data {{
  source = "data"
  x = {x}
  y = {y}
  A = m
  {more}
}}
train {{
  optimizer = adam(lr = 0.01)
  batch = 64
  epochs = 3
}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder with the columns `a`, `b`, `kind` and `m`."""
    rng = np.random.default_rng(0)
    data = tmp_path / "data"
    data.mkdir()
    a = rng.integers(0, 256, (ROWS, 4), dtype=np.uint8)
    np.save(data / "a.npy", a)
    np.save(data / "b.npy", rng.normal(1e3, 2, (ROWS, 4)))
    np.save(data / "label.npy", (a[:, 0] > 100).astype(np.int32))
    np.save(data / "kind.npy", rng.choice(["cat", "dog", "emu"], ROWS))
    np.save(data / "part.npy", rng.choice(["train", "valid"], ROWS))
    np.save(data / "m.npy", np.eye(2))
    return tmp_path


def model(folder: Path, x: str, y: str = "label", more: str = "split = [0.6, 0.2, 0.2]"):
    path = folder / "m.gdl"
    path.write_text(MODEL.format(x=x, y=y, more=more))
    return graphdsl.load(path)


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is large, is so at once; blocks and pieces are small."""
    monkeypatch.setattr("graphdsl.training.assembly.LARGE", 100)
    monkeypatch.setattr("graphdsl.training.array_data.LARGE", 100)
    monkeypatch.setattr("graphdsl.training.deferred.BLOCK", 24 * 37)
    monkeypatch.setattr("graphdsl.training.windows.WINDOW_BLOCKS", 4)
    monkeypatch.setattr("graphdsl.training.learned.CHUNK", 500)


def held(session: object, monkeypatch: pytest.MonkeyPatch, **settings: object) -> Dataset:
    """The same data, held as arrays."""
    with monkeypatch.context() as patch:
        patch.setattr("graphdsl.training.assembly.LARGE", 2**40)
        return load_dataset(session, settings)  # type: ignore[arg-type]


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize(
    ("x", "y"),
    [
        ("a", "label"),
        ("a / k", "label + 0"),
        ("b", "category(kind)"),
        ("standardize(b)", "category(kind)"),
        ("standardize(a / k) * 2 + b[:, ::-1]", "label"),
        ("stack(a[:, 0], b[:, 1], label, sum(a, axis = 1), axis = -1)", "label"),
    ],
)
@pytest.mark.parametrize("more", ["split = [0.6, 0.2, 0.2]", 'split_by = "part"', ""])
def test_the_rows_are_those_of_held_data(
    folder: Path, monkeypatch: pytest.MonkeyPatch, x: str, y: str, more: str
) -> None:
    session = model(folder, x, y, more).session
    data, whole = load_dataset(session), held(session, monkeypatch)
    assert data.train.deferred
    assert not whole.train.deferred
    assert data.parts.keys() == whole.parts.keys()
    assert data.categories == whole.categories
    for name, part in data.parts.items():
        assert part.rows == whole.parts[name].rows
        for key, rows in part.arrays.items():
            expected = whole.parts[name].arrays[key]
            assert rows.shape == expected.shape
            assert rows[:].dtype == expected.dtype
            np.testing.assert_allclose(rows[:], expected, rtol=2e-6, atol=1e-6)
            np.testing.assert_array_equal(rows[5:9], rows[:][5:9])
    if "standardize" not in x:
        assert data.digest() == whole.digest()


def test_what_is_unpacked_is_held_once_where_it_is_large(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = {path.stem: np.load(path) for path in (folder / "data").glob("*.npy")}
    np.savez_compressed(folder / "data.npz", **arrays)
    path = folder / "m.gdl"
    text = MODEL.format(x="standardize(b)", y="category(kind)", more="split = [0.6, 0.2, 0.2]")
    path.write_text(text.replace('"data"', '"data.npz"'))
    session = graphdsl.load(path).session
    whole = load_dataset(session)
    assert not whole.train.deferred
    monkeypatch.setattr("graphdsl.training.assembly.HELD", 5 * ROWS - 1)
    data = load_dataset(session)
    assert data.train.deferred
    for name, part in data.parts.items():
        for key, rows in part.arrays.items():
            np.testing.assert_allclose(rows[:], whole.parts[name].arrays[key], atol=1e-6)
    monkeypatch.setattr("graphdsl.training.assembly.HELD", 5 * ROWS)
    assert not load_dataset(session).train.deferred


@pytest.mark.usefixtures("small_limits")
def test_training_is_a_function_of_the_seed(folder: Path) -> None:
    ends = []
    for seed in (0, 0, 1):
        one = model(folder, "a / 255")
        history = one.fit(seed=seed)
        ends.append(b"".join(array.tobytes() for array in one.params.values()))
        assert history.column("step") == [29, 58, 87]
        assert history.final["test"]["J"] < 0.7
    assert ends[0] == ends[1] != ends[2]
    assert not [t for t in threading.enumerate() if t.name == NAME]


@pytest.mark.usefixtures("small_limits")
def test_predictions_for_large_data(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = model(folder, "standardize(a)")
    data, whole = load_dataset(one.session), held(one.session, monkeypatch)
    for size in (7, 1024, "all"):
        sets = (data, whole)
        found, expected = (
            measure.predictions(one.session, [d.valid], ["p"], size).collect()["p"] for d in sets
        )
        np.testing.assert_allclose(found, expected, atol=1e-6)
    part = load_part(one.session, folder / "data")
    assert isinstance(part.arrays["x"], Deferred)
    train = load_dataset(one.session, {"split": None}).train.arrays["x"][:]
    assert abs(part.arrays["x"][:].mean()) > abs(train.mean())  # by the old training part's mean


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize(
    ("x", "code", "said"),
    [
        ("a / max(a)", "E0511", "not computed row by row"),
        ("cumsum(b, axis = 0)", "E0511", "not computed row by row"),
        ("a[::-1]", "E0511", "not computed row by row"),
        ("a[:20]", "E0511", "[20, 4]"),
        ("a[:, :3]", "E0604", "[N, 4]"),
        ("kind", "E0510", "holds text"),
        ("a @ b", "E0204", "m.gdl:11:7"),
    ],
)
def test_faults_of_expressions(folder: Path, x: str, code: str, said: str) -> None:
    with pytest.raises(GraphdslError) as caught:
        load_dataset(model(folder, x).session)
    assert code in str(caught.value)
    assert said in str(caught.value)
    assert "m.gdl:11:7" in str(caught.value)


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize(
    ("column", "value", "code", "said"),
    [
        ("b", np.nan, "E0612", "row 1,234 of"),
        ("label", 0.5, "E0606", ": row 1,234 of"),
        ("label", 7, "E0607", "7 stands in input 'y', column 'label', row 1,234 of"),
    ],
)
def test_faults_of_rows_surface_from_the_reader(
    folder: Path, column: str, value: float, code: str, said: str
) -> None:
    path = folder / "data" / f"{column}.npy"
    spoilt = np.load(path).astype(np.float64)
    spoilt[1234] = value
    np.save(path, spoilt)
    with pytest.raises(DataError) as caught:
        model(folder, "b / 1000", more="").fit()
    text = str(caught.value)
    assert code in text
    assert said in text
    assert "data" in text
    for thread in [t for t in threading.enumerate() if t.name == NAME]:
        thread.join(10)  # the traceback holds the loop; the job under way ends by itself
        assert not thread.is_alive()


@pytest.mark.usefixtures("small_limits")
def test_large_mapped_arrays_stay_mapped(folder: Path) -> None:
    one = model(folder, "a")
    x = np.load(folder / "data" / "a.npy", mmap_mode="r")
    feeds = {"x": x, "y": np.load(folder / "data" / "label.npy"), "A": np.eye(2)}
    data = load_dataset(one.session, {}, feeds)
    rows = data.valid.arrays["x"]
    assert isinstance(rows, Deferred)
    expected = load_dataset(one.session, {}, {**feeds, "x": np.array(x)}).valid.arrays["x"]
    np.testing.assert_array_equal(rows[:], expected)
    assert one.fit(feeds).column("step") == [29, 58, 87]
