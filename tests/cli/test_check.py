"""`check`: what a model declares, or all that is wrong with it, for people and for programs."""

from __future__ import annotations

import json

import pytest


def test_it_lists_what_a_model_declares(call, examples) -> None:
    done = call("check", examples / "digits.gdl")
    assert (done.code, done.err) == (0, "")
    lines = [line.split() for line in done.out.splitlines()]
    assert ["param", "W1", "f32[64,", "512]", "32,768"] in [line[:5] for line in lines]
    assert ["output", "p", "f32[N,", "10]"] in lines
    assert "4 parameters of 38,410 elements, 23 operations" in done.out
    assert "Brightness of the 64 pixels" in done.out


def test_constants_and_floats_can_be_changed(call, examples) -> None:
    done = call("check", examples / "digits.gdl", "--set", "hidden=32", "--dtype", "f64")
    assert "f64[64, 32]" in done.out


def test_json_says_the_same(call, examples) -> None:
    done = call("check", "--json", examples / "digits.gdl")
    (told,) = json.loads(done.out)
    assert told["parameter_elements"] == 38410
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


UNSTABLE = """dim N
input z: [N, 3]
p = softmax(z)
output a = ln(p)
o = z
repeat i in 1..3 {
  o = ln(1 + exp(o))
}
block Late(v) {
  return ln(1 + v)
}
block Plain(v) {
  return v
}
block Calls(v, f) {
  return f(v)
}
output b = sum(o) + Calls(mean(z), f = Late if training else Plain)
"""


def test_it_tells_which_formulas_are_computed_otherwise(call, model) -> None:
    done = call("check", model(UNSTABLE))
    assert "  line 4: ln(p) is computed as log_softmax(z)\n" in done.out
    assert "  line 7: ln(1 + exp(o)) is computed as softplus(o), 3 times\n" in done.out
    # what is called in training alone, too
    assert "  line 10: ln(1 + v) is computed as log1p(mean(z))\n" in done.out


def test_nothing_is_told_of_formulas_that_stay(call, examples) -> None:
    assert "computed as" not in call("check", examples / "digits.gdl").out


@pytest.mark.parametrize("command", [["check"], ["info"]])
def test_json_tells_the_rules_and_their_places(call, model, command: list[str]) -> None:
    found = json.loads(call(*command, "--json", model(UNSTABLE)).out)
    told = found[0] if isinstance(found, list) else found
    first, second, third = told["stability"]
    assert first["rule"] == "ln(softmax(x)) = log_softmax(x)"
    assert (first["line"], first["column"], first["called_from"]) == (4, 12, None)
    assert (first["expression"], first["computed_as"]) == ("ln(p)", "log_softmax(z)")
    assert (second["line"], second["times"]) == (7, 3)
    assert (third["line"], third["times"]) == (10, 1)


def test_a_formula_of_an_import_is_told_with_its_caller(call, model) -> None:
    model("block Late(v) {\n  return ln(1 + v)\n}\n", "late.gdl")
    text = 'from "late.gdl" import Late\ninput x: [3]\noutput y = Late(x^2)\n'
    done = call("check", model(text))
    assert "line 3, in " in done.out
    assert "late.gdl:2: ln(1 + v) is computed as log1p(x^2)\n" in done.out


def test_a_long_formula_is_cut(call, model) -> None:
    inner = " + ".join(["sin(x)"] * 20)
    done = call("check", model(f"input x: [3]\noutput y = ln(1 + exp({inner}))\n"))
    (line,) = [line for line in done.out.splitlines() if "computed as" in line]
    assert len(line) < 150
    assert "…" in line
