"""The lecture's convention as the structure of the DOT text: boxes, names beside them, order."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from graphdsl.driver import compile_source
from graphdsl.language.source import Source, read_source
from graphdsl.views import boxes
from graphdsl.views.dot import count_boxes, draw

EXAMPLES = Path(__file__).parents[2] / "examples"
GOLDEN = Path(__file__).parents[1] / "golden" / "dot"


@dataclass
class Box:
    """A node of a drawing, read back from its label."""

    function: str
    name: str
    framed: ElementTree.Element
    ports: list[str]


@dataclass
class Drawing:
    """A drawing, read back from its DOT text."""

    text: str
    boxes: dict[str, Box]
    edges: list[tuple[str, str, int]]

    def box(self, name: str) -> Box:
        """The box with this name beside it."""
        (found,) = [box for box in self.boxes.values() if box.name == name]
        return found

    def operands(self, name: str) -> list[str]:
        """The names or functions of what enters a box, from left to right."""
        (id,) = [id for id, box in self.boxes.items() if box.name == name]
        entering = sorted((port, tail) for tail, head, port in self.edges if head == id)
        return [self.boxes[tail].name or self.boxes[tail].function for _, tail in entering]


def read(source: Source) -> Drawing:
    """The drawing of a model, taken apart again."""
    compilation = compile_source(source)
    text = draw(compilation.graph(), compilation.program.statements, "title")
    found = {}
    for id, label in re.findall(r"^\t(n\d+) \[label=<(<.*?>)> ", text, re.MULTILINE):
        found[id] = read_label(label)
    edges = [
        (tail, head, int(port))
        for tail, head, port in re.findall(r"^\t(n\d+):out:s -> (n\d+):(\d+):n", text, re.MULTILINE)
    ]
    return Drawing(text, found, edges)


def read_label(label: str) -> Box:
    """A box's parts; the frame is what carries the port that edges leave by."""
    whole = ElementTree.fromstring(label)
    framed = next(each for each in whole.iter("TABLE") if each.get("PORT") == boxes.OUT)
    ports = [cell.attrib["PORT"] for cell in framed.iter("TD") if "PORT" in cell.attrib]
    inside = "".join(framed.itertext())
    outside = "".join(whole.itertext()).removesuffix(inside)
    return Box(inside, outside.strip(), framed, ports)


def of(text: str) -> Drawing:
    """The drawing of a model's text."""
    return read(Source(text, "m.gdl"))


@pytest.fixture(scope="module")
def l1() -> Drawing:
    return read(read_source(EXAMPLES / "lecture" / "l1.gdl"))


@pytest.fixture(scope="module")
def digits() -> Drawing:
    return read(read_source(EXAMPLES / "digits.gdl"))


def test_there_is_a_rectangle_for_each_input_intermediate_and_output(l1: Drawing) -> None:
    assert [box.name for box in l1.boxes.values()] == [*"xzabcdef", "", "y"]
    assert "shape=plain" in l1.text  # the rectangle is the table's, the node draws none of its own
    assert all(int(box.framed.attrib["BORDER"]) >= 1 for box in l1.boxes.values())


def test_the_function_stands_inside_and_the_name_outside(l1: Drawing) -> None:
    inside = {box.name: box.function for box in l1.boxes.values() if box.name}
    assert inside == {
        **{"x": "input", "z": "input", "a": "·", "b": "ln", "c": "sin"},
        **{"d": "exp", "e": "/", "f": "/", "y": "+"},
    }


def test_operands_enter_from_left_to_right(l1: Drawing) -> None:
    assert l1.operands("a") == ["x", "z"]
    assert l1.operands("e") == ["a", "b"]
    assert l1.operands("f") == ["c", "a"]
    assert l1.operands("y") == ["+", "f"]
    assert l1.box("f").ports == ["0", "1"]


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


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("input x\noutput y = x * 2", "· 2"),
        ("input x\noutput y = 2 * x", "2 ·"),
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


def test_what_a_person_wrote_comes_out_as_text() -> None:
    text = 'dim N\n## <script>alert("x")</script> \\N {a|b} &lt; end\ninput θ\noutput y = θ * 2'
    drawing = of(text)
    assert drawing.box("θ").function == "input"
    (tooltip,) = re.findall(r'tooltip="(θ: .*?[^\\])" *\]', drawing.text, re.DOTALL)
    shown = html.unescape(tooltip.replace('\\"', '"').replace("\\\\", "\\"))
    assert '<script>alert("x")</script> \\N {a|b} &lt; end' in shown


def test_markup_in_a_name_stays_text() -> None:
    label = boxes.box("<b>&\\N{|}", "a\u202e<i>", "op", 0)
    box = read_label(label[1:-1])
    assert box.function == "<b>&\\N{|}"
    assert box.name == "a\\u202e<i>"
    assert "\\" not in label  # Graphviz has escapes of its own


def test_boxes_are_counted_as_they_are_drawn(digits: Drawing) -> None:
    compilation = compile_source(read_source(EXAMPLES / "digits.gdl"))
    assert count_boxes(compilation.graph()) == len(digits.boxes)


@pytest.mark.parametrize("name", ["l1", "l6"])
def test_golden(name: str, request: pytest.FixtureRequest) -> None:
    source = Source((EXAMPLES / "lecture" / f"{name}.gdl").read_text("utf-8"), f"{name}.gdl")
    expected, text = GOLDEN / f"{name}.dot", read(source).text
    if request.config.getoption("--update-golden"):
        expected.parent.mkdir(parents=True, exist_ok=True)
        expected.write_text(text, encoding="utf-8", newline="\n")
    assert text == expected.read_text(encoding="utf-8")
