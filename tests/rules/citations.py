"""The rules of `docs/language.md`: its sections, what each says, and the mark that cites them.

A test of a rule is marked `@rule(section, words)`, where `section` is a heading (`Blocks`, or
`Declarations › param` for one below another) and `words` stand under it, white space aside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "language.md"
FENCED = re.compile(r"^```.*?^```$|<!--.*?-->", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^(#{2,3}) (.*)$", re.MULTILINE)
ITEM = re.compile(r"^(?:- |\|)", re.MULTILINE)
SENTENCE = re.compile(r"(?<=[.;]) (?=[A-Za-z`])")


@dataclass(frozen=True, slots=True)
class Saying:
    """One sentence, list item or row of a table."""

    section: str
    text: str

    def __str__(self) -> str:
        return f"{self.section}: {self.text[:60]}"


def rule(section: str, words: str) -> pytest.MarkDecorator:
    """The mark of a test that proves `words`, which stand in a section of the language's page."""
    return pytest.mark.rule(section, words)


def sayings(page: str) -> Iterator[Saying]:
    """Every sentence, item and row of a page, from its first section on; no programs."""
    parts = HEADING.split(FENCED.sub("\n\n", page))
    above = ""
    for depth, title, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        above = title if depth == "##" else above
        section = title if depth == "##" else f"{above} › {title}"
        for paragraph in re.split(r"\n\s*\n", body):
            yield from (Saying(section, text) for text in _items(paragraph))


def _items(paragraph: str) -> Iterator[str]:
    """A paragraph by its sentences, a list by its items, a table by its rows below the head."""
    starts = [match.start() for match in ITEM.finditer(paragraph)]
    bounds = [0, *starts, len(paragraph)]
    pieces = [paragraph[a:b] for a, b in pairwise(bounds)]
    texts = [text for piece in pieces if (text := " ".join(piece.split()))]
    rules = [k for k, text in enumerate(texts) if set(text) <= set("|- ")]
    heads = {k - 1 for k in rules}
    for k, text in enumerate(texts):
        if k not in heads and k not in rules:
            yield from [text] if text.startswith("|") else SENTENCE.split(text)


def missing(section: str, words: str, said: list[Saying]) -> str:
    """What is wrong with a citation; empty if it stands on the page."""
    if not any(one.section == section for one in said):
        return f"docs/language.md has no section '{section}'"
    wanted = " ".join(words.split())
    if not any(one.section == section and wanted in one.text for one in said):
        return f"the section '{section}' of docs/language.md does not say '{wanted}'"
    return ""
