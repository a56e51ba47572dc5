"""Every sentence of `docs/language.md` is cited by a test in `tests/rules`, which proves it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

from rules.citations import PAGE, Saying, missing, sayings

RULES = Path(__file__).parents[1] / "rules"
SAID = list(sayings(PAGE.read_text("utf-8")))


def citations() -> Iterator[tuple[str, str]]:
    """The section and the words that each mark of a test of the rules cites."""
    for path in sorted(RULES.glob("test_*.py")):
        module = import_module(f"rules.{path.stem}")
        for name, test in vars(module).items():
            if name.startswith("test_"):
                yield from _cited(test.pytestmark)


def _cited(marks: Iterable[pytest.Mark]) -> Iterator[tuple[str, str]]:
    for mark in marks:
        if mark.name == "rule":
            yield mark.args
        elif mark.name == "parametrize":
            for values in mark.args[1]:
                yield from _cited(getattr(values, "marks", ()))


CITED = list(citations())


def test_there_are_rules() -> None:
    assert len(SAID) > 150
    assert len(CITED) > 150


@pytest.mark.parametrize("saying", SAID, ids=str)
def test_every_sentence_is_proved(saying: Saying) -> None:
    assert any(
        section == saying.section and " ".join(words.split()) in saying.text
        for section, words in CITED
    ), "no test of tests/rules cites this sentence: @rule(section, words)"


@pytest.mark.parametrize(
    ("section", "words", "fault"),
    [
        ("Blocks", "A block is a function from values to values", ""),
        ("Blocks", "A  block is a\nfunction", ""),
        ("Blocks", "A block is a class", "does not say"),
        ("Repeat", "A block is a function", "does not say"),
        ("Boxes", "A block is a function", "has no section"),
    ],
)
def test_citations_that_rot_are_found(section: str, words: str, fault: str) -> None:
    found = missing(section, words, SAID)
    assert fault in found
    assert bool(fault) == bool(found)
