"""How diagnostics look, as text and as data."""

from __future__ import annotations

import json

import pytest

from graphdsl.language.diagnostics import Diagnostic, Label, Trail, render, to_json
from graphdsl.language.excerpt import visible
from graphdsl.language.source import Source, Span

TEXT = """\
## Digits.

dim N
input x: [N, 64]
param W1: [32, 128] ~ he_normal()





h = relu(x @ W1 + b1)
"""


def span(source: Source, text: str) -> Span:
    start = source.text.index(text)
    return source.span(start, start + len(text))


def shown(text: str, *marks: str, color: bool = False) -> str:
    source = Source(text, "m.gdl")
    labels = tuple(Label(span(source, mark)) for mark in marks)
    return render(Diagnostic("E0100", "no", labels), color)


def test_the_layout_of_the_language_page() -> None:
    source = Source(TEXT, "digits.gdl")
    labels = (
        Label(span(source, "x @ W1"), "x is f32[N, 64]"),
        Label(span(source, "[32, 128]"), "W1 is f32[32, 128]", primary=False),
    )
    help = ("'x @ W1' needs W1 to be [64, …]",)
    message = "the inner sizes of '@' differ: 64 and 32"
    assert render(Diagnostic("E0204", message, labels, help)) == (
        """\
error[E0204]: the inner sizes of '@' differ: 64 and 32
  --> digits.gdl:11:10
   |
 5 | param W1: [32, 128] ~ he_normal()
   |           --------- W1 is f32[32, 128]
11 | h = relu(x @ W1 + b1)
   |          ^^^^^^ x is f32[N, 64]
   |
   = help: 'x @ W1' needs W1 to be [64, …]"""
    )


def test_without_a_place() -> None:
    found = Diagnostic("E0601", "no data", help=("give some", "two\nlines"))
    assert render(found) == (
        "error[E0601]: no data\n  = help: give some\n  = help: two\n          lines"
    )


def test_notes_stand_before_the_help() -> None:
    found = Diagnostic("E0601", "no data", help=("give some",), notes=("64 from\nline 4",))
    assert render(found) == (
        "error[E0601]: no data\n  = note: 64 from\n          line 4\n  = help: give some"
    )


def test_labels_of_one_line() -> None:
    source = Source("y = abc + de", "m.gdl")
    labels = (
        Label(span(source, "de"), "second"),
        Label(span(source, "abc"), "first", primary=False),
        Label(span(source, "y"), primary=False),
    )
    assert render(Diagnostic("E0100", "no", labels)).split("\n")[3:] == [
        "1 | y = abc + de",
        "  | -   --- first",
        "  |           ^^ second",
    ]


def test_trails_and_other_files() -> None:
    main, other = Source("h = Dense(x)", "m.gdl"), Source("\n\nz = q", "layers.gdl")
    found = Diagnostic(
        "E0301",
        "no q",
        (Label(span(other, "q")), Label(span(main, "x"), "this x", primary=False)),
        trail=(Trail(span(main, "Dense(x)"), "h = Dense(x)"),),
        severity="warning",
    )
    assert render(found) == (
        """\
warning[E0301]: no q
 --> layers.gdl:3:5
  |
3 | z = q
  |     ^
 ::: m.gdl:1:11
  |
1 | h = Dense(x)
  |           - this x
  |
  = in: h = Dense(x) (m.gdl:1:5)"""
    )


def test_tabs_wide_and_combining_characters_are_aligned() -> None:
    assert shown("\ta = ?", "?").split("\n")[-2:] == ["1 |     a = ?", "  |         ^"]
    assert shown("名前 = ?", "?").split("\n")[-1] == "  |        ^"
    assert shown("e\u0301 = ?", "?").split("\n")[-1] == "  |     ^"
    assert shown("名前", "名前").split("\n")[-1] == "  | ^^^^"


def test_invisible_characters_are_shown() -> None:
    assert shown("a\0b = ?", "?").split("\n")[-2:] == ["1 | a\\x00b = ?", "  |          ^"]
    assert "\\u202e" in shown("a \u202e ?", "?")
    assert "\x1b" not in render(Diagnostic("E0100", "\x1b[31m", help=("\x07",)))


@pytest.mark.parametrize("mark", "\u061c\u200e\u200f\u202a\u202e\u2066\u2069\u206a\u206f")
def test_marks_of_the_direction_of_text_are_shown(mark: str) -> None:
    assert visible(f"a{mark}b") == f"a\\u{ord(mark):04x}b"
    text, marks = shown(f"a {mark} ?", "?").split("\n")[-2:]
    assert text == f"1 | a \\u{ord(mark):04x} ?"
    assert text.index("?") == marks.index("^")


def test_long_lines_are_clipped() -> None:
    lines = shown("a" * 1000 + "?" + "b" * 1000, "?").split("\n")
    text, marks = lines[-2:]
    assert len(text) < 140
    assert text.index("?") == marks.index("^")
    assert text.startswith("1 | … a")
    assert text.endswith("b …")


def test_spans_of_many_lines_show_the_first() -> None:
    lines = shown("y = f(a,\n b)", "f(a,\n b)").split("\n")
    assert lines[-2:] == ["1 | y = f(a,", "  |     ^^^^"]


def test_the_end_of_a_line_can_be_marked() -> None:
    source = Source("y =\n", "m.gdl")
    found = render(Diagnostic("E0100", "no", (Label(source.span(3, 4)),)))
    assert found.split("\n")[-1] == "  |    ^"
    empty = Source("", "m.gdl")
    assert render(Diagnostic("E0100", "no", (Label(empty.span(0, 0)),))).endswith("\n  | ^")


def test_windows_lines() -> None:
    assert shown("a = 1\r\nb = ?\r\n", "?").split("\n")[-2:] == ["2 | b = ?", "  |     ^"]


def test_colour_is_asked_for() -> None:
    assert "\033[" not in shown("a = ?", "?")
    assert "\033[1;31m" in shown("a = ?", "?", color=True)


def test_json_has_the_same_content() -> None:
    source = Source(TEXT, "digits.gdl")
    labels = (Label(span(source, "x @ W1"), "here"),)
    trail = (Trail(span(source, "relu"), "h"),)
    (found,) = to_json([Diagnostic("E0204", "no", labels, ("do",), trail, notes=("so",))])
    place = {"file": "digits.gdl", "line": 11, "column": 10, "end_line": 11, "end_column": 16}
    assert found == {
        "code": "E0204",
        "severity": "error",
        "message": "no",
        **place,
        "labels": [{**place, "text": "here", "primary": True}],
        "notes": ["so"],
        "help": ["do"],
        "trail": [{**place, "column": 5, "end_column": 9, "text": "h"}],
    }
    assert json.dumps(found)
    (bare,) = to_json([Diagnostic("E0601", "no")])
    assert bare["file"] is None
