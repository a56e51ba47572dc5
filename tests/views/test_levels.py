"""Frames stand one below the other: as pairs of boxes, and as they are laid out."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from graphdsl.driver import compile_source
from graphdsl.language.source import Source, read_source
from graphdsl.views.drawing.dot import write_dot
from graphdsl.views.drawing.levels import find_levels
from graphdsl.views.drawing.options import make_options
from graphdsl.views.drawing.scene import Scene
from graphdsl.views.render import draw

EXAMPLES = Path(__file__).parents[2] / "examples"

DENSE = "dim N\ninput x: [N, 4]\nh = Dense(x, 3, act = tanh)\noutput y = Dense(h, 2, act = relu)\n"


def scene_of(text: str, **shown: object) -> Scene:
    return draw(compile_source(Source(text, "m.gdl")), make_options(**shown))


def pairs(scene: Scene) -> set[tuple[str, str]]:
    """The pairs by what stands in the boxes or beside them."""
    called = {box.id: box.name or box.function for box in scene.boxes()}
    return {(called[above], called[below]) for above, below in find_levels(scene)}


def test_what_a_frame_begins_with_is_below_what_enters_it() -> None:
    assert pairs(scene_of(DENSE)) == {("h", "W")}  # b is one lower already, by the sum


def test_what_is_given_may_stand_beside_a_frame() -> None:
    text = "dim N\ninput x: [N, 4]\noutput y = Dense(x, 3, act = tanh)\n"
    assert not pairs(scene_of(text))
    assert "newrank" not in write_dot(scene_of(text))


def test_what_reads_the_middle_of_a_frame_is_below_its_end() -> None:
    text = (
        "block f(a) {\n  state m = 0\n  b = exp(a)\n  update m = m + sin(cos(b))\n  return b\n}\n"
        "input x\ny = f(x * 2)\noutput z = y + 1\n"
    )
    assert pairs(scene_of(text)) == {("m ←", "y")}


def test_what_has_no_edges_stays_within_its_frame() -> None:
    scene = draw(compile_source(read_source(EXAMPLES / "digits_batchnorm.gdl")), make_options())
    found = pairs(scene)
    assert {("+", "count"), ("count", "v ←")} <= found


def test_pairs_never_contradict_the_edges() -> None:
    for path in sorted(EXAMPLES.rglob("*.gdl")):
        scene = draw(compile_source(read_source(path)), make_options(expand="all"))
        places = {box.id: place for place, box in enumerate(scene.boxes())}
        assert all(places[above] < places[below] for above, below in find_levels(scene)), path


@pytest.mark.skipif(shutil.which("dot") is None, reason="this machine has no program dot")
@pytest.mark.parametrize("grad", [False, True])
def test_the_layout_stands_frames_below_one_another(grad: bool) -> None:
    scene = scene_of(DENSE + "loss J = sum(y)\n", grad=grad)
    done = subprocess.run(
        ["dot", "-Tdot"], input=write_dot(scene).encode(), capture_output=True, check=True
    )
    boxes = re.findall(r'bb="([\d.]+),([\d.]+),([\d.]+),([\d.]+)"', done.stdout.decode())
    _, first, second = (tuple(map(float, box)) for box in boxes)
    assert second[3] <= first[1]  # points are counted upwards
    assert second[0] < first[2]
    assert first[0] < second[2]
