"""Texts cut off: never longer than asked, and marked where something is missing."""

from __future__ import annotations

import pytest

from graphdsl.language.clipping import clip, one_line


@pytest.mark.parametrize(
    ("text", "most", "cut"), [("abcd", 4, "abcd"), ("abcde", 4, "abc…"), ("", 1, "")]
)
def test_clipped(text: str, most: int, cut: str) -> None:
    assert clip(text, most) == cut


def test_lines_become_one_before_they_are_cut() -> None:
    assert one_line("a +\n    b", 5) == "a + b"
    assert one_line("a +\n    b", 4) == "a +…"
