"""The page for everybody: axe-core finds no fault, the keyboard reaches all, phones can show it."""

from __future__ import annotations

from pathlib import Path

import pytest

from browser.conftest import Write
from browser.devtools import Chromium
from browser.pages import Page, opened

LECTURE = Path(__file__).parents[2] / "examples" / "lecture"
AXE = Path(__file__).with_name("vendor") / "axe.min.js"

LOOP = """\
input x
o = x
repeat l in 1..9 {
  param w = 0.5
  o = tanh(w * o) + x
}
output y = o
"""


def faults(page: Page) -> list[str]:
    """What axe-core finds, however slight."""
    page.evaluate(AXE.read_text(encoding="utf-8") + "; 0")
    return list(
        page.evaluate("""axe.run(document, { resultTypes: ['violations'] }).then((found) =>
            found.violations.map((one) => `${one.impact} ${one.id}: `
                + one.nodes.map((node) => node.html.slice(0, 90)).join(' | ')))""")
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 800), (360, 740)], ids=["laptop", "phone"])
def test_axe_finds_no_fault(
    chromium: Chromium, page_of: Write, scheme: str, size: tuple[int, int]
) -> None:
    look = {"width": size[0], "height": size[1], "scheme": scheme, "bypass_csp": True}
    with opened(chromium, page_of(LECTURE / "l6.gdl", x=[[2.0]], t=[[1.0]]), **look) as page:
        assert faults(page) == []
        page.press("r")
        page.press("ArrowRight")
        assert faults(page) == []
        page.press("]")
        page.press("/")
        page.type("relu")
        assert faults(page) == []
        page.press("Escape")
        page.press("?")
        assert faults(page) == []


def test_axe_sees_a_fault_where_there_is_one(chromium: Chromium, page_of: Write) -> None:
    with opened(chromium, page_of(LOOP, x=1), bypass_csp=True) as page:
        page.evaluate("document.getElementById('next').removeAttribute('aria-label')")
        page.evaluate("document.getElementById('next').removeAttribute('title')")
        assert [fault for fault in faults(page) if fault.startswith("critical button-name")]


def test_the_tab_key_reaches_every_control_in_order(chromium: Chromium, page_of: Write) -> None:
    with opened(chromium, page_of(LOOP, x=1)) as page:
        reached = []
        for _ in range(30):
            page.press("Tab")
            reached.append(page.evaluate("document.activeElement.id"))
        wanted = ["search", "help-button", "theme", "stage", "nearer", "farther", "fit"]
        wanted += ["play", "next", "last", "slider", "listing"]
        assert [id for id in dict.fromkeys(reached) if id in wanted] == wanted


def test_the_focus_is_not_lost_with_what_is_replaced(chromium: Chromium, page_of: Write) -> None:
    with opened(chromium, page_of(LOOP, x=1)) as page:
        page.press("]")
        page.evaluate("document.querySelector('#details .chip').focus()")
        page.press("Enter")  # selects what uses x
        assert page.text("#details h2").startswith("o op")
        assert page.evaluate("document.activeElement.id") == "details"
        page.press("Tab")
        assert page.evaluate("document.activeElement.closest('#details') !== null")
        page.evaluate("document.getElementById('stage').focus()")
        page.press("]")
        assert page.evaluate("document.activeElement.id") == "stage"


@pytest.mark.parametrize(("width", "height", "pixels"), [(1280, 800, 22), (1920, 1080, 32)])
def test_letters_grow_with_the_screen(
    chromium: Chromium, page_of: Write, width: int, height: int, pixels: int
) -> None:
    with opened(
        chromium, page_of(LECTURE / "l1.gdl", x=2, z=3), width=width, height=height
    ) as page:
        size = "document.querySelector('#near .node text').getBoundingClientRect().height"
        assert page.evaluate(size) > pixels
        assert page.evaluate("""(() => {
            const { left, top, right, bottom } = graphdsl.camera.window();
            const { width, height } = graphdsl.scene.drawing;
            return left <= 0 && top <= 0 && right >= width && bottom >= height; })()""")


def test_the_help_names_every_key_and_letters_can_be_switched_off(
    chromium: Chromium, page_of: Write
) -> None:
    with opened(chromium, page_of(LOOP, x=1)) as page:
        page.press("?")
        assert page.evaluate("document.getElementById('help').open")
        told = page.evaluate("[...document.querySelectorAll('#keys dt')].length")
        assert told == page.evaluate("document.querySelectorAll('#keys dd').length") > 20
        page.press("n")
        assert page.evaluate("graphdsl.player.position") == 0  # the panel has the keyboard
        page.evaluate("document.getElementById('letters').click()")
        page.press("Escape")
        page.press("n")
        assert page.evaluate("graphdsl.player.position") == 0
        page.press("ArrowRight")
        assert page.evaluate("graphdsl.player.position") == 1
        page.evaluate("document.getElementById('letters').click()")
        page.press("n")
        assert page.evaluate("graphdsl.player.position") > 1


def test_the_theme_follows_the_system_until_it_is_chosen(
    chromium: Chromium, page_of: Write
) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    path = page_of(LOOP, x=1)
    with opened(chromium, path, scheme="light") as page:
        light = page.evaluate(ground)
        page.show(1280, 800, "dark")
        dark = page.evaluate(ground)
        assert light != dark
        page.press("t")  # auto, light, dark
        assert page.evaluate(ground) == light
        page.press("t")
        page.show(1280, 800, "light")
        assert page.evaluate(ground) == dark
        page.press("t")
        assert page.evaluate(ground) == light


def test_boxes_can_be_walked_and_opened_by_key(chromium: Chromium, page_of: Write) -> None:
    with opened(chromium, page_of(LOOP, x=1)) as page:
        page.press("]")
        assert page.text("#details h2") == "x input"
        page.press("ArrowDown")
        assert page.text("#details h2").startswith("o op")
        page.press("ArrowDown")
        assert page.text("#details h2") == "repeat l in 1..9 repeat"
        count = page.evaluate("graphdsl.scene.drawing.boxes.size")
        page.press("Enter")
        assert page.evaluate("graphdsl.scene.drawing.boxes.size") == count + 8
        assert "opened" in page.text("#voice")
        page.press("O", shift=True)
        assert page.evaluate("graphdsl.scene.closed.size") == 0
        page.press("O", shift=True)
        assert page.evaluate("graphdsl.scene.drawing.boxes.size") == count


@pytest.mark.parametrize("width", [320, 360, 760, 1920])
def test_nothing_sticks_out_at_any_width(chromium: Chromium, page_of: Write, width: int) -> None:
    path = page_of(LECTURE / "l6.gdl", x=[[2.0]], t=[[1.0]])
    with opened(chromium, path, width=width, height=740) as page:
        page.press("End")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.querySelector('.panel').scrollWidth") <= width
        assert page.evaluate("document.getElementById('stage').clientHeight") > 250


@pytest.mark.parametrize("width", [320, 1280])
def test_the_box_at_work_can_be_read_at_every_step(
    chromium: Chromium, page_of: Write, width: int
) -> None:
    path = page_of(LECTURE / "l6.gdl", x=[[2.0]], t=[[1.0]])
    with opened(chromium, path, width=width, height=640) as page:
        for _ in range(page.evaluate("graphdsl.player.steps.length")):
            page.press("ArrowRight")
            page.evaluate("new Promise(requestAnimationFrame)")
            box, stage, letters = page.evaluate("""[
                document.querySelector('.node.current').getBoundingClientRect().toJSON(),
                document.getElementById('stage').getBoundingClientRect().toJSON(),
                graphdsl.camera.k * 13]""")
            assert stage["left"] <= box["left"] < box["right"] <= stage["right"]
            assert stage["top"] <= box["top"] < box["bottom"] <= stage["bottom"]
            assert letters >= 8
