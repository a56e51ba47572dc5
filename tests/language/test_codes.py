"""The catalogue of codes: each code used has an entry, each entry a use, each snippet its fault."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from graphdsl.driver import check
from graphdsl.language.codes import CHAPTERS, CODES, Code, lookup
from graphdsl.language.source import Source

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "graphdsl" / "language" / "codes"
SNIPPETS = [(code, entry) for code, entry in CODES.items() if entry.bad or entry.good]


def used() -> set[str]:
    """Every code in the package's source, the catalogue left out."""
    files = (p for p in (ROOT / "graphdsl").rglob("*.py") if p.parent != CATALOGUE)
    return {c for p in files for c in re.findall(r'"([EW]0\d{3})"', p.read_text("utf-8"))}


def test_entries_are_whole() -> None:
    for code, entry in CODES.items():
        assert re.fullmatch(r"[EW]0\d{3}", code)
        assert entry.title[0].islower() or entry.title.startswith(("`", "Graphviz"))
        assert entry.why.endswith(".")
        assert entry.mend.endswith(".")
    assert lookup("e0101") is CODES["E0101"]
    assert lookup("E9999") is None


def test_codes_stand_in_order_and_once() -> None:
    assert list(CODES) == [code for chapter in CHAPTERS.values() for code in chapter]
    for chapter in CHAPTERS.values():
        assert list(chapter) == sorted(chapter)
        assert len({code[:3] for code in chapter}) == 1


def test_every_code_used_has_an_entry_and_every_entry_a_use() -> None:
    assert used() - CODES.keys() == set(), "used, and not in graphdsl/language/codes"
    assert CODES.keys() - used() == set(), "in graphdsl/language/codes, and never used"


@pytest.mark.parametrize(("code", "entry"), SNIPPETS, ids=[code for code, _ in SNIPPETS])
def test_snippets_show_the_fault_and_its_remedy(code: str, entry: Code) -> None:
    if entry.bad:
        assert [d.code for d in check(Source(f"{entry.bad}\n"))] == [code]
    if entry.good:
        assert not check(Source(f"{entry.good}\n"))
