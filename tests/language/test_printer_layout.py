"""Where the formatter breaks lines, keeps comments and opens bodies."""

from __future__ import annotations

import pytest

from graphdsl.language.parser import parse
from graphdsl.language.source import Source
from language.printing import formatted, lay_out_again

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
