"""A page of 2,000 nodes: small, soon there, and light to move, whether it has blocks or none."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.conftest import Write
from browser.devtools import Chromium
from browser.pages import opened

NODES = 2000
MOST_BYTES = 3_000_000
MOST_MS = 2000
FRAMES_MS = 34
"""What two pictures take at 60 a second: waiting for the next is part of what is measured."""
TRIES = 8
"""One of so many has to be quick enough: other processes are no fault of the page's."""


def flat() -> Iterator[str]:
    """One line a node, each of the two or three lines before, some of lines far above."""
    yield "input x"
    yield "v0 = x"
    for line in range(1, NODES - 2):
        near, far = max(0, line - 1 - line % 3), line * 7 % line if line % 50 else line // 2
        yield f"v{line} = " + (f"tanh(v{near})" if line % 2 else f"v{near} - v{far}")
    yield f"output y = v{NODES - 3} + v{NODES - 4}"


LOOP = """\
input x: [4, 4]
o = x
repeat l in 1..200 {
  param W: [4, 4] ~ normal(0, 0.1)
  param c: [4]    ~ normal(0, 0.1)
  param V: [4, 4] ~ normal(0, 0.1)
  param b: [4]    ~ normal(0, 0.1)
  o = o + sigmoid(o @ W + c) @ V + b
}
loss J = mean(o ^ 2)
"""

X = {"flat": 0.5, "loop": [[1.0, 2.0, 3.0, 4.0]] * 4}


@pytest.fixture(scope="module", params=["flat", "loop"])
def large(request: pytest.FixtureRequest, page_of: Write) -> Path:
    text = LOOP if request.param == "loop" else "\n".join(flat()) + "\n"
    return page_of(text, x=X[request.param])


def test_the_file_is_small(large: Path) -> None:
    assert large.stat().st_size < MOST_BYTES


def test_it_opens_soon_whole(chromium: Chromium, large: Path) -> None:
    taken = []
    for _ in range(TRIES):
        with opened(chromium, large) as page:
            page.wait("performance.getEntriesByName('ready').length")
            assert page.evaluate("graphdsl.graph.nodes.size") >= NODES
            taken.append(page.evaluate("performance.getEntriesByName('ready')[0].startTime"))
            assert page.complaints == []
        if taken[-1] < MOST_MS:
            break
    assert min(taken) < MOST_MS


@pytest.mark.parametrize("distance", ["near", "far"])
def test_it_moves_and_steps_without_stutter(chromium: Chromium, large: Path, distance: str) -> None:
    costs = []
    for _ in range(TRIES):
        with opened(chromium, large, width=1920, height=1080) as page:
            page.press("O", shift=True)
            page.evaluate("graphdsl.begin()" if distance == "near" else "graphdsl.fit()")
            each = page.evaluate("""(async () => {
                const { camera, scene, stage, player } = graphdsl, costs = [];
                for (let at = 0; at < 60; at++) {
                  const began = performance.now();
                  camera.x -= 9; camera.y -= 35;
                  scene.paint(camera);
                  player.next();
                  stage.getBoundingClientRect();  // lays out what has changed
                  await new Promise(requestAnimationFrame);
                  costs.push(performance.now() - began);
                }
                return costs; })()""")
            costs.append(statistics.median(each))
        if costs[-1] < FRAMES_MS:
            break
    assert min(costs) < FRAMES_MS


def test_from_far_away_all_boxes_are_few_elements(chromium: Chromium, large: Path) -> None:
    with opened(chromium, large) as page:
        page.press("O", shift=True)
        page.press("0")
        page.wait("graphdsl.scene.drawn?.far")
        assert page.evaluate("graphdsl.scene.drawing.boxes.size") >= NODES
        assert page.evaluate("""(() => {
            const seen = graphdsl.camera.window(), { width, height } = graphdsl.scene.drawing;
            return seen.left <= 0 && seen.top <= 0 && seen.right >= width && seen.bottom >= height;
        })()""")
        count = "document.querySelectorAll('#near *, #far *, #wires, #lit-wires').length"
        assert page.evaluate(count) < 30
        page.evaluate("graphdsl.begin()")
        page.wait("!graphdsl.scene.drawn.far")
        assert page.evaluate("document.querySelectorAll('#near .node').length") < 800
