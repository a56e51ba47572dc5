"""What is asked of a drawing: a part of the graph, options, and those that make no sense."""

from __future__ import annotations

from pathlib import Path

import pytest

import graphdsl
from graphdsl.language.diagnostics import UsageError
from graphdsl.language.source import read_source
from read_dot import read

LECTURE = Path(__file__).parents[2] / "examples" / "lecture"
LINE = """input x: [2]
param w: [2] = 1
loss J = sum(w * x)
train { optimizer = sgd(lr = 0.5) }
"""


def test_only_a_node_and_what_it_is_computed_from() -> None:
    drawing = read(read_source(LECTURE / "l1.gdl"), only="c")
    assert [box.name for box in drawing.boxes.values()] == ["x", "b", "c"]


def test_depth_is_counted_in_boxes_and_what_is_cut_off_is_marked() -> None:
    drawing = read(read_source(LECTURE / "l1.gdl"), only="f", depth=1)
    named = [box.name for box in drawing.boxes.values() if box.name]
    assert named == ["a", "c", "f"]
    assert drawing.operands("a") == ["…", "…"]
    assert drawing.operands("c") == ["…"]
    alone = read(read_source(LECTURE / "l1.gdl"), only="f", depth=0)
    assert alone.operands("f") == ["…", "…"]


def test_several_nodes_may_be_named() -> None:
    drawing = read(read_source(LECTURE / "l1.gdl"), only=["b", "a"], depth=1)
    assert [box.name for box in drawing.boxes.values()] == ["x", "z", "a", "b"]


def test_a_cotangent_keeps_the_terms_of_what_is_not_drawn() -> None:
    drawing = read(read_source(LECTURE / "l1.gdl"), only="c", grad=True)
    assert drawing.box("b").terms == "g_e·(−a/b²)\n+ g_c·cos b"
    assert drawing.pulled("b") == ["c"]


def test_depth_stops_inside_a_folded_loop() -> None:
    drawing = read(read_source(LECTURE / "l14.gdl"), only="J", depth=3)
    assert drawing.inside("turn 50")[-1] == "o, o[50]"
    assert len(drawing.boxes) < 10


@pytest.mark.parametrize(
    ("shown", "code", "help"),
    [
        ({"only": "K"}, "E0803", "the nodes are: x, w, J"),
        ({"grad": True, "of": "JJ"}, "E0803", "did you mean 'J'?"),
        ({"grad": True, "of": "w"}, "E0807", "name one that is, such as s = sum(w)"),
        ({"depth": 2}, "E0850", "name it: --only NAME, or only=…"),
        ({"only": "J", "depth": -1}, "E0850", "0 or more boxes back"),
        ({"direction": "RL"}, "E0850", "it is TB or LR"),
        ({"shape": True}, "E0850", "did you mean 'shapes'?"),
    ],
)
def test_what_cannot_be_drawn_is_said(shown: dict, code: str, help: str, tmp_path: Path) -> None:
    model = graphdsl.loads(LINE)
    with pytest.raises(UsageError) as caught:
        model.render(tmp_path / "m.dot", **shown)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.help[0]) == (code, help)
    assert not list(tmp_path.iterdir())


def test_python_draws_with_the_parameters_as_they_are(tmp_path: Path) -> None:
    model = graphdsl.loads("input x\nparam w = 2\noutput y = w * x\n")
    model.params["w"][...] = 5
    model.render(tmp_path / "m.dot", values={"x": 3}, direction="LR")
    assert "= 15" in (tmp_path / "m.dot").read_text("utf-8")
