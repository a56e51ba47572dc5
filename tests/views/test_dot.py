"""The lecture's convention as the structure of the DOT text: boxes, names beside them, order."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from graphdsl.language.source import Source, read_source
from graphdsl.views.drawing import boxes
from graphdsl.views.drawing.scene import Box
from read_dot import Drawing, of, read, read_label

EXAMPLES = Path(__file__).parents[2] / "examples"
GOLDEN = Path(__file__).parents[1] / "golden" / "dot"


@pytest.fixture(scope="module")
def l1() -> Drawing:
    return read(read_source(EXAMPLES / "lecture" / "l1.gdl"))


@pytest.fixture(scope="module")
def digits() -> Drawing:
    return read(read_source(EXAMPLES / "digits.gdl"))


def test_there_is_a_rectangle_for_each_input_intermediate_and_output(l1: Drawing) -> None:
    assert [box.name for box in l1.boxes.values()] == [*"xzabcdef", "", "y"]
    assert "shape=plain" in l1.text  # the rectangle is the table's, the node draws none of its own
    assert all(box.frame.border >= 1 for box in l1.boxes.values())


def test_the_function_stands_inside_and_the_name_outside(l1: Drawing) -> None:
    inside = {box.name: box.function for box in l1.boxes.values() if box.name}
    assert inside == {
        **{"x": "input", "z": "input", "a": "·", "b": "ln", "c": "sin"},
        **{"d": "exp", "e": "/", "f": "/", "y": "+"},
    }
    assert all(box.before for box in l1.boxes.values() if box.name)


def test_operands_enter_from_left_to_right(l1: Drawing) -> None:
    assert l1.operands("a") == ["x", "z"]
    assert l1.operands("e") == ["a", "b"]
    assert l1.operands("f") == ["c", "a"]
    assert l1.operands("y") == ["+", "f"]
    assert l1.box("f").frame.ports == ["0", "1"]


def test_an_operand_that_is_used_twice_enters_twice() -> None:
    assert of("input x\noutput y = x * x").operands("y") == ["x", "x"]


def test_operands_enter_in_order_though_the_layout_would_turn_them() -> None:
    drawing = of("input a\ninput b\nc = a - b\nd = b - a\noutput y = c / d")
    assert drawing.operands("c") == ["a", "b"]
    assert drawing.operands("d") == ["b", "a"]


def test_edges_are_directed_and_unlabelled(digits: Drawing) -> None:
    edges = [line for line in digits.text.splitlines() if "->" in line]
    assert len(edges) == len(digits.edges) > 0
    assert "digraph" in digits.text
    assert not any("label" in line for line in edges)


def test_weights_features_labels_biases_and_the_loss_are_nodes(digits: Drawing) -> None:
    named = {box.name for box in digits.boxes.values()}
    assert {"x", "y", "W1", "b1", "W2", "b2", "h", "z", "J", "accuracy", "p"} <= named


def test_roles_differ_in_shape_and_in_colour() -> None:
    shapes = [(k.border, k.style, k.double, k.bars) for k in boxes.LOOKS.values()]
    assert len(set(shapes)) == len(shapes)
    colored = {role: look.fill for role, look in boxes.LOOKS.items() if role != "frozen"}
    assert len(set(colored.values())) == len(colored)


def test_both_directions_have_the_same_boxes_edges_and_order(l1: Drawing) -> None:
    across = read(read_source(EXAMPLES / "lecture" / "l1.gdl"), direction="LR")
    assert "rankdir=LR" in across.text
    assert [b.function for b in across.boxes.values()] == [b.function for b in l1.boxes.values()]
    assert across.operands("f") == ["c", "a"]
    sides = [re.findall(r":(\w) -> \S+:(\w) ", drawing.text) for drawing in (l1, across)]
    assert [set(found) for found in sides] == [{("s", "n")}, {("e", "w")}]


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("input x\noutput y = x * 2", "· 2"),
        ("input x\noutput y = 2 * x", "2 ·"),
        ("input x\noutput y = x / 0.6931471805599453", "/ 0.693147"),
        ("input x\noutput y = x * -0.25", "· −0.25"),
        ("input x\noutput y = x^2", "^2"),
        ("input x\noutput y = 1 - x", "1 −"),
        ("input x\noutput y = -x", "−"),
        ("input neg_x\noutput y = -neg_x", "−"),
        ("input x\noutput y = x", "identity"),
        ("input x: [3]\noutput y = x >= 0.5", "≥ 0.5"),
        ("input x: [3]\noutput y = maximum(x, 0)", "maximum(_, 0)"),
        ("input x: [3, 4]\noutput y = mean(x, axis = 0)", "mean axis=0"),
        ("input x: [3, 4]\noutput y = x[:, 1:3]", "[:, 1:3]"),
        ("input x: [3, 4]\noutput y = x.T", "ᵀ"),
        ("input x: i64[3]\noutput y = cast(x, float)", "cast dtype=f32"),
    ],
)
def test_numbers_and_attributes_are_part_of_the_function(text: str, function: str) -> None:
    assert of(text).box("y").function == function


def test_what_words_say_of_an_op_stands_in_no_box() -> None:
    text = "dim N\ninput x: [N, 2]\ns = sum(mean(x, axis = 1)^2)\noutput d = grad(s, x)\n"
    functions = {box.function for box in of(text).boxes.values()}
    assert any(function.startswith("full(1, ") for function in functions)
    assert "reshape shape=[N, 1]" in functions
    assert not any("repeated" in function or "another" in function for function in functions)


def test_numbers_and_conversions_that_nobody_wrote_have_no_box(digits: Drawing) -> None:
    assert not {"number", "cast dtype=f32", "0.0001"} & {b.function for b in digits.boxes.values()}
    assert digits.operands("accuracy") == ["="]


def test_a_constant_tensor_has_a_box_unless_it_only_fills_a_parameter() -> None:
    drawing = of("param W = [1, 2]\ninput x: [2]\noutput y = x * W + [3, 4]")
    functions = [box.function for box in drawing.boxes.values()]
    assert "[3, 4]" in functions
    assert "[1, 2]" not in functions


def test_what_a_state_becomes_is_named_after_it() -> None:
    drawing = of("state m: [2] = 0\ninput x: [2]\nupdate m = m + x\noutput y = m\n")
    assert drawing.box("m ←").function == "+"
    assert drawing.operands("m ←") == ["m", "x"]


HOSTILE = '<script>alert("x")</script> </script \\N {a|b} &lt; end'


def test_what_a_person_wrote_comes_out_as_text() -> None:
    drawing = of(f"dim N\n## {HOSTILE}\ninput θ\noutput y = θ * 2")
    assert drawing.box("θ").function == "input"
    (tooltip,) = re.findall(r'tooltip="(θ: .*?[^\\])" *\]', drawing.text, re.DOTALL)
    shown = html.unescape(tooltip.replace('\\"', '"').replace("\\" * 4, "\\"))
    assert HOSTILE in shown


def test_markup_in_a_name_stays_text() -> None:
    box = Box("n0", "<b>&\\N{|}", "a\u202e<i>", "op", notes=('"</TD>\\n',))
    label = boxes.label(box, "TB", 0)
    found = read_label(label[1:-1])
    assert found.function == "<b>&\\N{|}"
    assert found.name == "a\\u202e<i>"
    assert found.notes == ['"</TD>\\n']
    assert "\\" not in label  # Graphviz has escapes of its own


def test_names_of_any_length_leave_room_for_the_drawing() -> None:
    name = "n" * 5000
    drawing = of(f'input {name}\noutput {name}_y = einsum({name}, {name}, equation = ",->")')
    assert [len(box.name) for box in drawing.boxes.values()] == [48, 48]
    assert f"{name}_y: f32" in drawing.text  # what a pointer shows is the whole
    framed = of(f"block F(a) {{\n  param w = 3\n  return tanh(a) * w\n}}\ninput x\n{name} = F(x)\n")
    assert [len(title) for title in framed.frames] == [60]
    long = of(f"input x: [{', '.join(['2'] * 8)}]\noutput y = reshape(x, [{'1, ' * 40}256])")
    assert len(long.box("y").function) == 60


CASES = {
    "l1": {},
    "l6": {},
    "l1_sweeps": {"values": {"x": 2, "z": 3}, "grad": True, "float": "f64"},
    "l8_step": {"update": True, "shapes": True, "direction": "LR"},
    "l14": {},
    "l14_sweeps": {"grad": True},
}


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, request: pytest.FixtureRequest) -> None:
    file = name.partition("_")[0]
    source = Source((EXAMPLES / "lecture" / f"{file}.gdl").read_text("utf-8"), f"{file}.gdl")
    expected, text = GOLDEN / f"{name}.dot", read(source, **CASES[name]).text
    if request.config.getoption("--update-golden"):
        expected.parent.mkdir(parents=True, exist_ok=True)
        expected.write_text(text, encoding="utf-8", newline="\n")
    assert text == expected.read_text(encoding="utf-8")
