"""What the ops refuse that derivatives are written in, when a file calls them by name."""

from __future__ import annotations

from typing import Any

import pytest

from graphdsl.driver import compile_source
from graphdsl.graph.build import Builder
from graphdsl.graph.op import OPS, Fault
from graphdsl.language.diagnostics import GraphdslError, ModelError
from graphdsl.language.source import Source
from graphdsl.loading import loads
from ops.test_faults import tensor

SIZES = "sizes"
REFUSED: list[tuple[str, list[str], dict[str, Any], str, int | None, str]] = [
    ("take_slice", ["f32[4, 6]"], {"shape": (2,)}, "E0206", None, "needs 2 numbers, one for each"),
    ("take_slice", ["f32[4]"], {"shape": (5,)}, "E0207", 0, "from 0 to 4 on axis 0: expected"),
    ("take_slice", ["f32[N]"], {"shape": (2,), "start": (-1,)}, "E0207", 0, "from -1 to 0"),
    ("take_slice", ["f32[4]"], {"shape": (2,), "step": (0,)}, "E0207", None, "is not 0"),
    ("take_slice", ["f32[4]"], {"shape": (-1,)}, "E0206", None, "at least 0, and found -1"),
    ("take_slice", ["2"], {"shape": ()}, "E0202", 0, "needs a tensor"),
    ("put_slice", ["f32[4]"], {"shape": (5, 5)}, "E0206", None, "needs 1 number, one for each"),
    ("put_slice", ["f32[4]"], {"shape": (6,), "start": (3,)}, "E0207", 0, "from 3 to 6 on axis 0"),
    ("put_slice", ["f32[3]"], {"shape": (6,), "start": (1, 1)}, "E0206", None, "'start' has 2"),
    ("put_slice", ["f32[3]"], {"shape": (6,), "step": (-1,)}, "E0207", 0, "from 0 to -2"),
    ("fold1d", ["f32[N, 5, 3]"], {"size": 3, SIZES: (8,)}, "E0202", 0, "place, length]"),
    ("fold2d", ["f32[9, 3, 3]"], {"size": 3, SIZES: (5, 5)}, "E0202", 0, "place, height, width]"),
    ("fold1d", ["f32[N, 5, 3, 6]"], {"size": 3, SIZES: (9,)}, "E0201", 0, "windows […, 3, 7]"),
    ("fold1d", ["f32[N, 5, 3, 6]"], {"size": 3, SIZES: (8, 8)}, "E0216", None, "expected 1"),
    ("conv1d_to_input", ["f32[N, 5, 6]", "f32[5, 3, 3]"], {SIZES: (9,)}, "E0201", 0, "[N, 5, 7]"),
    ("conv1d_to_input", ["f32[N, 5, 6]", "f32[5, 3]"], {SIZES: (8,)}, "E0202", 1, "needs 3 axes"),
    ("conv1d_to_input", ["f32[N, 5, 6]", "f32[5, 3, 3]"], {SIZES: ()}, "E0216", None, "expected 1"),
    ("conv1d_to_kernel", ["f32[N, 3, 8]", "f32[N, 5, 6]"], {SIZES: (2,)}, "E0201", 1, "[N, 5, 7]"),
    ("conv1d_to_kernel", ["f32[N, 3, 8]", "f32[N, 5]"], {SIZES: (3,)}, "E0202", 1, "needs 3 axes"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[0]}-{case[1]}-{case[2]}")
def test_refused(case: tuple[str, list[str], dict[str, Any], str, int | None, str]) -> None:
    name, types, attrs, code, culprit, text = case
    builder = Builder()
    with pytest.raises(Fault) as caught:
        builder.apply(OPS[name], [tensor(builder, t) for t in types], attrs)
    assert text in caught.value.message
    assert caught.value.code == code
    assert caught.value.operand == culprit


def test_a_place_is_shown_where_it_is_written() -> None:
    source = Source("input x: [4]\noutput y = take_slice(x, [2], start = [3])\n")
    with pytest.raises(ModelError) as caught:
        compile_source(source)
    assert "y = take_slice(x, [2], start = [3])" in str(caught.value)
    assert "from 3 to 4 on axis 0: expected places from 0 on, below 4" in str(caught.value)


def test_places_of_symbols_are_checked_once_they_are_numbers() -> None:
    model = loads("dim N\ninput x: [N]\noutput y = take_slice(x, [2], start = [N - 1])\n")
    with pytest.raises(GraphdslError, match="from 3 to 4 on axis 0"):
        model.run(x=[1, 2, 3, 4])
