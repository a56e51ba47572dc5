"""The drawing under fingers: one moves it, two zoom it, a tap selects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.conftest import Write
from browser.devtools import Chromium
from browser.pages import Page, opened

L1 = Path(__file__).parents[2] / "examples" / "lecture" / "l1.gdl"

CAMERA = "[graphdsl.camera.x, graphdsl.camera.y, graphdsl.camera.k]"


@pytest.fixture
def phone(chromium: Chromium, page_of: Write) -> Iterator[Page]:
    with opened(chromium, page_of(L1, x=2, z=3), width=360, height=740, touch=True) as page:
        page.call("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})
        yield page
        assert page.evaluate("visualViewport.scale") == 1  # it is the drawing that is zoomed
        assert page.complaints == []


def under(page: Page, x: float, y: float) -> list[float]:
    """The point of the drawing at a place of the window."""
    stage = "document.getElementById('stage').getBoundingClientRect()"
    inner = f"[{x} - {stage}.left, {y} - {stage}.top]"
    return list(page.evaluate(f"graphdsl.camera.toDrawing({inner})"))


def test_one_finger_moves_the_drawing(phone: Page) -> None:
    x, y, k = phone.evaluate(CAMERA)
    phone.touch([[(150, 200)], [(160, 230)], [(190, 225)]])
    assert phone.evaluate(CAMERA) == pytest.approx([x + 40, y + 25, k])
    assert phone.evaluate("graphdsl.selected") is None


def test_two_fingers_zoom_around_what_lies_between_them(phone: Page) -> None:
    *_, k = phone.evaluate(CAMERA)
    before = under(phone, 180, 220)
    phone.touch([[(180 - apart, 220), (180 + apart, 220)] for apart in range(30, 61, 5)])
    assert phone.evaluate("graphdsl.camera.k") == pytest.approx(2 * k)
    assert under(phone, 180, 220) == pytest.approx(before, abs=1)
    assert phone.evaluate("graphdsl.selected") is None


def test_a_tap_selects_a_box(phone: Page) -> None:
    place = phone.evaluate("""(() => {
        graphdsl.fit(); graphdsl.scene.paint(graphdsl.camera);
        const node = graphdsl.graph.byName.get('e').id;
        const { left, top, width, height } = document
            .querySelector(`[data-key=n${node}] .box`).getBoundingClientRect();
        return [left + width / 2, top + height / 2]; })()""")
    phone.touch([[tuple(place)]])
    assert phone.text("#details h2") == "e op"
