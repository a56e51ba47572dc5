"""Values and cotangents in a drawing: the reverse sweep as a lane beside the forward one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from graphdsl.language.source import read_source
from read_dot import Drawing, of, read
from views.models import CELL, CHAIN

EXAMPLES = Path(__file__).parents[2] / "examples"
LECTURE = EXAMPLES / "lecture"
LOSS = "loss J = mean(h^2)\n"


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


def test_turns_behind_one_that_begins_with_constants_hand_back_too() -> None:
    drawing = of(CELL + LOSS, collapse="h", grad=True)
    carried = {box.name: box for box in drawing.boxes.values() if box.function == "carried"}
    assert (carried["h"].terms, carried["h"].cotangent_name) == ("g_gates @ cell.Uᵀ", "g_h")
    assert (carried["c"].terms, carried["c"].cotangent_name) == ("g_memory·f", "g_c")
    assert drawing.box("memory").terms == "g_c\n+ g_h_1·(1 − h_1²)"
    last = {box.name: box for box in drawing.boxes.values() if box.function in ("identity", "·")}
    assert last["c"].terms == "next g_c"
    assert last["h"].terms == "next g_h\n+ g_J_1·2·h"
    assert not any("#" in box.terms for box in drawing.boxes.values() if box.cotangent)
    zeros = [box for box in drawing.boxes.values() if box.function.startswith("zeros")]
    assert [box.cotangent for box in zeros] == [None, None]


def test_what_goes_back_to_several_results_of_a_call_is_no_sum() -> None:
    drawing = of(CELL + LOSS, collapse="all", grad=True)
    (cell,) = [box for box in drawing.boxes.values() if box.function == "LSTMCell"]
    assert (cell.terms, cell.cotangent_name) == ("next g_h\ng_J_1·2·h\ng_c", "")


def test_a_folded_call_hands_its_cotangent_through() -> None:
    text = "dim N\ninput x: [N, 4]\nh = Dense(x, 3)\noutput y = sum(h^2)\n"
    drawing = of(text, collapse="all", grad=True)
    assert drawing.box("x").terms == "∂Dense"
    assert drawing.box("h").cotangent_name == "g_h"
    assert drawing.pulled("x") == ["h"]
