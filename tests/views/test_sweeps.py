"""Values, cotangents and the update in a drawing; and drawings of a part of the graph."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import graphdsl
from graphdsl.language.diagnostics import DataError, UsageError
from graphdsl.language.source import read_source
from read_dot import Drawing, of, read

EXAMPLES = Path(__file__).parents[2] / "examples"
LECTURE = EXAMPLES / "lecture"
CHAIN = "input x\ninput s\no = x\nrepeat l in 1..4 {\n  o = tanh(o * s)\n}\noutput y = o * 2\n"
LINE = """input x: [2]
param w: [2] = 1
loss J = sum(w * x)
train { optimizer = sgd(lr = 0.5) }
"""


@pytest.fixture(scope="module")
def l1() -> Drawing:
    values = {"x": 2, "z": 3}
    return read(read_source(LECTURE / "l1.gdl"), float="f64", values=values, grad=True)


def test_each_box_has_its_value(l1: Drawing) -> None:
    notes = {box.name: box.notes for box in l1.boxes.values() if box.name}
    assert notes == {
        **{"x": ["= 2"], "z": ["= 3"], "a": ["= 6"], "b": ["= 0.693147"], "c": ["= 0.638961"]},
        **{"d": ["= 403.429"], "e": ["= 8.65617"], "f": ["= 0.106494"], "y": ["= 412.191"]},
    }


def test_each_cotangent_stands_beside_its_value(l1: Drawing) -> None:
    found = {box.cotangent_name: box.cotangent_notes for box in l1.boxes.values() if box.name}
    assert found == {
        **{"g_y": ["= 1"], "g_d": ["= 1"], "g_e": ["= 1"], "g_f": ["= 1"], "g_c": ["= 0.166667"]},
        **{"g_b": ["= −12.36"], "g_a": ["= 404.854"], "g_x": ["= 1208.38"], "g_z": ["= 809.707"]},
    }


def test_a_cotangent_is_the_sum_that_the_chain_rule_makes_it(l1: Drawing) -> None:
    assert l1.box("y").terms == "1"
    assert l1.box("b").terms == "g_e·(−a/b²)\n+ g_c·cos b"
    assert l1.box("a").terms == "g_f·(−c/a²)\n+ g_e/b\n+ g_d·e^a"
    assert l1.box("z").terms == "g_a·x"
    assert l1.box("x").terms == "g_a·z\n+ g_b/x"


def test_the_reverse_lane_is_the_mirror_image_of_the_forward_one(l1: Drawing) -> None:
    there = sorted((edge.tail, edge.head) for edge in l1.edges)
    assert sorted((edge.head, edge.tail) for edge in l1.back) == there
    assert l1.pulled("b") == ["c", "e"]
    assert l1.box("b").cotangent.ports == ["r0", "r1"]
    assert all("dashed" in edge.looks for edge in l1.back)
    assert not any("dashed" in edge.looks for edge in l1.edges)


def test_cotangents_go_back_through_what_has_no_box() -> None:
    text = "dim N\ninput x: [N, 4]\noutput y = sum(Dense(Dense(x, 4), 3))\n"
    drawing = of(text, grad=True)
    assert "identity" not in {box.function for box in drawing.boxes.values()}
    there = sorted((edge.tail, edge.head) for edge in drawing.edges)
    assert sorted((edge.head, edge.tail) for edge in drawing.back) == there


def test_a_sweep_without_values_has_its_formulas() -> None:
    drawing = read(read_source(LECTURE / "l6.gdl"), grad=True)
    assert drawing.box("W2").terms == "g_s2ᵀ @ o1"
    assert drawing.box("s1").terms == "g_o1·[s1 > 0]"
    assert not any(box.notes or box.cotangent_notes for box in drawing.boxes.values())


def test_an_operand_that_is_used_twice_gets_two_terms() -> None:
    drawing = of("input x\noutput y = x * x", grad=True)
    assert drawing.box("x").terms == "g_y·x\n+ g_y·x"
    assert drawing.pulled("x") == ["y", "y"]


def test_long_terms_are_clipped_and_told_whole_to_a_pointer() -> None:
    drawing = read(read_source(EXAMPLES / "digits.gdl"), grad=True)
    assert drawing.box("z").terms.endswith("…")
    assert len(drawing.box("z").terms) == 38
    (whole,) = re.findall(r"^g_z = (.*)\"", drawing.text, re.MULTILINE)
    assert whole.startswith(drawing.box("z").terms[:-1])
    assert len(whole) > 38


def test_what_gradients_do_not_reach_has_no_cotangent() -> None:
    drawing = read(read_source(EXAMPLES / "digits.gdl"), grad=True)
    assert drawing.box("y").cotangent is None
    assert drawing.box("accuracy").cotangent is None
    assert drawing.box("p").cotangent is None
    assert drawing.box("h").cotangent is not None


def test_any_scalar_can_be_differentiated() -> None:
    drawing = of("input x\na = x^2\noutput b = a * 3\noutput c = a + 1", grad=True, of="b")
    assert drawing.box("a").terms == "g_b·3"
    assert drawing.box("c").cotangent is None


def test_one_turn_for_all_hands_its_cotangent_to_the_turn_before() -> None:
    drawing = of(CHAIN, collapse="o", grad=True, of="y")
    carried, _, last = drawing.frames["repeat l in 1..4  ×4"]
    assert drawing.boxes[carried].cotangent_name == "g_o"
    assert drawing.boxes[carried].terms == "g_o·(1 − o²)·s"
    assert drawing.boxes[last].terms == "next g_o\n+ g_y·2"
    back = {(edge.tail, edge.head) for edge in drawing.back}
    assert (carried, last) in back
    assert (carried, drawing.id("identity")) in back
    assert drawing.box("identity").terms == "g_o"


def test_a_folded_call_hands_its_cotangent_through() -> None:
    text = "dim N\ninput x: [N, 4]\nh = Dense(x, 3)\noutput y = sum(h^2)\n"
    drawing = of(text, collapse="all", grad=True)
    assert drawing.box("x").terms == "∂Dense"
    assert drawing.box("h").cotangent_name == "g_h"
    assert drawing.pulled("x") == ["h"]


# --- shapes and values ---------------------------------------------------------------------------


def test_shapes_stand_beside_the_boxes() -> None:
    text = "dim N\ninput x: [N, 4]\ninput k: i64[N]\nloss J = mean(cross_entropy(x, k))\n"
    drawing = of(text, shapes=True)
    assert drawing.box("x").notes == ["[N, 4]"]
    assert drawing.box("k").notes == ["i64[N]"]
    assert drawing.box("J").notes == ["scalar"]


def test_a_cotangent_has_the_shape_of_its_value() -> None:
    text = "input x: [3]\ninput W: [2, 3]\nloss J = sum(W @ x)\n"
    drawing = of(text, shapes=True, grad=True)
    shapes = {box.cotangent_name: box.cotangent_notes for box in drawing.boxes.values()}
    assert shapes["g_W"] == ["[2, 3]"]
    assert shapes["g_x"] == ["[3]"]
    assert shapes["g_J"] == ["scalar"]
    valued = of(text, shapes=True, grad=True, values={"x": [1, 2, 3], "W": [[1] * 3] * 2})
    assert valued.box("x").cotangent_notes == ["[3]", "= [2, 2, 2]"]


def test_large_tensors_are_summarised_by_shape_and_range() -> None:
    text = "dim N\ninput x: [N, 3]\noutput y = x * 2\noutput z = x * 0\n"
    values = {"x": [[1, -2, 3]] * 7}
    drawing = of(text, values=values)
    assert drawing.box("x").notes == ["[7, 3]", "−2 … 3"]
    assert drawing.box("z").notes == ["[7, 3]", "all 0"]
    both = of(text, values=values, shapes=True)
    assert both.box("y").notes == ["[N, 3]", "[7, 3]", "−4 … 6"]


def test_small_tensors_are_written_whole() -> None:
    drawing = of("input x: [2, 2]\noutput y = x > 0", values={"x": [[1, -0.5], [0, 2]]})
    assert drawing.box("x").notes == ["= [[1, −0.5],", "\xa0\xa0\xa0\xa0[0, 2]]"]
    assert drawing.box("y").notes == ["= [[true, false],", "\xa0\xa0\xa0\xa0[false, true]]"]


def test_what_is_not_finite_is_counted() -> None:
    drawing = of("input x: [9]\noutput y = ln(x)", values={"x": [0, -1, -1, 1, 1, 1, 1, 1, 1]})
    assert drawing.box("y").notes == ["[9]", "all 0", "2 nan", "1 inf"]


def test_empty_arrays_have_a_shape() -> None:
    drawing = of("dim N\ninput x: [N]\noutput y = sum(x)", values={"x": []})
    assert drawing.box("x").notes == ["[0]"]


@pytest.mark.parametrize(
    ("values", "code"), [({}, "E0602"), ({"x": 1, "w": 1}, "E0601"), ({"x": [1, 2]}, "E0604")]
)
def test_values_that_do_not_suffice_or_fit_are_refused(values: dict, code: str) -> None:
    with pytest.raises(DataError) as caught:
        of("input x\ninput unused\noutput y = x\noutput u = unused", values=values, only="y")
    assert caught.value.diagnostics[0].code == code


# --- the update ----------------------------------------------------------------------------------


def test_the_update_is_a_lane_of_its_own() -> None:
    drawing = of(LINE, update=True)
    assert list(drawing.frames) == ["update", "sgd"]
    assert drawing.operands("reverse sweep") == ["J"]
    assert drawing.operands("g") == ["reverse sweep"]
    assert drawing.box("w ←").function == "−"
    assert drawing.box("g").function == "∂J/∂θ"
    assert {"w", "w ←"} <= set(drawing.inside("sgd"))


def test_the_update_reads_the_cotangents_where_they_are_drawn() -> None:
    drawing = of(LINE, update=True, grad=True)
    assert "reverse" not in drawing.boxes
    (edge,) = [e for e in drawing.back if e.head == drawing.id("g")]
    assert drawing.boxes[edge.tail].cotangent_name == "g_w"


def test_states_and_the_step_have_their_names() -> None:
    drawing = of(LINE.replace("sgd(lr = 0.5)", "adam"), update=True)
    names = set(drawing.inside("update"))
    assert {"m", "v", "t", "m ←", "v ←", "w", "w ←", "g"} <= names
    (clock,) = [box for box in drawing.boxes.values() if box.name == "t"]
    assert clock.function == "input"
    # the step is read in two places, and drawn once
    assert sum(edge.tail == drawing.id("t") for edge in drawing.edges) == 2


def test_a_folded_update_is_called_after_the_parameters() -> None:
    drawing = of(LINE.replace("sgd(lr = 0.5)", "adam"), update=True, collapse="update")
    (box,) = [box for box in drawing.boxes.values() if box.function == "update"]
    assert box.name == "w ←"


def test_a_rule_that_is_applied_to_each_parameter_has_a_frame_for_each() -> None:
    rule = "optimizer big(lr = 1) {\n  update p = p - lr * g / sqrt(sum(g^2))\n}\n"
    text = rule + LINE.replace("sgd(lr = 0.5)", "big").replace(
        "loss J = sum(w * x)", "param b = 0\nloss J = sum(w * x) + b"
    )
    drawing = of(text, update=True)
    assert list(drawing.frames) == ["update", "big of w", "big of b"]
    assert drawing.operands("w ←")[0] == "w"
    assert "reverse sweep" in {box.function for box in drawing.boxes.values()}


def test_what_happens_to_gradients_first_is_drawn_too() -> None:
    plain = of(LINE, update=True)
    clipped = of(LINE.replace("train {", "train { clip_norm = 1\n"), update=True)
    assert len(clipped.boxes) > len(plain.boxes)
    assert "sqrt" in {box.function for box in clipped.boxes.values()}


def test_a_model_that_nothing_trains_has_no_update() -> None:
    with pytest.raises(UsageError) as caught:
        of("input x\noutput y = x", update=True)
    assert caught.value.diagnostics[0].code == "E0801"


# --- a part of the graph -------------------------------------------------------------------------


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


# --- asking --------------------------------------------------------------------------------------


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
