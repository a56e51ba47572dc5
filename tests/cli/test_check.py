"""`check`: what a model declares, or all that is wrong with it, for people and for programs."""

from __future__ import annotations

import json

import pytest


def test_it_lists_what_a_model_declares(call, examples) -> None:
    done = call("check", examples / "digits.gdl")
    assert (done.code, done.err) == (0, "")
    lines = [line.split() for line in done.out.splitlines()]
    assert ["param", "W1", "f32[64,", "128]", "8,192"] in [line[:5] for line in lines]
    assert ["output", "p", "f32[N,", "10]"] in lines
    assert "4 parameters of 9,610 elements, 19 operations" in done.out
    assert "Brightness of the 64 pixels" in done.out


def test_constants_and_floats_can_be_changed(call, examples) -> None:
    done = call("check", examples / "digits.gdl", "--set", "hidden=32", "--dtype", "f64")
    assert "f64[64, 32]" in done.out


def test_json_says_the_same(call, examples) -> None:
    done = call("check", "--json", examples / "digits.gdl")
    (told,) = json.loads(done.out)
    assert told["parameter_elements"] == 9610
    assert told["diagnostics"] == []
    loss = {"role": "loss", "name": "J", "type": "f32", "dtype": "f32", "shape": [], "doc": None}
    assert loss in told["results"]


def test_all_errors_of_all_files_are_told_at_once(call, model, examples) -> None:
    first = model("input x: [N]\noutput y = ex(z)\n", "first.gdl")
    second = model("output y = (\n", "second.gdl")
    done = call("check", first, examples / "lecture" / "l1.gdl", second)
    assert done.code == 1
    assert f"{first}:1:11" in done.err
    assert f"{first}:2:12" in done.err
    assert f"{second}:1:12" in done.err
    assert "did you mean 'exp'?" in done.err
    assert "l1.gdl: no errors" in done.out


def test_json_has_the_errors_places(call, model) -> None:
    done = call("check", "--json", model("input x\noutput y = x + z\n"))
    assert done.code == 1
    (told,) = json.loads(done.out)
    (error,) = told["diagnostics"]
    assert (error["severity"], error["line"], error["column"]) == ("error", 2, 16)


def test_strict_counts_warnings(call, model) -> None:
    path = model("input x\ninput unused\noutput y = x^2")
    assert call("check", "--strict", path).code == 1


def test_warnings_are_no_errors(call, model) -> None:
    path = model("input x\ninput unused\noutput y = x^2")
    done = call("check", path)
    assert done.code == 0
    assert "warning[W0101]" in done.err
    assert f"{path}:2:1" in done.err


def test_the_training_step_is_checked_too(call, model) -> None:
    text = (
        "dim N\ninput x: i64[N]\nparam w = 1\nloss J = mean(w^2)\ntrain {\n  optimizer = adm()\n}"
    )
    done = call("check", model(text))
    assert done.code == 1
    assert "adam" in done.err


@pytest.mark.parametrize("word", ["hiden", "x"])
def test_a_constant_that_is_not_there_is_said(call, examples, word: str) -> None:
    done = call("check", examples / "digits.gdl", "--set", f"{word}=3")
    assert done.code == 1
    assert f"no constant '{word}'" in done.err
