"""Tables of names that are wide, or that have marks: columns stand where a terminal shows them."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphdsl
from graphdsl.views import cells
from graphdsl.views.trace.table import wrap

WIDE = """\
input 变数: [2]
input θ̇
क्षि = sin(变数) * θ̇
output 結果 = sum(exp(क्षि) / 变数)
"""


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("abc", 3),
        ("变数", 4),
        ("x\u0302", 1),
        ("θ\u0307\u0308", 1),
        ("😀", 2),
        ("한", 2),
        ("∂‖·…", 4),
    ],
)
def test_cells_of_a_text(text: str, width: int) -> None:
    assert cells.width(text) == width


def test_texts_are_padded_and_cut_by_their_cells() -> None:
    assert cells.pad("变数", 6) == "变数  "
    assert cells.pad("x\u0302", 3) == "x\u0302  "
    assert [cells.clip("变数变数", most) for most in (8, 7, 6)] == ["变数变数", "变数变…", "变数…"]
    assert [cells.fitting("变x数", room) for room in (2, 3, 4, 5)] == [1, 2, 2, 3]
    assert cells.fitting("", 2) == 0
    assert cells.fitting("x\u0302\u0303" * 4, 2) == 6


@pytest.mark.parametrize(
    ("row", "value"),
    [
        ("变数 ", "[1  2]"),
        ("θ̇ ", "3"),
        ("क्षि ", "[2.52441"),
        ("結果 ", "20.1338"),
        ("g_結果_1 ", "[1  0.5]"),
        ("g_θ̇ ", "17.46"),
        ("g_变数 ", "[7.75113"),
    ],
)
def test_columns_begin_below_one_another(row: str, value: str) -> None:
    trace = graphdsl.loads(WIDE, dtype="f64").trace({"变数": [1, 2], "θ̇": 3})
    sweeps = str(trace).split("\n\n")
    lines = sweeps[row.startswith("g_")].splitlines()
    line = next(line for line in lines if line.startswith(row))
    assert cells.width(line[: line.rindex(value)]) == lines[1].index("value")


def test_wide_lines_fit_the_terminal() -> None:
    trace = graphdsl.loads(WIDE, dtype="f64").trace({"变数": [1, 2], "θ̇": 3})
    assert max(map(cells.width, str(trace).splitlines())) <= 80


@given(st.text(alphabet="ab 变数😀+−", max_size=80), st.integers(8, 40))
def test_wrapped_lines_fit_and_hold_everything(text: str, width: int) -> None:
    lines = list(wrap(text, width))
    assert all(cells.width(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(line.startswith("  ") for _, line in pairwise(lines))


def test_a_line_of_any_length_is_wrapped_in_time() -> None:
    start = time.perf_counter()
    lines = list(wrap("变" * 80_000, 30))
    assert time.perf_counter() - start < 20
    assert len(lines) == 1 + -(-(80_000 - 15) // 14)
