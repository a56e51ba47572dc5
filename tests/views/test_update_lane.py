"""A training step as a drawing: the optimizer's rule, applied, as a lane of its own."""

from __future__ import annotations

import pytest

from graphdsl.language.diagnostics import UsageError
from read_dot import of

LINE = """input x: [2]
param w: [2] = 1
loss J = sum(w * x)
train { optimizer = sgd(lr = 0.5) }
"""


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
    assert "weight=0" in edge.looks  # a parameter stands where it is read, not near the update


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
