"""The formatter: what it prints parses back to the same program, and stays as it is."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from graphdsl.language import ast
from graphdsl.language.parser import parse
from graphdsl.language.printer import format_expr, format_program
from graphdsl.language.source import Source, Span
from language.printing import formatted, lay_out_again
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
