"""Characters, lines, names, numbers: how a file is read before anything in it means something."""

from __future__ import annotations

from pathlib import Path

import pytest

import graphdsl
from graphdsl.language.parser import parse
from graphdsl.language.source import Source
from graphdsl.language.tokens import KEYWORDS
from rules.asking import codes, errors, run
from rules.citations import rule

TEXT = "Text"
TOP = "A file"


@rule(TOP, "is a formula, and is evaluated rather than trained")
def test_the_first_formula() -> None:
    text = "input x\ninput z\na = x * z\nb = ln(x)\noutput y = exp(a) + a / b + sin(b) / a\n"
    assert run(text, x=2, z=3)["y"] == pytest.approx(412.1914572843758, rel=1e-12)


@rule(TOP, "a name is bound before it is used")
def test_statements_are_read_from_the_top() -> None:
    assert errors("input x\ny = h\nh = x\noutput z = y\n") == ["E0303"]


@pytest.mark.parametrize(
    ("use", "declaration"),
    [
        ("output y = k * x", "const k = 3"),
        ("input a: [M]\noutput y = sum(a) * x", "dim M"),
        ("output y = f(x)", "block f(x) {\n  return 2 * x\n}"),
        (
            "param w = 1\nloss J = w * x\ntrain {\n  optimizer = o()\n}",
            "optimizer o() {\n  update p = p - g\n}",
        ),
    ],
)
@rule(TOP, "Constants, dims, blocks and optimizers may stand below their uses.")
def test_some_declarations_may_stand_below(use: str, declaration: str) -> None:
    assert not codes(f"input x\n{use}\n{declaration}\n")


@rule(TEXT, "A file is UTF-8.")
def test_a_file_is_utf8(tmp_path: Path) -> None:
    path = tmp_path / "m.gdl"
    path.write_bytes("input θ\noutput y = 2 * θ\n".encode())
    assert graphdsl.load(path).run({"θ": 3})["y"] == 6
    path.write_bytes("input é\noutput y = é\n".encode("latin-1"))
    with pytest.raises(graphdsl.ModelError, match="E0102"):
        graphdsl.load(path)


@pytest.mark.parametrize("name", ["θ", "W_out", "_a", "名前", "x1", "e5"])
@rule(TEXT, "Names are letters of any script, digits and `_`")
def test_names(name: str) -> None:
    assert run(f"input {name}\noutput y = 2 * {name}\n", **{name: 3}) == {"y": 6}


@pytest.mark.parametrize("name", ["1x", "x-1", "x$", "a.b"])
@rule(TEXT, "Names are letters of any script, digits and `_`")
def test_what_is_no_name(name: str) -> None:
    assert errors(f"input {name}\noutput y = 2\n")


@pytest.mark.parametrize(("one", "other"), [("ﬁ", "fi"), ("ℝ", "R"), ("e\u0301", "é")])
@rule(TEXT, "are NFKC-normalised")
def test_names_are_normalised(one: str, other: str) -> None:
    assert run(f"input {other}\noutput y = 2 * {one}\n", **{other: 3}) == {"y": 6}


@rule(TEXT, "`#` begins a comment.")
def test_comments() -> None:
    assert run("# a model\ninput x # fed\noutput y = x # + 1\n", x=3) == {"y": 3}


@rule(TEXT, "`##` documents the declaration below it, or, on the first line, the file;")
def test_documentation() -> None:
    program = parse(
        Source("## The file.\n\n## What is fed,\n## a number.\ninput x\noutput y = x\n")
    )
    assert program.doc == "The file."
    assert [one.doc for one in program.statements] == ["What is fed,\na number.", None]


@rule(TEXT, "drawings and `check` show what it says.")
def test_documentation_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from graphdsl.cli import main

    monkeypatch.chdir(tmp_path)
    Path("m.gdl").write_text("## Doubles a number.\n\n## The double.\ninput x\noutput y = 2 * x\n")
    assert main(["check", "m.gdl"]) == 0
    assert "Doubles a number." in capsys.readouterr().out
    assert main(["render", "m.gdl", "-o", "m.dot"]) == 0
    assert "Doubles a number." in Path("m.dot").read_text("utf-8")


@rule(TEXT, "a mistake in one hides none in another")
def test_a_mistake_hides_no_other() -> None:
    assert errors("input x: [3]\ny = x **\noutput a = x.T\noutput b = = x\n") == [
        "E0109",  # '**'
        "E0115",  # and nothing after it
        "E0202",
        "E0114",
    ]


JOINED = {
    "inside `( )` and `[ ]`": [
        "y = (x\n  + 1\n)",
        "y = maximum(\n  x,\n  1,\n)",
        "y = [\n  1,\n  2\n]",
    ],
    "after a binary operator, a comma, `=`, `~`, `if` and `else`": [
        *(f"y = x {sign}\n  2" for sign in ("+", "-", "*", "/", "^", "<", "==")),
        "y = true and\n  false",
        "y =\n  x",
        "y = x if\n  true else\n  1",
        "y = sum(x,\n  axis = [])",
        "param w: [2] ~\n  normal()\ny = w",
        "dim M,\n  N\ny = x",
    ],
    "before a line that begins with a binary operator.": [
        *(f"y = x\n  {sign} 2" for sign in ("+", "-", "*", "/", "^", "<", "==")),
        "y = true\n  or false",
    ],
}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(text, marks=rule(TEXT, words))
        for words, texts in JOINED.items()
        for text in texts
    ],
)
def test_lines_that_go_on(text: str) -> None:
    assert not errors(f"input x\n{text}\noutput out = y\n")


@rule(TEXT, "A newline ends a statement, except")
@rule(TEXT, "inside `( )` and `[ ]`")
@rule(TEXT, "after a binary operator, a comma, `=`, `~`, `if` and `else`")
@rule(TEXT, "before a line that begins with a binary operator")
def test_a_newline_ends_a_statement() -> None:
    assert run("input x\na = x\nb = a\noutput y = b\n", x=1) == {"y": 1}
    assert errors("input x\noutput y = x x\n")
    assert errors("input x\noutput y\n= x\n")
    assert errors("input x\noutput y = exp\n(x)\n")


@pytest.mark.parametrize(
    "block",
    [
        "block f(x)\n{\n  return x\n}",
        "block f(x) {\n  return x\n} const k = 1",
    ],
)
@rule(TEXT, "`{` stands on its header's line, and after `}` a new line begins.")
def test_braces(block: str) -> None:
    assert errors(f"{block}\ninput x\noutput y = f(x)\n")
    for right in ("block f(x) {\n  return x\n}", "block f(x) { return x }"):
        assert not errors(f"{right}\ninput x\noutput y = f(x)\n")


@pytest.mark.parametrize(
    ("written", "value"),
    [("1", 1), ("1.5", 1.5), ("1e-3", 1e-3), ("1_000", 1000), ("2.5e+2", 250), ("0.5", 0.5)],
)
@rule(TEXT, "Numbers are `1`, `1.5`, `1e-3`, `1_000`;")
def test_numbers(written: str, value: float) -> None:
    assert run(f"input x\noutput y = {written} * x\n", x=1) == {"y": value}


@pytest.mark.parametrize("written", [".5", "1.", "1.e3"])
@rule(TEXT, "a point has a digit on both sides, because `1..50` is a range.")
def test_a_point_has_digits_on_both_sides(written: str) -> None:
    assert errors(f"input x\noutput y = {written} * x\n") == ["E0106"]


@rule(TEXT, "Strings stand in double quotes;")
def test_strings() -> None:
    text = "input a: [2, 3]\noutput y = einsum(a, equation = {})\n"
    assert not errors(text.format('"ij->ji"'))
    assert errors(text.format("'ij->ji'")) == ["E0108"]


@rule(TEXT, "they are paths and attributes, never tensors.")
def test_strings_are_no_tensors() -> None:
    assert errors('input x\noutput y = x + "a"\n') == ["E0319"]


@rule(TEXT, "`true` and `false` are the truth values, `pi` and `inf` numbers.")
def test_constants_of_the_language() -> None:
    text = "input x\noutput a = true\noutput b = false\noutput c = pi * x\noutput d = inf * x\n"
    assert run(text, x=1) == {"a": True, "b": False, "c": 3.141592653589793, "d": float("inf")}


@pytest.mark.parametrize("word", sorted(KEYWORDS))
@rule(TEXT, "The keywords are")
@rule(TEXT, "`and` `block` `collect` `const` `data` `dim`")
@rule(TEXT, "They are reserved as whole words")
def test_keywords_are_reserved(word: str) -> None:
    assert errors(f"input {word}\noutput y = 1\n")
    assert not errors(f"input {word}_1\noutput y = {word}_1\n")


@rule(TEXT, "except as keys in `data` and `train`")
def test_keywords_may_be_keys() -> None:
    text = 'input x: [2]\noutput y = x\ndata {\n  train = "t.csv"\n  x = a\n}\n'
    assert not errors(text)


@pytest.mark.parametrize("word", ["lambda", "def", "class", "return_", "relu"])
@rule(TEXT, "Names of ops are no keywords, and neither are those of Python")
def test_what_is_no_keyword(word: str) -> None:
    assert run(f"input {word}\noutput y = 2 * {word}\n", **{word: 2}) == {"y": 4}
