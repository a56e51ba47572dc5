"""What is aligned, where a run ends, and that no line is pushed past the width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdsl.language.columns import SPREAD, Row, Table, render
from graphdsl.language.layout import WIDTH
from graphdsl.language.parser import parse
from graphdsl.language.printer import format_program
from graphdsl.language.source import Source


def formatted(text: str) -> str:
    return format_program(parse(Source(text)))


ALIGNED = {
    "settings": """\
data {
  source   = "digits.npz"
  x        = images / 16
  stratify = "labels"
}
""",
    "results": """\
loss   J        = mean(a)
metric accuracy = mean(b)
output p        = c
""",
    "constants": """\
const hidden = 128
const k      = 2
dim   N
const depth  = 3
dim   batch, time, features
""",
    "draws": """\
param W: [d, d] ~ normal(0, 0.1)
param c: [d]    ~ zeros()
state s         ~ ones()
""",
    "fills": """\
param b: [4] = 0
param c      = 1 with frozen = true
state m      = 0
""",
    "signs apart": """\
param W1: [64, hidden] ~ he_normal()
param b1: [hidden] = 0
param W2: [hidden, 10] ~ he_normal()
param b2: [10] = 0
""",
    "ops and updates are not": """\
h1 = x
z = h1
state m = 0
update m = z
optimizer rule() {
  state long = 0
  update long = g
  update p = p - long
}
""",
    "a run ends at an empty line": """\
const a = 1

const bc = 2
""",
    "and at a comment": """\
const a = 1
# here
const bc = 2
""",
    "and at a doc": """\
const a = 1
## here
const bc = 2
""",
    "and at another statement": """\
output y = x
z = x
output zz = z
param a = 1
param b: [3]
param cc = 1
""",
    "and at several lines": f"""\
loss J = x
output y = [
  {", ".join(["1"] * 31)}
]
metric error = x
""",
    "comments": """\
const hidden = 128        # one
dim   N                   # two
input x: [N]
h = f(x, much = "longer", than = "the", commented = "ones")
share cell = Cell(units)  # three
""",
    "comments of paragraphs": """\
x = 1   # one
yy = 2  # two

x = 1  # three
# alone
yyy = 2  # four
repeat l in 1..2 {  # five
  zzzz = 3  # six
}  # seven
y = 1   # eight
yy = 2  # nine
""",
}


@pytest.mark.parametrize("text", ALIGNED.values(), ids=ALIGNED)
def test_what_is_aligned(text: str) -> None:
    squeezed = "\n".join(
        " " * (len(line) - len(line.lstrip())) + " ".join(line.split())
        for line in text.splitlines()
    )
    assert formatted(squeezed) == text
    assert formatted(text) == text


def test_comments_of_several_lines_stand_alone() -> None:
    text = "yy = 2  # one\nz = f(\n  x, # two\n)  # three\ny = g(x)  # four\n"
    assert formatted(text) == text


def test_names_far_from_each_other_in_width_are_not_aligned() -> None:
    near, far = "n" * (1 + SPREAD), "n" * (2 + SPREAD)
    assert formatted(f"output a = x\noutput {near} = x\n").startswith(f"output a{' ' * SPREAD} =")
    apart = f"output a = x\noutput {far} = x\noutput b  = x\noutput cc = x\n"
    assert formatted(apart) == apart


def test_columns_stop_at_the_width() -> None:
    value = "v" * (WIDTH - len("output a = "))
    text = f"output a = {value}\noutput bb = x\n"
    assert formatted(text) == text
    text = f"output a  = {value[1:]}\noutput bb = x\n"
    assert formatted(text) == text


def test_comments_count_in_the_width_of_columns() -> None:
    comment = "#" + "c" * (WIDTH - len("output a = x  #"))
    text = f"output a = x  {comment}\noutput bb = x\n"
    assert formatted(text) == text


def test_comments_stop_at_the_width() -> None:
    comment = "#" + "c" * (WIDTH - len("x = 1  #"))
    apart = f"x = 1  {comment}\nxy = 1  # d\n"
    assert formatted(apart) == apart
    aligned = f"x = 1   {comment[:-1]}\nxy = 1  # d\n"
    assert formatted(aligned) == aligned


def test_a_comment_past_the_width_stays_where_it_is() -> None:
    text = f"xy = 1  #{'c' * WIDTH}\nx = 1   # d\n"
    assert formatted(text) == text


def rows() -> st.SearchStrategy[list[Row]]:
    word = st.integers(1, 70).map("w".__mul__)
    cells = st.lists(word, min_size=1, max_size=3).map(tuple)
    comment = st.just("") | word.map("#".__add__)
    table = st.none() | st.sampled_from(list(Table)[:2])
    one = st.builds(Row, st.sampled_from((0, 0, 2)), cells, table, comment, st.booleans())
    return st.lists(one, max_size=6)


@given(rows())
def test_no_line_is_pushed_past_the_width(drawn: list[Row]) -> None:
    lines = render(drawn)
    assert [line.split() for line in lines] == [[*r.cells, *r.comment.split()] for r in drawn]
    for line, row in zip(lines, drawn, strict=True):
        assert len(line) <= max(WIDTH, row.end)
