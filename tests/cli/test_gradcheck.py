"""`gradcheck`: gradients beside differences in a table, and an exit code that judges them."""

from __future__ import annotations

import json
from pathlib import Path

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
