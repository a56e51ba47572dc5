"""`gradcheck`: gradients beside differences in a table, and an exit code that judges them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

TREE = Path(__file__).parents[2]
WITH_DATA = sorted(
    path for path in (TREE / "examples").rglob("*.gdl") if "\ndata {" in path.read_text("utf-8")
)
SLOW = ("transformer",)


def test_the_lectures_network(call, examples) -> None:
    done = call("gradcheck", examples / "lecture" / "l6.gdl", "x=[[2]]", "t=[[1]]")
    assert done.code == 0
    assert "all agree" in done.out
    (line,) = [line.split() for line in done.out.splitlines() if line.startswith("W3")]
    assert line[-1] == line[-2] == "42"


def test_the_data_gives_rows_where_none_are_given(call, examples) -> None:
    done = call("gradcheck", examples / "breast_cancer.gdl", "--samples", "5", "--json")
    told = json.loads(done.out)
    assert {row["order"] for row in told} == {1, 2}
    assert all(row["relative"] < 1e-5 for row in told)


def test_a_tolerance_that_is_not_met(call, examples) -> None:
    done = call("gradcheck", examples / "digits.gdl", "--samples", "3", "--tolerance", "0")
    assert (done.code, "too far off" in done.out) == (1, True)


def test_without_a_scalar(call, examples) -> None:
    done = call("gradcheck", examples / "lecture" / "l1.gdl", "x=2", "z=3")
    assert done.code == 1
    assert "no loss" in done.err
    assert call("gradcheck", examples / "lecture" / "l1.gdl", "x=2", "z=3", "--of", "y").code == 0


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=pytest.mark.nightly if path.stem in SLOW else ())
        for path in WITH_DATA
    ],
    ids=lambda path: path.stem,
)
def test_every_example_agrees(call, path: Path) -> None:
    """At the first weights and the first rows, where a blank pixel puts a relu on its kink."""
    done = call("gradcheck", path, "--samples", "4")
    assert done.code == 0, done.out
    assert "all agree" in done.out


def test_points_on_kinks_are_counted(call, tmp_path: Path) -> None:
    (tmp_path / "k.gdl").write_text("input x: [3]\nloss J = sum(relu(x))\n")
    done = call("gradcheck", tmp_path / "k.gdl", "x=[0,1,-2]")
    assert done.code == 0
    assert done.out.count("3, 1 at kinks") == 2


WHOLE = """dim N
input x: [N, 2]
input m: [2]
param w: [2] = 1
z = (x * m) @ w
loss J = mean(z^2)
data {
  source = "d.npz"
  x = x
  m = m
  split = [0.5, 0.5]
}
"""


def write_whole(folder: Path, rows: int = 8) -> Path:
    """A model with an input that is fed whole, beside its data; the file of the model."""
    x = np.arange(2.0 * rows).reshape(rows, 2) - rows
    np.savez(folder / "d.npz", x=x, m=np.array([1.0, 3.0]))
    (folder / "m.gdl").write_text(WHOLE)
    return folder / "m.gdl"


def test_an_input_that_is_fed_whole_comes_from_the_data_too(call, tmp_path: Path) -> None:
    done = call("gradcheck", write_whole(tmp_path), "--json")
    shapes = {row["name"]: row["shape"] for row in json.loads(done.out)}
    assert (done.code, shapes) == (0, {"w": [2], "x": [4, 2], "m": [2]})


def test_the_rows_that_are_asked_for_are_looked_at(call, tmp_path: Path) -> None:
    path = write_whole(tmp_path, 40)
    for words, rows in (((), 8), (("--rows", "3"), 3), (("--rows", "15:20", "--part", "valid"), 5)):
        done = call("gradcheck", path, "--json", *words)
        assert {row["name"]: row["shape"] for row in json.loads(done.out)}["x"] == [rows, 2]
    assert call("gradcheck", path, "--part", "all").code == 2


def test_rows_of_data_that_is_not_held(call, tmp_path: Path, monkeypatch) -> None:
    """They are read from their file, as those that are held are."""
    path = write_whole(tmp_path)
    held = [call(command, path).out for command in ("gradcheck", "trace")]
    monkeypatch.setattr("graphdsl.training.assembly.HELD", 1)
    assert [call(command, path).out for command in ("gradcheck", "trace")] == held
    assert all(held)


def test_a_number_that_is_not_finite_is_null(call, tmp_path: Path) -> None:
    (tmp_path / "n.gdl").write_text("input x\nloss J = ln(x)\n")
    done = call("gradcheck", tmp_path / "n.gdl", "x=nan", "--json")
    found = json.loads(done.out, parse_constant=lambda word: pytest.fail(word))
    assert (done.code, found[0]["relative"]) == (1, None)
