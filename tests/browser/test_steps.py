"""Every step of the lecture's first example in the browser: numbers, places, words, both ways."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.conftest import Write
from browser.devtools import Chromium
from browser.pages import Page, opened

L1 = Path(__file__).parents[2] / "examples" / "lecture" / "l1.gdl"

FORWARD = {
    "a": 6,
    "b": 0.693147180559945,
    "c": 0.638961276313635,
    "d": 403.428793492735,
    "e": 8.65617024533378,
    "f": 0.106493546052272,
    "y": 412.191457284121,
}
REVERSE = {
    **dict.fromkeys("ydef", 1.0),
    "c": 0.166666666666667,
    "b": -12.360007402473,
    "a": 404.853739609282,
    "x": 1208.38121512661,
    "z": 809.707479218564,
}
"""The lecture's numbers: twelve digits and more."""


@pytest.fixture
def l1(chromium: Chromium, page_of: Write) -> Iterator[Page]:
    with opened(chromium, page_of(L1, x=2, z=3)) as page:
        yield page
        assert page.complaints == []


def result(page: Page) -> float:
    """The number of the step at work, as the panel has it."""
    return float(page.text("#step .result .equals + span").replace("−", "-"))


def heading(page: Page) -> str:
    """The step's formula."""
    return page.text("#step h2")


def revealed(page: Page, kind: str) -> set[str]:
    """The names of the boxes whose value, or cotangent, is seen in the drawing."""
    script = f"""[...document.querySelectorAll('#near .node')]
        .filter((box) => {{
          const text = box.querySelector('.{kind}');
          return text && getComputedStyle(text).visibility === 'visible';
        }})
        .map((box) => box.querySelector('.name')?.textContent ?? '')"""
    return set(page.evaluate(script)) - {""}


def lit(page: Page) -> str:
    """The name of the box at work."""
    return page.text("#near .node.current .name")


def test_every_step_shows_its_number_forwards_and_backwards(l1: Page) -> None:
    steps: list[tuple[str, float]] = []
    for _ in range(len(FORWARD) + len(REVERSE)):
        l1.press("ArrowRight")
        steps.append((lit(l1), result(l1)))
    assert dict(steps[: len(FORWARD)]) == pytest.approx(FORWARD, rel=1e-12)
    assert [name for name, _ in steps[: len(FORWARD)]] == list(FORWARD)
    assert dict(steps[len(FORWARD) :]) == pytest.approx(REVERSE, rel=1e-12)
    for name, number in reversed(steps):
        assert (lit(l1), result(l1)) == (name, number)
        l1.press("ArrowLeft")
    assert l1.text("#count") == f"0 / {len(steps)}"


def test_values_and_cotangents_appear_where_they_belong_one_by_one(l1: Page) -> None:
    given = {"x", "z"}
    for count, name in enumerate(FORWARD, 1):
        l1.press("ArrowRight")
        assert revealed(l1, "value") == given | set(list(FORWARD)[:count]), name
        assert revealed(l1, "cotangent") == set()
    seen: set[str] = set()
    for _ in REVERSE:
        l1.press("ArrowRight")
        seen.add(lit(l1))
        assert revealed(l1, "cotangent") == seen
    l1.press("Home")
    assert revealed(l1, "value") == given
    assert revealed(l1, "cotangent") == set()


def test_a_step_has_its_formula_its_numbers_its_line_and_its_terms(l1: Page) -> None:
    l1.press("n")
    l1.press("n")
    assert heading(l1) == "b = ln x"
    assert l1.text("#step .numbers") == "=ln 2"
    assert l1.text("#listing .at-work") == "b = ln(x)"
    assert l1.text("#step .kicker") == "Forward sweep · 2 of 16"
    l1.press("r")
    while lit(l1) != "b":
        l1.press("n")
    assert heading(l1) == "gb = ge·(−a/b²) + gc·cos b"
    assert l1.evaluate("document.querySelector('#step h2 sub').textContent") == "b"
    terms = l1.evaluate("[...document.querySelectorAll('.terms .part')].map((e) => e.textContent)")
    assert terms == ["−12.4882", "0.128206"]
    assert l1.text("#listing .at-work") == "b = ln(x)"


def test_a_reverse_step_lights_the_links_along_which_its_terms_come(l1: Page) -> None:
    l1.press("r")
    while lit(l1) != "b":
        l1.press("n")
    ends = l1.evaluate("""graphdsl.scene.lit.arcs
        .map((link) => graphdsl.graph.nodes.get(link.to).name).sort()""")
    assert ends == ["c", "e"]
    assert l1.evaluate("document.getElementById('lit-wires').getAttribute('d').length") > 0
    assert l1.evaluate("document.getElementById('picture').dataset.sweep") == "reverse"


def test_a_screen_reader_hears_each_step(l1: Page) -> None:
    live = "document.getElementById('voice').getAttribute('aria-live')"
    assert l1.evaluate(live) == "polite"
    l1.press("ArrowRight")
    assert l1.text("#voice") == "Step 1 of 16, forward: a = x·z, which is 6"
    l1.press("End")
    assert l1.text("#voice").startswith("Step 16 of 16, reverse: g_")
    l1.press("Home")
    assert l1.text("#voice") == "Before the first step"


def test_nothing_is_said_before_anybody_moves(l1: Page) -> None:
    assert l1.text("#voice") == ""


def test_every_step_is_said_with_its_number(l1: Page) -> None:
    said = []
    for _ in range(16):
        l1.press("ArrowRight")
        said.append(l1.text("#voice"))
    assert len(set(said)) == 16
    assert "Step 11 of 16, reverse: g_d = g_y, which is 1" in said
    (b,) = [one for one in said if "reverse: g_b" in one]
    assert "g_b = g_e·(−a/b²) + g_c·cos b, which is −12.3600074024" in b


def test_the_page_asks_the_network_for_nothing(l1: Page) -> None:
    l1.press("End")
    l1.press("?")
    assert [url for url in l1.requests if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in l1.requests if url.startswith("file:")]) == 1


def test_playing_goes_on_by_itself_and_stops_at_the_end(l1: Page) -> None:
    l1.press(" ")
    assert l1.evaluate("graphdsl.player.playing")
    l1.wait("graphdsl.player.position >= 1")
    l1.press(" ")
    assert not l1.evaluate("graphdsl.player.playing")
    l1.evaluate("graphdsl.player.go(15)")
    l1.press(" ")
    l1.wait("graphdsl.player.position === 16 && !graphdsl.player.playing")


def test_the_slider_goes_anywhere(l1: Page) -> None:
    l1.evaluate("""{ const slider = document.getElementById('slider');
        slider.value = 9; slider.dispatchEvent(new Event('input')); }""")
    assert l1.text("#count") == "9 / 16"
    assert "9 of 16: reverse sweep" in l1.evaluate(
        "document.getElementById('slider').getAttribute('aria-valuetext')"
    )


def test_without_values_the_page_shows_symbols(chromium: Chromium, page_of: Write) -> None:
    with opened(chromium, page_of(L1)) as page:
        assert "No values were given (x, z)" in page.text("#step")
        page.press("End")
        assert heading(page).startswith("gx = ") or heading(page).startswith("gz = ")
        assert page.evaluate("document.querySelector('#step .numbers')") is None
        assert page.text("#step .result") == ":scalar"
        assert page.complaints == []
