"""Plain values as text of the language: what is spelled reads back as the value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphdsl.language import ast
from graphdsl.language.parser import parse_settings
from graphdsl.language.source import Source
from graphdsl.language.spelling import spell


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (np.int64(-3), "-3"),
        (float("inf"), "inf"),
        (np.array([0.5, 2.0]), "[0.5, 2.0]"),
        (Path("a b.csv"), '"a b.csv"'),
        ({"*.W": 0.1}, '{"*.W": 0.1}'),
        (("x", [1, False]), '["x", [1, false]]'),
    ],
)
def test_spelled(value: Any, text: str) -> None:
    assert spell(value) == text


@pytest.mark.parametrize("text", ["", "a\\b", "a'b", "# c", "{}", "λ"])
def test_texts_read_back(text: str) -> None:
    (setting,), faults = parse_settings(Source(f"source = {spell(Path(text) if text else text)}\n"))
    assert not faults
    assert isinstance(setting.value, ast.String)
    assert setting.value.value == text


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ('a"b', "a text that holds '\"'"),
        (Path("a\nb.csv"), "the end of a line"),
        ({'a"': 1}, "a text that holds"),
        (float("nan"), "nan"),
        (None, "of the type NoneType"),
    ],
)
def test_what_no_text_says_is_refused(value: Any, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        spell(value)
