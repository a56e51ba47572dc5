"""No text whatever makes the parser hang, overflow or raise anything but a `ModelError`."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdsl.language import ast
from graphdsl.language.diagnostics import ModelError, to_json
from graphdsl.language.parser import parse
from graphdsl.language.printer import format_program
from graphdsl.language.source import Source

ROOT = Path(__file__).parents[2]
TEXTS = [path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("examples/**/*.gdl"))]
PIECES = (*"(){}[]=~,.:;#\"'+-*/@^<>!&|\\\n\t\r\0 0e_", "##", "..", "...", "repeat", "block f(x) {")
WORDS = ("data {", "train", "if", "else", "not", "1e999", "θ", "²", "\u202e", "\ud800", "\ufeff")


def survive(text: str) -> None:
    """Parse; what parses is formatted and parsed again; what does not is told in both forms."""
    try:
        program = parse(Source(text))
    except ModelError as error:
        found = error
    else:
        check_format(program)
        return
    assert str(found).encode()
    assert to_json(found.diagnostics)


def check_format(program: ast.Program) -> None:
    """The program survives the formatter."""
    again = format_program(program)
    assert parse(Source(again)) == program
    assert format_program(parse(Source(again))) == again


@pytest.mark.parametrize("seed", range(300))
def test_mutated_examples(seed: int) -> None:
    draw = random.Random(seed)
    text = draw.choice(TEXTS)
    for _ in range(draw.choice((1, 1, 2, 5, 20))):
        start = draw.randrange(len(text) + 1)
        end = min(len(text), start + draw.choice((0, 0, 1, 1, 3, 30)))
        text = text[:start] + draw.choice((*PIECES, *WORDS, "")) + text[end:]
    survive(text)


@settings(deadline=None)
@given(st.lists(st.sampled_from((*PIECES, *WORDS, "x", "W", "y = ", "param ")), max_size=30))
def test_any_sequence_of_tokens(parts: list[str]) -> None:
    survive("".join(parts))


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    survive(text)


DEEP = {
    "parentheses": "y = " + "(" * 10_000 + "x" + ")" * 10_000,
    "open parentheses": "y = " + "(" * 100_000,
    "closing parentheses": "y = " + ")" * 100_000,
    "lists": "y = " + "[" * 100_000 + "]" * 100_000,
    "maps": "y = " + "{" * 50_000,
    "mixed": "y = " + "([" * 50_000 + ")]" * 50_000,
    "minus": "y = " + "-" * 20_000 + "x",
    "not": "y = " + "not " * 20_000 + "x",
    "powers": "y = " + "^".join(["x"] * 20_000),
    "sum": "y = " + "+".join(["x"] * 20_000),
    "calls": "y = f" + "(x)" * 20_000,
    "indices": "y = x" + "[0]" * 20_000,
    "attributes": "y = x" + ".T" * 20_000,
    "choices": "y = " + "a if b else " * 10_000 + "c",
    "nested calls": "y = " + "f(" * 300 + "x" + ")" * 300,
    "bodies": "repeat l in 1..2 {\n" * 10_000 + "}\n" * 10_000,
    "open bodies": "block f(x) {\n" * 10_000,
    "unclosed calls": "x = f(\n" * 20_000,
    "long line": "y = " + "x " * 100_000,
    "long name": "y = " + "x" * 500_000 + " z",
    "one bad character": "\x01" * 400_000,
    "bad characters": "?" * 20_000,
    "quotes": "'" * 50_001,
    "digits": "y = " + "1." * 100_000,
    "letters beyond": "y = " + "ﷺ" * 2_000,
    "newlines": "\n" * 400_000,
    "comments": "## x\n" * 50_000,
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_and_long_texts(name: str) -> None:
    survive(DEEP[name])


FULL = {
    "parentheses": "(" * 200 + "x" + ")" * 200,
    "calls": "f(" * 199 + "x" + ")" * 199,
    "keywords": "f(a = " * 98 + "x" + ")" * 98,
    "calls of calls": "f" + "(x)" * 199,
    "lists": "[" * 199 + "x" + "]" * 199,
    "indices": "x[" * 199 + "0" + "]" * 199,
    "sum": " + ".join(["x"] * 200),
    "minus": "-" * 199 + "x",
    "powers": "^".join(["x"] * 200),
    "choices": "a if b else " * 199 + "c",
    "attributes": "x" + ".T" * 199,
    "long list": "[" + ", ".join(["1"] * 10_000) + "]",
}


@pytest.mark.parametrize("name", FULL)
def test_depth_up_to_the_limit(name: str) -> None:
    program = parse(Source(f"y = {FULL[name]}"))
    check_format(program)
    assert repr(program) == repr(parse(Source(f"y = {FULL[name]}")))
    assert hash(program.statements) == hash(parse(Source(f"y = {FULL[name]}")).statements)


@pytest.mark.parametrize("name", ["minus", "not", "powers", "sum", "calls", "choices", "lists"])
def test_depth_is_one_diagnostic(name: str) -> None:
    with pytest.raises(ModelError) as caught:
        parse(Source(DEEP[name]))
    (found,) = caught.value.diagnostics
    assert found.code == "E0113"


def test_large_files_parse_in_linear_time() -> None:
    def calls(count: int) -> int:
        text = "".join(f"x{i + 1} = tanh(x{i} * 1.01 + 0.1)\n" for i in range(count))
        made = 0

        def counting(frame: object, event: str, arg: object) -> None:
            nonlocal made
            made += 1

        sys.setprofile(counting)
        try:
            parse(Source(text))
        finally:
            sys.setprofile(None)
        return made

    calls(10)
    assert calls(1600) < 9 * calls(200)


@pytest.mark.parametrize("header", ["tab mine(lr = 1)", "x = y", "if x", "\ttab"])
def test_bodies_of_headers_at_fault(header: str) -> None:
    survive(f"{header} {{\n  state m\n  return m\n}}\n")
