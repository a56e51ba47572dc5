"""Every test of this folder cites the rule that it proves, in words that the page has."""

from __future__ import annotations

import pytest

from rules.citations import PAGE, Saying, missing, sayings


@pytest.fixture(scope="session")
def said() -> list[Saying]:
    """What the page says."""
    return list(sayings(PAGE.read_text("utf-8")))


@pytest.fixture(autouse=True)
def _cited(request: pytest.FixtureRequest, said: list[Saying]) -> None:
    """Fail a test that cites nothing, or what is not on the page."""
    marks = list(request.node.iter_markers("rule"))
    assert marks, "cite a rule of docs/language.md: @rule(section, words)"
    assert not [fault for mark in marks if (fault := missing(*mark.args, said))]
