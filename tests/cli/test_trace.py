"""`trace`: the lecture's tables on a terminal, for LaTeX and for programs; what it is fed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

L1 = ("x=2", "z=3")
L6 = ("x=[[0.5],[3]]", "t=[[1],[2]]")


def test_the_lecture(call, examples) -> None:
    done = call("trace", examples / "lecture" / "l1.gdl", *L1)
    assert (done.code, done.err) == (0, "")
    assert "g_b        g_e·(−a/b²) + g_c·cos b" in done.out
    for value in ("412.191457284121", "-12.360007402473", "404.853739609282", "1208.38121512661"):
        assert value in done.out


def test_the_float_can_be_chosen(call, examples) -> None:
    """A calculation by hand is checked in f64, unless one asks for what a model runs in."""
    told = [
        json.loads(call("trace", examples / "lecture" / "l1.gdl", *L1, "--json", *more).out)
        for more in ((), ("--dtype", "f32"))
    ]
    values = [told[-1]["value"] for told in (one["forward"] for one in told)]
    assert values[0] == pytest.approx(412.191457284121, rel=1e-14)
    assert values[1] == np.float32(values[1]) != values[0]


def test_json(call, examples) -> None:
    done = call("trace", examples / "lecture" / "l6.gdl", *L6, "--json")
    told = json.loads(done.out)
    assert told.keys() == {"file", "of", "sizes", "notes", "forward", "reverse"}
    assert (told["file"], told["of"], told["sizes"]) == ("l6.gdl", "J", {"N": 2})
    rows = {row["cotangent"]: row for row in told["reverse"]}
    row = rows["g_W2"]
    assert row["value"] == [[-3.1875, 0], [0, 0], [18.46875, 0]]
    assert row["formula"] == {
        "source": "g_s2.T @ o1",
        "text": "g_s2ᵀ @ o1",
        "latex": r"g_{s_{2}}^{\top} \, o_{1}",
    }
    (term,) = row["terms"]
    assert (term["through"], term["shape"], term["value"]) == ("s2", [3, 2], row["value"])
    variables = {row["node"]: row for row in told["forward"]}
    assert all(variables[row["node"]]["variable"] == row["variable"] for row in told["reverse"])
    assert variables[row["node"]]["role"] == "param"
    assert variables[row["node"]]["expression"] is None


def test_json_keeps_every_digit_and_what_is_not_finite(call, model) -> None:
    path = model("input x: [3]\ny = ln(x)\noutput z = sum(y)\n")
    told = json.loads(call("trace", path, "x=[0,0.1,-1]", "--json").out)
    (y,) = [row for row in told["forward"] if row["variable"] == "y"]
    assert y["value"] == ["-inf", float(np.log(0.1)), "nan"]


def test_latex(call, examples) -> None:
    done = call("trace", examples / "lecture" / "l1.gdl", *L1, "--latex")
    assert done.code == 0
    assert done.out.startswith("% \\usepackage{amsmath, booktabs}\n")
    assert r"\begin{align*}" in done.out


def test_latex_of_one_variable(call, examples) -> None:
    done = call("trace", examples / "lecture" / "l1.gdl", *L1, "--at", "e", "--latex")
    assert (done.code, done.err) == (0, "")
    assert r"$\frac{\partial e}{\partial b}$ &  & $-12.4882138860336$ \\" in done.out.splitlines()


def test_one_variable_from_near(call, examples) -> None:
    path = examples / "lecture" / "l6.gdl"
    done = call("trace", path, *L6, "--at", "o1")
    assert "∂o1/∂s1" in done.out
    assert "[2, 2, 2, 2]" in done.out
    told = json.loads(call("trace", path, *L6, "--at", "o1", "--json").out)
    (operand,) = told["operands"]
    expected = np.diag([1.0, 0.0, 1.0, 0.0]).reshape(2, 2, 2, 2)
    np.testing.assert_array_equal(operand["jacobian"]["value"], expected)


def test_rows_of_the_data(call, examples) -> None:
    path = examples / "lecture" / "l18.gdl"
    shown = {
        rows: json.loads(call("trace", path, "--json", *rows).out)["forward"][0]
        for rows in ((), ("--rows", "2"), ("--rows", "1:3"), ("--rows", "2", "--part", "test"))
    }
    first, two, slid, test = shown.values()
    assert len(first["value"]) == 4
    assert two["value"] == first["value"][:2]
    assert slid["value"] == first["value"][1:3]
    assert test["value"] != two["value"]
    assert len(test["value"]) == 2


def test_arrays_from_files(call, examples, tmp_path) -> None:
    np.save(tmp_path / "x.npy", [[0.5], [3.0]])
    path = examples / "lecture" / "l6.gdl"
    plain, read = (call("trace", path, x, L6[1]) for x in (L6[0], "x=@x.npy"))
    assert plain.out == read.out != ""


def test_weights_of_a_run(call, examples, tmp_path) -> None:
    path = examples / "lecture" / "l18.gdl"
    assert call("run", path, "--epochs", "1", "--quiet", "--out", "trained").code == 0
    plain = call("trace", path, "--json", "--rows", "1")
    trained = call("trace", path, "--json", "--rows", "1", "--weights", "trained")
    assert trained.code == 0
    assert json.loads(trained.out)["forward"][2] != json.loads(plain.out)["forward"][2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("l1.gdl", "x=2", "--rows", "2"), "--rows is for rows of the data, and values are given"),
        (("l1.gdl", "--rows", "2"), "and the file has no data block"),
        (("l1.gdl", "x=2", "--part", "test"), "--part is for rows of the data"),
        (("l1.gdl", *L1, "--latex", "--json"), "give one of --latex and --json"),
        (("l1.gdl", *L1, "--latex", "--json", "--at", "e"), "give one of --latex and --json"),
        (("l18.gdl", "--rows", "0"), "1 or more"),
        (("l18.gdl", "--rows", "5:5"), "holds no row"),
        (("l18.gdl", "--rows", "9000:9001"), "the part has 120 rows"),
        (("l18.gdl", "--part", "all"), "those of one part"),
    ],
)
def test_a_command_line_at_fault(call, examples, words: tuple[str, ...], said: str) -> None:
    done = call("trace", examples / "lecture" / words[0], *words[1:])
    assert (done.code, done.out) == (2, "")
    assert said in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("l1.gdl", "x=2"), "E0602"),
        (("l1.gdl", "x=2", "z=3", "--at", "gg"), "E0803"),
        (("l1.gdl", "x=2", "z=3", "--of", "gg"), "E0803"),
        (("l6.gdl", *L6, "--of", "s1"), "E0807"),
        (("l5.gdl", "x=[1]"), "E0807"),
        (("l1.gdl", "x=2", "z=@none.npy"), "E0820"),
    ],
)
def test_a_model_or_data_at_fault(call, examples, words: tuple[str, ...], said: str) -> None:
    done = call("trace", examples / "lecture" / words[0], *words[1:])
    assert (done.code, done.out) == (1, "")
    assert said in done.err


def test_what_is_shown_holds_no_controls(call, tmp_path: Path) -> None:
    path = tmp_path / "a\u202e<script>%$.gdl"
    path.write_text("## <script>\ninput θ\noutput y = sin(θ)\n", "utf-8")
    for more in ((), ("--latex",), ("--at", "y"), ("--at", "y", "--latex")):
        done = call("trace", path, "θ=1", *more)
        assert done.code == 0
        assert "\u202e" not in done.out
    assert json.loads(call("trace", path, "θ=1", "--json").out)["reverse"][1]["variable"] == "θ"
