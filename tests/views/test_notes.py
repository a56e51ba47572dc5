"""Shapes and values beside the boxes of a drawing."""

from __future__ import annotations

import pytest

from graphdsl.language.diagnostics import DataError
from read_dot import of


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


CHAIN = "input x\ninput s\no = x\nrepeat l in 2..4 {\n  o = tanh(o * s)\n}\noutput y = o * 2\n"


def test_a_folded_loop_has_the_values_of_its_first_turn_and_says_so() -> None:
    drawing = of(CHAIN, collapse="o", values={"x": 1, "s": 0.5}, grad=True)
    carried, product, last = drawing.frames["repeat l in 2..4  ×3  values of turn 2"]
    assert drawing.boxes[carried].notes == ["= 1"]
    assert drawing.boxes[product].notes == ["= 0.5"]
    assert drawing.boxes[last].notes == ["= 0.462117"]
    # that of x, and not that of what the turn makes of it
    assert drawing.boxes[carried].cotangent_notes == drawing.box("x").cotangent_notes
    assert drawing.boxes[last].cotangent_notes != drawing.box("x").cotangent_notes
    assert "values" not in "".join(of(CHAIN, collapse="o").frames)
    assert "values" not in "".join(of(CHAIN, values={"x": 1, "s": 0.5}).frames)


def test_a_carried_value_has_a_shape_and_so_has_its_cotangent() -> None:
    drawing = of(CHAIN, collapse="o", shapes=True, grad=True)
    carried, *_ = drawing.frames["repeat l in 2..4  ×3"]
    assert drawing.boxes[carried].notes == ["scalar"]
    assert drawing.boxes[carried].cotangent_notes == ["scalar"]


def test_a_cotangent_that_is_a_part_of_another_has_no_value() -> None:
    text = CHAIN.replace("o = x\n", "o = x\np = o * 3\n").replace("o * 2", "o * 2 + p")
    drawing = of(text, collapse="o", values={"x": 1, "s": 0.5}, grad=True)
    carried, *_ = drawing.frames["repeat l in 2..4  ×3  values of turn 2"]
    assert drawing.boxes[carried].cotangent_notes == []


def test_results_of_one_call_are_told_apart() -> None:
    text = "block f(a) {\n  return a * 2, a + 2\n}\ninput x\nb, c = f(x)\noutput y = b * c\n"
    drawing = of(text, collapse="f", values={"x": 5})
    (box,) = [box for box in drawing.boxes.values() if box.function == "f"]
    assert (box.name, box.notes) == ("b, c", ["b = 10", "c = 7"])


@pytest.mark.parametrize(
    ("values", "code"), [({}, "E0602"), ({"x": 1, "w": 1}, "E0601"), ({"x": [1, 2]}, "E0604")]
)
def test_values_that_do_not_suffice_or_fit_are_refused(values: dict, code: str) -> None:
    with pytest.raises(DataError) as caught:
        of("input x\ninput unused\noutput y = x\noutput u = unused", values=values, only="y")
    assert caught.value.diagnostics[0].code == code
