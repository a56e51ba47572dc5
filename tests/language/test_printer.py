"""The formatter: what it prints parses back to the same program, and stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from graphdsl.language import ast
from graphdsl.language.parser import parse
from graphdsl.language.printer import format_expr, format_program
from graphdsl.language.source import Source, Span, read_source
from strategies import expressions, programs

ROOT = Path(__file__).parents[2]
FILES = sorted([*ROOT.glob("examples/**/*.gdl"), *ROOT.glob("graphdsl/prelude/*.gdl")])
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


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_keep_their_meaning_and_comments(path: Path) -> None:
    program = parse(read_source(path))
    text = format_program(program)
    again = parse(Source(text))
    assert again == program
    assert [one.text for one in again.comments] == [one.text for one in program.comments]
    assert format_program(again) == text


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
block f(x) {
  return x
}
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


def test_windows_lines_become_plain() -> None:
    assert formatted("a = 1\r\n\r\n# c\r\nb = f(1, # d\r\n  2)\r\n") == (
        "a = 1\n\n# c\nb = f(1, # d\n  2)\n"
    )
