"""The formatter: what it prints parses back to the same program, and stays as it is."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from graphdsl.language import ast
from graphdsl.language.parser import parse
from graphdsl.language.printer import format_expr, format_program
from graphdsl.language.source import Source, Span
from scatter import respace, texts
from strategies import expressions, programs

ROOT = Path(__file__).parents[2]
FOLDERS = ("benchmarks", "docs", "examples", "graphdsl/prelude")
FILES = sorted(path for folder in FOLDERS for path in ROOT.glob(f"{folder}/**/*.gdl"))
PAGES = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in ("language", "design"))]
SNIPPETS = [
    pytest.param(found, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, found in enumerate(
        re.findall(r"^```gdl\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    )
]
HERE = Span(Source(""), 0, 0)


def formatted(text: str) -> str:
    return format_program(parse(Source(text)))


def expression(text: str) -> ast.Expr:
    (statement,) = parse(Source(f"y = {text}")).statements
    assert isinstance(statement, ast.Assign)
    return statement.value


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(programs())
def test_printed_programs_parse_back(program: ast.Program) -> None:
    text = format_program(program)
    again = parse(Source(text))
    same = again == program and repr(again) == repr(program)  # reprs tell 1 from 1.0
    assert same, text
    assert format_program(again) == text


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(expressions())
def test_printed_expressions_parse_back(expr: ast.Expr) -> None:
    text = format_expr(expr)
    same = repr(expression(text)) == repr(expr)
    assert same, text


def lay_out_again(text: str) -> str:
    """What the formatter makes of `text`: the same program and comments, and it stays so."""
    program = parse(Source(text))
    done = format_program(program)
    again = parse(Source(done))
    assert repr(again) == repr(program), done
    assert Counter(one.text for one in again.comments) == Counter(
        one.text for one in program.comments
    )
    assert format_program(again) == done
    return done


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts())
@example("block f(x, # {\n y) { return x }\ndata { # c\n}\n")
@example("## f\n## g\n\n## d\nblock f(x) { return x } # e\n")
@example(
    "repeat i in 1..2 { repeat j in 1..2 {} }# c\nrepeat i in 1..2 { repeat j in 1..2 {\n} }\n"
)
def test_any_layout_is_formatted(text: str) -> None:
    lay_out_again(text)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts(comments=False), st.randoms(use_true_random=False))
def test_spaces_have_no_say(text: str, chance: random.Random) -> None:
    again = respace(text, chance)
    assert formatted(again) == formatted(text), again


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_are_canonical(path: Path) -> None:
    text = path.read_text("utf-8")
    assert formatted(text) == text
    assert formatted(respace(text, random.Random(0))) == text


@pytest.mark.parametrize("text", SNIPPETS)
def test_models_of_the_pages_are_canonical(text: str) -> None:
    assert formatted(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "-x^2",
        "(-x)^2",
        "2^-x",
        "2^3^x",
        "(2^3)^x",
        "a - (b - c)",
        "a - b - c",
        "a / (b * c)",
        "-(a + b)",
        "not (a and b) or c",
        "(a if b else c) + d",
        "a if b else c if d else e",
        "x[:, 1:3, ..., -1, ::2, 1:]",
        "f(x)(y)[0].T",
        "(1).T",
        "(a == b) == c",
        '{"*.W": 1e-4}',
        "[[3], [-1]]",
        "f(x, act = relu)",
        "1_000 + 1e-3",
    ],
)
def test_expressions_are_canonical(text: str) -> None:
    assert format_expr(expression(text)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, "1"), (1.0, "1.0"), (1e-5, "1e-5"), (1e22, "1e22"), (0.001, "0.001"), (-2.5, "-2.5")],
)
def test_numbers_without_a_spelling(value: float, text: str) -> None:
    assert format_expr(ast.Number(value, span=HERE)) == text


def test_negative_numbers_are_bracketed_where_a_sign_would_be() -> None:
    negative = ast.Number(-2, span=HERE)
    power = ast.Binary("^", negative, ast.Name("x", span=HERE), span=HERE, op_span=HERE)
    assert format_expr(power) == "(-2)^x"
    assert format_expr(ast.Number(float("inf"), span=HERE)) == "inf"
    assert format_expr(ast.Number(float("-inf"), span=HERE)) == "-inf"


LAYOUT = """\
# first
y=x+1   # why
   ## a weight
param   W:[3 ,4]~normal( 0,.1 )


# alone



repeat l in 1 .. 3{ # each
y=y*2

# inside
}# done
data{}
block f(x){return x}
z = f(a, # one
      b)
# last
""".replace(",.1", ", 0.1")

LAID_OUT = """\
# first
y = x + 1  # why
## a weight
param W: [3, 4] ~ normal(0, 0.1)

# alone

repeat l in 1..3 {  # each
  y = y * 2

  # inside
}  # done
data {}
block f(x) { return x }
z = f(a, # one
      b)
# last
"""


def test_layout() -> None:
    assert formatted(LAYOUT) == LAID_OUT
    assert formatted(LAID_OUT) == LAID_OUT


def test_docs_keep_their_place() -> None:
    text = "## file\n\n## x\n##   more\ninput x\n"
    assert formatted(text) == text
    below = "\n## x\ninput x\n"
    assert formatted(below) == below
    assert parse(Source(below)).doc is None


def test_comments_between_a_header_and_its_body() -> None:
    text = "block f(\n  x, # the { input\n  y\n) { # body\n  # nothing\n  return x\n}\n"
    assert formatted(text) == text.replace(" # body", "  # body")


def test_long_lines_are_broken_in_brackets() -> None:
    names = [f"some_rather_long_name_{i}" for i in range(6)]
    text = formatted(f"y = concat({', '.join(names)}, axis = 1)\nz = {' + '.join(names)}\n")
    assert max(map(len, text.splitlines())) <= 100
    assert formatted(text) == text
    assert text == (
        "y = concat(\n"
        + "".join(f"  {name},\n" for name in names)
        + "  axis = 1,\n)\n"
        + f"z = {names[0]}\n"
        + "".join(f"  + {name}\n" for name in names[1:])
    )


def test_long_lists_of_numbers_fill_their_lines() -> None:
    text = formatted(f"const k = {list(range(100))}\n")
    assert len(text.splitlines()) == 7
    assert formatted(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only\n",
        "## only\n",
        "h, c = f(x)\n",
        'from "layers.gdl" import A, B\n',
        "param W: f64[3] = 0 with lr = 0.1, frozen = true\n",
        "share cell = LSTM(units = 64)\n",
        "input x: [N, 2 * k]\n",
        "state m\n",
    ],
)
def test_statements_are_canonical(text: str) -> None:
    assert formatted(text) == text


def test_what_cannot_be_broken_is_not() -> None:
    name = "n" * 100
    text = f"{name} = {{}}\n{name} = []\n{name} = f()\n{name} = (1).T\n"
    assert lay_out_again(text) == text


def test_long_comparisons_keep_their_parentheses() -> None:
    left, right, long = "l" * 40, "r" * 40, "n" * 20
    text = f"y = ({left} < {right})\n  > {long}\n"
    assert lay_out_again(text) == text


def test_maps_in_headers_open_no_body() -> None:
    text = f'optimizer f(\n  a,\n  x = [{{"{"k" * 100}": 1}}],\n) {{}}\n'
    assert lay_out_again(text) == text


def test_windows_lines_become_plain() -> None:
    assert formatted("a = 1\r\n\r\n# c\r\nb = f(1, # d\r\n  2)\r\n") == (
        "a = 1\n\n# c\nb = f(1, # d\n  2)\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "train { optimizer = adam }\n",
        "train {\n  optimizer = adam\n}\n",
        "block f(x) { return x }  # pure\n",
        "\n## doc\nblock f(x) { return x }\n",
        "repeat i in 1..2 { repeat j in 1..2 { o = o + 1 } }\n",
        "repeat i in 1..2 { repeat j in 1..2 {} }\n",
        "repeat i in 1..2 {\n  repeat j in 1..2 { o = o + 1 }\n}\n",
        'train { optimizer = adam(lr = {"*.W": 1e-4}) }\n',
    ],
)
def test_bodies_stay_on_their_line_or_off_it(text: str) -> None:
    assert formatted(text) == text


def test_bodies_on_one_line_fit_into_it() -> None:
    name = "n" * (100 - len("block f() { return  }"))
    short, long = f"block f() {{ return {name} }}\n", f"block f() {{ return {name}n }}\n"
    assert formatted(short) == short
    assert formatted(long) == f"block f() {{\n  return {name}n\n}}\n"
    header = f"block f({', '.join(['name'] * 20)}) {{ return name }}\n"
    assert formatted(header).endswith(") {\n  return name\n}\n")


def test_bodies_with_comments_are_opened() -> None:
    assert lay_out_again("train { optimizer = adam # c\n}\n") == (
        "train {\n  optimizer = adam  # c\n}\n"
    )
    assert lay_out_again("data { # c\n}") == "data {  # c\n}\n"
    assert lay_out_again("data {\n}") == "data {}\n"


@pytest.mark.parametrize(
    ("text", "laid"),
    [
        (
            "param W: [3] = 0 with lr = {0}, decay = 1\n",
            "param W: [3] = 0 with lr = {0},\n  decay = 1\n",
        ),
        ("input x: [{0}, {0}]\n", "input x: [\n  {0},\n  {0},\n]\n"),
        ("param W: [{0}, {0}] = 0\n", "param W: [\n  {0},\n  {0},\n] = 0\n"),
        ("dim {0}, {0}\n", "dim {0},\n  {0}\n"),
        ('from "a.gdl" import {0}, {0}\n', 'from "a.gdl" import {0},\n  {0}\n'),
        ("block f() {{\n  return {0}, {0}\n}}\n", "block f() {{\n  return {0},\n    {0}\n}}\n"),
    ],
)
def test_long_declarations_are_broken_after_commas(text: str, laid: str) -> None:
    name = "n" * 74
    assert lay_out_again(text.format(name)) == laid.format(name)
