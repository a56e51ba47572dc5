"""`predict`: any node, in batches, to files and to stdout, classes by their names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

MODEL = """dim N
input x: [N, 2]
input y: i64[N]
param W: [2, 3] ~ normal(0, 1)
z = x @ W
loss J = mean(cross_entropy(z, y))
output p = softmax(z)
output label = argmax(z)
average = mean(p)
data {
  source = "a.csv"
  x = table[:, :2]
  y = category(kind)
  split = [0.5, 0.5]
  stratify = "kind"
}
train {
  optimizer = sgd(lr = 0.1)
  epochs = 1
}
"""
TABLE = "a,b,kind\n1,2,cat\n3,4.5,dog\n5,6,cat\n7,8,emu\n2,1,dog\n4,4,emu\n"


@pytest.fixture
def path(model, tmp_path: Path) -> Path:
    """The model, its data beside it."""
    (tmp_path / "a.csv").write_text(TABLE)
    written: Path = model(MODEL)
    return written


def test_any_node_is_an_output(call, path: Path) -> None:
    told = json.loads(call("predict", path, "--output", "z", "--output", "W", "--json").out)
    assert list(told) == ["z", "W"]
    assert np.shape(told["z"]) == (3, 3)
    done = call("predict", path, "--output", "q")
    assert (done.code, "E0803" in done.err) == (1, True)


def test_any_node_of_given_values(call, path: Path) -> None:
    done = call("predict", path, "x=[[1, 2]]", "--output", "z", "--json")
    assert list(json.loads(done.out)) == ["z"]
    assert call("predict", path, "x=[[1, 2]]", "--output", "q").code == 1


def test_a_model_without_outputs_has_nodes(call, model, path: Path) -> None:
    bare = model(MODEL.replace("output ", ""), "bare.gdl")
    assert "E0829" in call("predict", bare).err
    assert call("predict", bare, "--output", "p").out.startswith("p =\n")


def test_stdout_takes_a_table(call, path: Path) -> None:
    done = call("predict", path, "-o", "-", "--batch", "2")
    header, *rows = done.out.splitlines()
    assert header == "p[cat],p[dog],p[emu],label"
    assert len(rows) == 3
    assert sum(map(float, rows[0].split(",")[:3])) == pytest.approx(1)
    assert done.err == ""


def test_labels_are_names(call, path: Path) -> None:
    plain = json.loads(call("predict", path, "--json").out)["label"]
    words = ("predict", path, "--labels", "--batch", "1")
    names = json.loads(call(*words, "--json").out)["label"]
    assert names == [["cat", "dog", "emu"][code] for code in plain]
    for file in ("o.csv", "o.npz", "o.parquet"):
        assert call(*words, "-o", file).code == 0
    assert [row.split(",")[3] for row in Path("o.csv").read_text().splitlines()] == [
        "label",
        *names,
    ]
    assert np.load("o.npz")["label"].tolist() == names
    parquet = pytest.importorskip("pyarrow.parquet").read_table("o.parquet")
    assert parquet["label"].to_pylist() == names


def test_names_of_new_rows_are_those_of_the_run(call, path: Path) -> None:
    Path("new.csv").write_text("a,b\n1,1\n")
    assert call("run", path, "-q", "--out", "done").code == 0
    done = call("predict", path, "--weights", "done", "--data", "new.csv", "-o", "-")
    assert done.out.startswith("p[cat],")
    weights = "done/weights.safetensors"
    done = call("predict", path, "--weights", weights, "--data", "new.csv", "-o", "-")
    assert done.out.startswith("p[0],")
    done = call("predict", path, "--weights", weights, "--data", "new.csv", "--labels")
    assert (done.code, "E0846" in done.err, "runs/MODEL-1" in done.err) == (1, True, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--labels", "--output", "p"], 1, "labels stand for whole numbers, and p is f32[N, 3]"),
        (["--labels", "x=[[1, 2]]"], 2, "--labels is for the rows of data"),
        (["--output", "average", "--batch", "2"], 1, "E0845"),
        (["--batch", "0"], 2, "1 or more"),
        (["--json", "-o", "o.csv"], 2, "give one of --out and --json"),
        (["-o", "o.csv/"], 1, "E0823"),
        (["-o", "no/o.csv"], 1, "mkdir -p no"),
        (["-o", "p.txt"], 1, ".parquet"),
        (["-o", ""], 1, "E0828"),
        (
            ["--output", "p", "--output", "average", "-o", "o.csv"],
            1,
            "'average' has no value for each",
        ),
    ],
)
def test_what_cannot_be_is_said(call, path: Path, words, code: int, said: str) -> None:
    Path("o.csv").mkdir() if "o.csv/" in words else None
    done = call("predict", path, *words)
    assert done.code == code
    assert said in done.err
    assert not list(Path().glob(".*"))


def test_numbers_that_are_no_classes_have_no_names(call, model, path: Path) -> None:
    other = model(MODEL.replace("argmax(z)", "argmax(z) + 3"), "other.gdl")
    done = call("predict", other, "--labels", "-o", "o.csv")
    assert done.code == 1
    assert "the classes are numbered from 0 to 2" in done.err
    assert not Path("o.csv").exists()


def test_evaluate_in_batches(call, path: Path) -> None:
    whole, pieces = (
        json.loads(call("evaluate", path, "--json", "--batch", size).out)["valid"]["J"]
        for size in ("all", "1")
    )
    assert whole == pytest.approx(pieces)
    assert call("evaluate", path, "--batch", "0").code == 2
