"""`gradcheck`: gradients beside differences in a table, and an exit code that judges them."""

from __future__ import annotations

import json


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
