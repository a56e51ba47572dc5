"""Tables for people: columns that begin, and numbers that end, at one place."""

from __future__ import annotations

import pytest

from graphdsl.views.aligned import aligned
from graphdsl.views.cells import width


def test_text_begins_and_numbers_end_at_one_place() -> None:
    rows = [("", "count", "note"), ("w", "7", ""), ("bias", "1,024", "frozen")]
    assert list(aligned(rows, right=(1,))) == [
        "      count  note",
        "w         7",
        "bias  1,024  frozen",
    ]


@pytest.mark.parametrize("name", ["重み", "é" + "\N{COMBINING GRAVE ACCENT}", "θ"])
def test_a_name_in_another_script_moves_no_column(name: str) -> None:
    lines = aligned([(name, "[3]", "12"), ("width", "[3]", "7")], right=(2,))
    assert {width(line) for line in lines} == {width("width  [3]  12")}


def test_no_rows_are_no_lines() -> None:
    assert list(aligned([])) == []
