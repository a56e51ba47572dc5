"""Names and docs that would like to be more than text come out as text, everywhere on the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.devtools import Chromium
from browser.pages import Page, opened
from graphdsl.driver import compile_source
from graphdsl.language.source import Source
from graphdsl.session import Session
from graphdsl.views.page.build import write_page

EVIL = "</script><script>window.owned=1</script><img src=x onerror=window.owned=2>"
QUOTES = "\"'`${window.owned=3}&lt;&amp; {}|\\ \\u003c"
HIDDEN = "\u2028 \u2029 \u200b \ufeff end"
"""What a file may hold; marks of direction it may not, but its name may."""

NAME = '<img src=x onerror=window.owned=4>\u202e".gdl'

MODEL = f"""\
## <b>{EVIL}</b> {QUOTES} {HIDDEN}

## <!-- {EVIL} --> ]]> {QUOTES}
input x
## {HIDDEN}
param θ_ŵ = 2  # </style><style>*{{display:none}}</style>
block Evil(x) {{
  # {EVIL}
  return x * 2  # {QUOTES}
}}
__proto__ = Evil(x)
constructor = __proto__ * θ_ŵ
output y = constructor + sin(x)  # {HIDDEN}
"""


@pytest.fixture
def hostile(chromium: Chromium, tmp_path: Path) -> Iterator[Page]:
    source = Source(MODEL, NAME)
    path = tmp_path / "hostile.html"
    write_page(Session(compile_source(source)), path, {"x": 1})
    with opened(chromium, path) as page:
        yield page


def test_nothing_that_a_file_says_is_run_or_loaded(hostile: Page) -> None:
    for _ in range(20):
        hostile.press("ArrowRight")
    for key in ("]", "]", "]", "o", "Shift", "?"):
        hostile.press(key)
    assert hostile.evaluate("window.owned ?? null") is None
    assert hostile.complaints == []
    assert len(hostile.requests) == 1


def test_markup_in_names_and_docs_is_text(hostile: Page) -> None:
    assert hostile.text("#title") == NAME.replace("\u202e", "\\u202e")
    assert EVIL in hostile.text(".about")
    assert "\\u2028" in hostile.text(".about")
    hostile.evaluate("graphdsl.find(graphdsl.graph.byName.get('x'))")
    assert f"<!-- {EVIL} --> ]]> {QUOTES}" in hostile.text("#details .doc")
    listing = hostile.text("#listing")
    assert "# </style><style>*{display:none}</style>" in listing
    assert EVIL in listing
    lines = hostile.evaluate("document.querySelectorAll('#listing li').length")
    assert lines == MODEL.count("\n")  # and none more where a line only seems to end
    assert hostile.evaluate("document.querySelectorAll('script').length") == 2
    assert hostile.evaluate("document.querySelectorAll('img, b > *, style').length") == 1


def test_names_of_objects_own_are_names(hostile: Page) -> None:
    for name in ("__proto__", "constructor", "θ_ŵ"):
        hostile.evaluate(f"graphdsl.find(graphdsl.graph.byName.get('{name}'))")
        assert name in hostile.text("#details h2")
    assert hostile.evaluate("document.querySelectorAll('#near .node.selected').length") == 1


def test_no_text_on_the_page_holds_what_cannot_be_seen(hostile: Page) -> None:
    found = hostile.evaluate(
        "/[\\u200b-\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff]/.exec("
        "document.documentElement.outerHTML.replace(/\\u200b<\\/code>/g, '</code>'))?.[0] ?? null"
    )
    assert found is None


@pytest.mark.parametrize(
    "attempt",
    [
        "document.body.append(Object.assign(document.createElement('script'),"
        " {text: 'window.owned = 5'}))",
        "document.body.innerHTML = '<p>owned</p>'",
        "document.body.append(Object.assign(document.createElement('img'),"
        " {src: 'https://example.org/x.png'}))",
        "fetch('https://example.org/').catch(() => 0)",
    ],
)
def test_the_policy_stops_what_a_hole_would_let_in(hostile: Page, attempt: str) -> None:
    """The second wall: were a text ever taken for markup, the browser would not act on it."""
    hostile.evaluate(f"(async () => {{ try {{ await ({attempt}); }} catch {{ }} }})()")
    hostile.evaluate("new Promise((done) => setTimeout(done, 100))")
    assert hostile.evaluate("window.owned ?? null") is None
    assert hostile.evaluate("document.getElementById('stage') !== null")
    assert any(
        "Content Security Policy" in said or "Trusted" in said for said in hostile.complaints
    )
