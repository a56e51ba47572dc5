"""The drawing in the browser: the lecture's convention, blocks, search, pointer, large graphs."""

from __future__ import annotations

from pathlib import Path

import pytest

from browser.conftest import Write
from browser.devtools import Chromium
from browser.pages import Page, opened

EXAMPLES = Path(__file__).parents[2] / "examples"

ORDER = """\
input a
input b
c = a - b
d = b - a
e = a * a
output y = c / d + e
"""
NESTED = """\
block Inner(x) {
  param w = 2
  return sin(w * x)
}
block Outer(x) {
  u = Inner(x)
  v = Inner(u)
  return u + v + x
}
input x
h = Outer(x)
g = Outer(h)
output y = h * g
"""
PENALTY = """\
block Slope(x) {
  s = sum(exp(x))
  return x * grad(s, x)
}
input x: [3]
g = Slope(x)
output y = sum(g * x)
"""

FITTING = """(() => {
  const { drawing } = graphdsl.scene, faults = [];
  const boxes = [...drawing.boxes.entries()].map(([key, box]) => [key, boxBoundsOf(box)]);
  function boxBoundsOf(box) {
    return { left: box.x - box.left, right: box.x + box.right, top: box.top, bottom: box.bottom };
  }
  for (const [i, [key, a]] of boxes.entries()) {
    for (const [other, b] of boxes.slice(i + 1)) {
      if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom) {
        faults.push(`${key} overlaps ${other}`);
      }
    }
  }
  for (const arc of drawing.arcs) {
    if (arc.some(([, y], at) => at && y < arc[at - 1][1] - 1e-6)) faults.push('a link runs up');
  }
  for (const link of drawing.links) {
    for (let at = 1; at < link.arcs.length; at++) {
      const [x, y] = drawing.arcs[link.arcs[at - 1]][3], [p, q] = drawing.arcs[link.arcs[at]][0];
      if (Math.hypot(x - p, y - q) > 0.01) faults.push(`a link breaks: ${link.from} ${link.to}`);
    }
  }
  for (const frame of drawing.frames) {
    for (const [key, box] of boxes) {
      const id = Number(key.slice(1)), { graph } = graphdsl;
      const group = key[0] === 'n' ? graph.nodes.get(id).group : graph.groups.get(id).parent;
      const inside = (graph.trails.get(group) ?? []).includes(frame.group);
      const within = box.left >= frame.left && box.right <= frame.left + frame.width
        && box.top >= frame.top && box.bottom <= frame.top + frame.height;
      const apart = box.right <= frame.left || box.left >= frame.left + frame.width
        || box.bottom <= frame.top || box.top >= frame.top + frame.height;
      if (inside ? !within : !apart) faults.push(`${key} and the frame of ${frame.group}`);
    }
  }
  return faults;
})()"""
"""What is wrong with a layout: boxes that overlap, links that run up or break, frames that do not
hold what they should and nothing else."""


def ports(page: Page, name: str) -> list[str]:
    """The names of what enters a box, from left to right."""
    return list(
        page.evaluate(f"""(() => {{
            const {{ graph, scene }} = graphdsl, node = graph.byName.get('{name}');
            const end = (link) => scene.drawing.arcs[link.arcs.at(-1)][3][0];
            return scene.linksInto(node).sort((a, b) => end(a) - end(b))
                .map((link) => graph.nodes.get(link.from).name);
        }})()""")
    )


def test_boxes_follow_the_lectures_convention(chromium: Chromium, page_of: Write) -> None:
    with opened(chromium, page_of(EXAMPLES / "lecture" / "l1.gdl", x=2, z=3)) as page:
        boxes = page.evaluate("""[...document.querySelectorAll('#near .node')].map((box) => ({
            inside: box.querySelector('.fn').textContent,
            name: box.querySelector('.name')?.textContent ?? '',
            rect: box.querySelector('.box').getBoundingClientRect().toJSON(),
            named: box.querySelector('.name')?.getBoundingClientRect().toJSON() }))""")
    inside = {box["name"]: box["inside"] for box in boxes if box["name"]}
    assert inside == {
        **{"x": "input", "z": "input", "a": "·", "b": "ln", "c": "sin"},
        **{"d": "exp", "e": "/", "f": "/", "y": "+"},
    }
    for box in boxes:
        if box["name"]:  # outside of the rectangle, on its left
            assert box["named"]["right"] <= box["rect"]["left"]


def test_operands_enter_from_left_to_right(chromium: Chromium, page_of: Write) -> None:
    with opened(chromium, page_of(ORDER, a=1, b=2)) as page:
        assert ports(page, "c") == ["a", "b"]
        assert ports(page, "d") == ["b", "a"]
        assert ports(page, "e") == ["a", "a"]


@pytest.mark.parametrize(
    "model",
    [
        *(ORDER, NESTED, PENALTY),
        *(EXAMPLES / "lecture" / f"{name}.gdl" for name in ("l1", "l6", "l14", "l7")),
        *(EXAMPLES / f"{name}.gdl" for name in ("digits_batchnorm", "lstm", "gradient_penalty")),
        EXAMPLES / "transformer.gdl",
    ],
    ids=lambda model: model.stem if isinstance(model, Path) else model[:8].strip(),
)
def test_the_layout_is_sound_however_blocks_are_open(
    chromium: Chromium, page_of: Write, model: str | Path
) -> None:
    with opened(chromium, page_of(model)) as page:
        assert page.evaluate(FITTING) == []
        for _ in range(2):  # all open, then all closed
            page.press("O", shift=True)
            assert page.evaluate(FITTING) == []
        assert page.complaints == []


def test_a_derivative_taken_inside_a_block_dissolves_the_block(
    chromium: Chromium, page_of: Write
) -> None:
    with opened(chromium, page_of(PENALTY, x=[1, 2, 3])) as page:
        assert page.evaluate("graphdsl.graph.groups.size") == 0
        assert page.evaluate("graphdsl.scene.drawing.boxes.size") > 5
        assert page.evaluate(FITTING) == []


@pytest.mark.parametrize(
    ("model", "boxes"),
    [
        ("const k = 1", 0),
        ("param w = 3\nloss J = w", 2),
        (f"c = [{', '.join(str(k / 7) for k in range(900))}]\noutput y = sum(c)", 3),
    ],
    ids=["nothing", "one parameter", "a long constant"],
)
def test_a_page_of_hardly_anything_is_a_page(
    chromium: Chromium, page_of: Write, model: str, boxes: int
) -> None:
    with opened(chromium, page_of(model)) as page:
        for key in ("ArrowRight", "End", "0", "]", "ArrowUp", "o", "c", "Home", "r", " ", " "):
            page.press(key)
        assert page.complaints == []
        assert page.evaluate("graphdsl.scene.drawing.boxes.size") >= boxes
        assert page.evaluate("graphdsl.scene.drawing.width") < 900


def test_a_loop_begins_closed_and_is_one_step(chromium: Chromium, page_of: Write) -> None:
    path = page_of(EXAMPLES / "lecture" / "l14.gdl", x=[[0.0] * 8], y=[[1.0] * 8])
    with opened(chromium, path) as page:
        assert "repeat l in 1..50" in page.text("#near .role-block")
        assert "50 turns" in page.text("#near .role-block")
        page.press("ArrowRight")
        page.press("ArrowRight")
        assert "turns" in page.text("#near .node.current")
        position = page.evaluate("graphdsl.player.position")
        assert position > 90  # all turns at once
        page.press("ArrowRight", shift=True)
        page.press("ArrowLeft", shift=True)
        assert page.evaluate("graphdsl.player.position") == position
        page.press("ArrowLeft")
        assert page.evaluate("graphdsl.player.position") == 1


def test_a_click_selects_and_tells_all_of_a_node(chromium: Chromium, page_of: Write) -> None:
    path = page_of(EXAMPLES / "lecture" / "l6.gdl", x=[[2.0]], t=[[1.0]])
    with opened(chromium, path) as page:
        page.evaluate("graphdsl.fit()")
        page.press("End")
        place = page.evaluate("""(() => {
            const node = graphdsl.graph.byName.get('W2').id;
            const { left, top, width, height } = document
                .querySelector(`[data-key=n${node}] .box`).getBoundingClientRect();
            return [left + width / 2, top + height / 2]; })()""")
        page.click(*place)
        told = page.text("#details")
        assert page.text("#details h2") == "W2 param"
        assert "shape[3, 2]" in told
        tables = page.evaluate("""[...document.querySelectorAll('#details table')].map((table) =>
            [...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent)))""")
        assert tables[0] == [["−1", "1"], ["0", "1"], ["1", "1"]]
        assert tables[1] == [["0", "0"], ["0", "0"], ["21", "0"]]
        assert "Used by" in told
        page.click(3 + 20, 60 + 400)  # beside every box
        assert page.evaluate("graphdsl.selected") is None


def test_what_has_not_appeared_yet_is_not_given_away(chromium: Chromium, page_of: Write) -> None:
    with opened(chromium, page_of(EXAMPLES / "lecture" / "l1.gdl", x=2, z=3)) as page:
        page.evaluate("graphdsl.find(graphdsl.graph.byName.get('y'))")
        assert "412" not in page.text("#details")
        assert "Go to step 7" in page.text("#details")
        page.evaluate("document.querySelector('#details button').click()")
        assert page.text("#count") == "7 / 16"
        assert "412.191457284121" in page.text("#details")


def test_search_opens_what_hides_a_node(chromium: Chromium, page_of: Write) -> None:
    path = page_of(EXAMPLES / "lecture" / "l14.gdl", x=[[0.0] * 8], y=[[1.0] * 8])
    with opened(chromium, path) as page:
        page.press("/")
        page.type("o[37].V")
        assert page.text("#found li b") == "o[37].V"
        page.press("Enter")
        assert page.text("#details h2") == "o[37].V param"
        page.wait("document.querySelector('#near .node.selected .name')?.textContent === 'o[37].V'")
        inside = page.evaluate("""(() => {
            const box = document.querySelector('#near .node.selected').getBoundingClientRect();
            const stage = document.getElementById('stage').getBoundingClientRect();
            return box.left >= stage.left && box.right <= stage.right
                && box.top >= stage.top && box.bottom <= stage.bottom; })()""")
        assert inside
        page.press("/")
        page.evaluate("document.getElementById('search').value = ''")
        page.type("no such thing")
        assert page.text("#found") == "nothing found"


def test_the_drawing_moves_under_pointer_wheel_and_keys(chromium: Chromium, page_of: Write) -> None:
    camera = "[graphdsl.camera.x, graphdsl.camera.y, graphdsl.camera.k]"
    with opened(chromium, page_of(NESTED, x=1)) as page:
        x, y, k = page.evaluate(camera)
        page.drag((400, 300), (430, 340))
        assert page.evaluate(camera) == pytest.approx([x + 30, y + 40, k])
        before = page.evaluate("graphdsl.camera.toDrawing([200, 200 - 48])")
        page.scroll(200, 200, -300)
        page.wait(f"graphdsl.camera.k > {k}")
        top = page.evaluate("document.getElementById('stage').getBoundingClientRect().top")
        after = page.evaluate(f"graphdsl.camera.toDrawing([200, 200 - {top}])")
        assert after == pytest.approx(before, abs=2)  # what is under the pointer stays there
        page.press("0")
        assert page.evaluate("""(() => {
            const seen = graphdsl.camera.window(), { width, height } = graphdsl.scene.drawing;
            return seen.left <= 0 && seen.top <= 0 && seen.right >= width && seen.bottom >= height;
        })()""")
        x, y, k = page.evaluate(camera)
        page.press("+")
        assert page.evaluate("graphdsl.camera.k") == pytest.approx(1.25 * k)
        page.press("d")
        assert page.complaints == []


def test_a_double_click_opens_and_closes_a_block(chromium: Chromium, page_of: Write) -> None:
    path = page_of(EXAMPLES / "lecture" / "l14.gdl", x=[[0.0] * 8], y=[[1.0] * 8])
    with opened(chromium, path) as page:
        place = page.evaluate("""(() => {
            const { left, top, width, height } = document
                .querySelector('.role-block .fn').getBoundingClientRect();
            return [left + width / 2, top + height / 2]; })()""")
        page.click(*place, count=2)
        assert page.evaluate("graphdsl.scene.drawing.frames.length") == 1
        sign = page.evaluate("""(() => { graphdsl.camera.follow(graphdsl.scene.placeOf('b0'));
            graphdsl.fit(); graphdsl.scene.paint(graphdsl.camera);
            const { left, top, width, height } = document
                .querySelector('.frame .toggle').getBoundingClientRect();
            return [left + width / 2, top + height / 2]; })()""")
        page.click(*sign)
        assert page.evaluate("graphdsl.scene.drawing.frames.length") == 0
