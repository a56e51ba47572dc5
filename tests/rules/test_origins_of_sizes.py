"""What is said of sizes that disagree: where each of them was written."""

from __future__ import annotations

from typing import Any

from graphdsl.driver import check
from graphdsl.language.diagnostics import Diagnostic
from graphdsl.language.source import Source
from rules.citations import rule

MESSAGES = "Messages"


def diagnose(text: str, **constants: Any) -> Diagnostic:
    """The one thing that is said of a text."""
    (found,) = check(Source(text, "m.gdl"), constants)
    return found


def underlined(found: Diagnostic) -> list[tuple[int, str]]:
    """The further places: line and text."""
    return [(one.span.line, one.span.text) for one in found.labels if not one.primary]


@rule(
    MESSAGES,
    "Where sizes disagree, the message tells where each of them was written: a size of a declared "
    "name by its line, a size of something computed by an underlined place, found by following "
    "its axis back through ops, calls and turns.",
)
def test_each_size_has_a_place() -> None:
    declared = diagnose("input x: [2, 3]\ninput z: [4, 2]\noutput y = x @ z\n")
    assert declared.notes == ("3 from line 1, 4 from line 2",)
    text = (
        "input x: [2, 3]\nblock F(x) {\n  return exp(x).T\n}\no = F(x)\n"
        "repeat l in 1..9 {\n  o = o + 1\n}\noutput y = o.T @ ones([4, 2])\n"
    )
    assert underlined(diagnose(text)) == [(1, "3")]


@rule(MESSAGES, "A size written with a constant names that, and says if it was overridden;")
def test_constants_are_named() -> None:
    text = "const k = 3\ninput x: [2, k]\nh = exp(x)\noutput y = h @ ones([5, 2])\n"
    assert diagnose(text).labels[-1].text == "the 3 of h comes from here: 'k' of line 1"
    told = diagnose(text, k=4).labels[-1].text
    assert told == "the 4 of h comes from here: 'k' of line 1, overridden with 4"


@rule(
    MESSAGES,
    "a size that an op computes is shown as it came about, `4 + 5` for two tensors joined;",
)
def test_computed_sizes_are_worked_out() -> None:
    text = "input x: [4]\ninput z: [5]\nh = concat(x, z)\noutput y = h @ ones([8])\n"
    assert diagnose(text).labels[-1].text == "the 9 of h comes from here: 4 + 5"


@rule(
    MESSAGES,
    "one from inside a call is shown where the file wrote it, with the call that leads there.",
)
def test_calls_are_named() -> None:
    written = diagnose("input x: [2, 3]\nh = Dense(x, 6)\noutput y = h @ ones([5, 2])\n")
    assert underlined(written) == [(2, "6")]
    text = (
        "input x: [2, 3]\nblock F(x) {\n  param W: [3, 7] = 0\n  return x @ W\n}\nh = F(x)\n"
        "output y = h @ ones([5, 2])\n"
    )
    found = diagnose(text)
    assert underlined(found) == [(3, "7")]
    assert found.labels[-1].text == "the 7 of h comes from here, in the call of 'F' (line 6)"
