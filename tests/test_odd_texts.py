"""Texts that nobody wrote: whatever comes in, diagnostics come out, and soon."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checker import Checker

TREE = Path(__file__).parents[1]
EXAMPLES = sorted((TREE / "examples").rglob("*.gdl"))
BAD = sorted((TREE / "tests" / "golden" / "errors").rglob("*.gdl"))
TEXTS = [path.read_text(encoding="utf-8") for path in (*EXAMPLES, *BAD)]
SECONDS = 5
MEMORY = 2**30

SPECIAL = ("0", "1", "training", "pi", "inf", "true", "size", "l2", "grad", "sgd", "t", "f64")
WORDS = sorted({word for text in TEXTS for word in text.replace("\n", " \n ").split(" ") if word})


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A program with a few tokens changed, lost, doubled or moved, or lines of another in it."""
    words = draw(st.sampled_from(TEXTS)).replace("\n", " \n ").split(" ")
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(words)))
        match draw(st.integers(0, 4)):
            case 0:
                words[at : at + 1] = [draw(st.sampled_from(WORDS))]
            case 1:
                del words[at : at + draw(st.integers(1, 4))]
            case 2:
                words[at:at] = [draw(st.sampled_from(WORDS))]
            case 3:
                words[at:at] = words[at : at + draw(st.integers(1, 12))]
            case 4:
                other = draw(st.sampled_from(TEXTS)).splitlines(keepends=True)
                line = draw(st.integers(0, len(other)))
                words[at:at] = ["\n", *other[line : line + 3]]
    return " ".join(words)


@st.composite
def renamed(draw: st.DrawFn) -> str:
    """A program in which a few names and numbers stand for one another: most of these parse."""
    text = draw(st.sampled_from(TEXTS))
    places = [m.span() for m in re.finditer(r"(?<![\w\"])\w+", text)]
    known = [text[start:stop] for start, stop in places] or ["x"]
    for _ in range(draw(st.integers(1, 3))):
        if not places:
            break
        start, stop = places[draw(st.integers(0, len(places) - 1))]
        word = draw(st.sampled_from(known) | st.sampled_from(SPECIAL))
        text = text[:start] + word + text[stop:]
        places = [m.span() for m in re.finditer(r"(?<![\w\"])\w+", text)]
    return text


@pytest.fixture(scope="module")
def checker() -> Iterator[Checker]:
    """A process that checks one program after the other and tells what each took."""
    made = Checker()
    yield made
    made.close()


def verify_modest(checker: Checker, text: str) -> None:
    """Check a program in a process of its own, and that it takes little time and memory."""
    verdict = checker.check(text)
    if verdict.seconds >= SECONDS or verdict.peak >= MEMORY:
        checker.close()  # the next one is measured in a fresh process
    assert verdict.seconds < SECONDS
    assert verdict.peak < MEMORY, f"{verdict.peak / 2**20:,.0f} MiB"


@given(mutated() | renamed())
@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
def test_mutated_programs_give_diagnostics(checker: Checker, text: str) -> None:
    verify_modest(checker, text)


@pytest.mark.nightly
@given(mutated() | renamed())
@settings(max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck))
def test_many_mutated_programs(checker: Checker, text: str) -> None:
    verify_modest(checker, text)


LOADS = {
    "turns": "input x\no = x\nrepeat i in 1..{} {{\n  o = o * x + i\n}}\noutput y = o\n",
    "sums": "input x\no = x\nrepeat i in 1..{} {{\n  o = o + o * o + sin(o)\n}}\noutput y = o\n",
    "parameters": "input x\no = x\nrepeat i in 1..{} {{\n  param w = 1\n  o = o * w\n}}\n"
    "loss J = o\ntrain {{\n  optimizer = adam()\n}}\n",
}


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("turns", [10**3, 10**4, 10**7])
def test_programs_that_expand_take_little(checker: Checker, load: str, turns: int) -> None:
    verify_modest(checker, LOADS[load].format(turns))
