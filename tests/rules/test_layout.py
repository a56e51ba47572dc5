"""The layout that the formatter gives: columns, comments, breaks, and what is the author's."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphdsl.cli import main
from graphdsl.language.parser import parse
from graphdsl.language.printer import format_program
from graphdsl.language.source import Source
from rules.citations import rule

LAYOUT = "Layout"


def formatted(text: str) -> str:
    """A text as the formatter writes it, which it leaves as it is then."""
    found = format_program(parse(Source(text)))
    assert format_program(parse(Source(found))) == found
    return found


@rule(LAYOUT, "`graphdsl fmt` gives a file its one layout, whatever spaces its author used")
def test_one_layout(tmp_path: Path) -> None:
    path = tmp_path / "m.gdl"
    for text in ("input   x\noutput y=x*2\n", "input x\noutput y  =  x  *  2\n"):
        path.write_text(text)
        assert main(["fmt", str(path)]) == 0
        assert path.read_text() == "input x\noutput y = x * 2\n"


@pytest.mark.parametrize(
    "aligned",
    [
        pytest.param(text, marks=rule(LAYOUT, words))
        for words, text in {
            "In consecutive lines of a kind, what belongs together stands in one column": (
                'data {\n  source = "a.npz"\n  x      = images\n}\n'
            ),
            "the name and `=` of `loss`, `metric` and `output`, and of `const` and `dim`": (
                "const k      = 1\nconst hidden = 2\ndim   N, T\n\n"
                "loss   J     = x\nmetric error = x\noutput y     = x\n"
            ),
            "`=` of `param` and `state`, and `~` of those that are drawn": (
                "param W: [3, 4] ~ normal()\nparam v: [3]    ~ normal()\n\n"
                "param a: [3, 4] = 0\nparam b         = 0\n"
            ),
            "Ops are not aligned": "a = x\nlonger = x\n",
            "Names in a column differ in width by 16 at most": (
                f"loss   J{' ' * 16} = x\nmetric {'e' * 17} = x\n"
            ),
            "a longer or shorter one begins the column anew": (
                f"loss J = x\nmetric {'e' * 18} = x\n"
            ),
            "The comments behind the lines of a paragraph stand in one column": (
                "input x           # fed\noutput y = 2 * x  # twice\n"
            ),
            "A paragraph ends at an empty line, a comment on its own line": (
                "a = x  # one\n\nbetter = x  # two\n# and\nc = x  # three\n"
            ),
            "so do the columns above": "loss J = x\n\nmetric error = x\n# and\noutput y = x\n",
            "Three things are the author's": "a = x\n\nb = x\n",
            "A body of one statement stays on the line of its header if it stood there and fits": (
                "train { epochs = 3 }\n"
            ),
            "all others stand on lines of their own": "train {\n  epochs = 3\n}\n",
        }.items()
    ],
)
def test_columns(aligned: str) -> None:
    assert formatted(aligned) == aligned


@rule(LAYOUT, "so that a new name changes one line")
def test_a_new_op_changes_one_line() -> None:
    before = formatted("a = x\nb = x\n")
    assert formatted("a = x\na_long_name = x\nb = x\n") == before.replace(
        "b = x\n", "a_long_name = x\nb = x\n"
    )


@rule(LAYOUT, "Lines have 100 columns.")
@rule(LAYOUT, "What is longer is broken inside its brackets or before its operators")
def test_long_lines_are_broken() -> None:
    inside = formatted("y = f(" + ", ".join(f"argument_{k}" for k in range(20)) + ")\n")
    before = formatted("y = " + " + ".join(f"summand_{k}" for k in range(20)) + "\n")
    for text in (inside, before):
        assert len(text.splitlines()) > 1
        assert max(map(len, text.splitlines())) <= 100
    assert inside.startswith("y = f(\n")
    assert any(line.lstrip().startswith("+ ") for line in before.splitlines())


@rule(LAYOUT, "columns that would push a line beyond are left out")
def test_columns_do_not_make_lines_too_long() -> None:
    value = " + ".join(["x"] * 22)
    text = f"loss J = {value}\nmetric an_error = x\n"
    assert formatted(text) == text
    assert formatted(text.replace(" + x", "", 9)).startswith("loss   J        = ")


@rule(LAYOUT, "Empty lines stay, one where there were several.")
def test_empty_lines() -> None:
    assert formatted("a = x\n\n\n\nb = x\nc = x\n") == "a = x\n\nb = x\nc = x\n"


@rule(LAYOUT, "A statement with comments between its lines keeps these lines.")
def test_comments_keep_lines() -> None:
    text = "y = f(\n  a,\n  # the second\n  b,\n)\n"
    found = formatted(text)
    assert found.count("\n") == 5
    assert "  # the second\n" in found
