"""`run` evaluates a file that trains nothing, on what is given."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest


def test_the_lecture_s_example_to_15_digits(call, examples) -> None:
    done = call("run", examples / "lecture" / "l1.gdl", "x=2", "z=3", "--dtype", "f64")
    assert (done.code, done.out, done.err) == (0, "y = 412.191457284121\n", "")


def test_options_may_stand_anywhere(call, examples) -> None:
    path = examples / "lecture" / "l1.gdl"
    done = call("run", path, "--dtype", "f64", "x=2", "--json", "z=3")
    assert json.loads(done.out)["y"] == pytest.approx(412.191457284121, rel=1e-14)


def test_lists_and_files_as_values(call, examples, tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", np.array([[6.0], [8.0]]))
    path = examples / "lecture" / "l6.gdl"
    done = call("run", path, "x=[[1], [2]]", "t=@t.npy")
    assert done.out == "y =\n[[6.5],\n [8]]\nJ = 0.0625\n"


def test_what_json_has_no_number_for_is_null(call, model) -> None:
    done = call("run", model("input x: [2]\noutput y = 1 / x"), "--json", "x=[0, 2]")
    assert json.loads(done.out) == {"y": [None, 0.5]}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("x=2",), "depends on an input that is not fed"),
        ((), "feed x, z too"),
        (("x=2", "w=3"), "no input 'w'"),
        (("x=[1, 2]", "z=3"), "was fed an array of shape [2]"),
        (("x=[[1], [1, 2]]", "z=3"), "the rows differ in length"),
        (("x=@none.npy", "z=3"), "none.npy cannot be read: No such file"),
        (("x=@m.gdl", "z=3"), "it is no .npy file of numbers"),
    ],
)
def test_values_that_do_not_fit(call, model, values: tuple[str, ...], said: str) -> None:
    done = call("run", model("input x\ninput z\noutput y = x * z"), *values)
    assert (done.code, done.out) == (1, "")
    assert said in done.err


def test_pickles_are_not_opened(call, model, tmp_path: Path) -> None:
    np.save(tmp_path / "p.npy", np.array([{}]), allow_pickle=True)
    done = call("run", model("input x: [1]\noutput y = x^2"), "x=@p.npy")
    assert done.code == 1
    assert "p.npy" in done.err


def test_options_of_training_need_a_train_block(call, examples) -> None:
    done = call("run", examples / "lecture" / "l1.gdl", "x=2", "z=3", "--epochs", "3")
    assert done.code == 2
    assert "--epochs" in done.err


def test_lists_may_hold_nan_and_infinity(call, model) -> None:
    path = model("input x: [3]\noutput y = 2 * x\n")
    done = call("run", path, "x=[1, nan, -inf]")
    assert (done.code, done.out.split()) == (0, ["y", "=", "[2,", "nan,", "-inf]"])
