"""Calls and loops as frames, and folded: one box for a call, one turn of a loop for all."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

import graphdsl
from graphdsl.language.diagnostics import UsageError
from graphdsl.language.source import read_source
from graphdsl.views.drawing import folding
from read_dot import Drawing, of, read
from views.models import CELL, CHAIN

LECTURE = Path(__file__).parents[2] / "examples" / "lecture"

DENSE = "dim N\ninput x: [N, 4]\nh = Dense(x, 3, act = tanh)\noutput y = Dense(h, 2)\n"
NESTED = """input x
o = x
repeat i in 1..3 {
  u = o
  repeat j in 1..2 {
    u = tanh(u + o)
  }
  o = u * 2
}
output y = o - 1
"""


def test_a_call_is_a_frame_and_names_inside_are_those_of_its_block() -> None:
    drawing = of(DENSE)
    assert list(drawing.frames) == ["h: Dense", "y: Dense"]
    assert drawing.inside("h: Dense") == ["W", "b", "@", "+", "h"]
    assert drawing.inside("y: Dense") == ["W", "b", "@", "+", "y"]


def test_a_frame_says_the_block_once() -> None:
    drawing = of("dim N\ninput x: [N, 4]\noutput y = Dense(tanh(Dense(Dense(x, 3), 3)), 2)\n")
    assert list(drawing.frames) == ["y.Dense_2", "y.Dense", "y: Dense"]


def test_a_folded_call_is_one_box_with_the_name_of_its_result() -> None:
    drawing = of(DENSE, collapse="h")
    assert drawing.box("h").function == "Dense"
    assert drawing.operands("h") == ["x"]
    assert drawing.operands("@") == ["h", "W"]
    assert list(drawing.frames) == ["y: Dense"]


def test_a_block_folds_all_its_calls_and_a_result_keeps_its_look() -> None:
    drawing = of(DENSE, collapse=["Dense"])
    assert [box.name or box.function for box in drawing.boxes.values()] == ["x", "h", "y"]
    assert drawing.operands("y") == ["h"]
    assert drawing.box("h").frame.border == 1
    label = next(line for line in drawing.text.splitlines() if ">y<" in line)
    assert "#d9efd8" in label  # as an output has


def test_a_derivative_stands_outside_the_call_that_it_differentiates() -> None:
    text = "block f(a) {\n  return tanh(a) * 3\n}\ninput x\ny = f(x)\noutput d = grad(y, x)\n"
    drawing = of(text)
    assert drawing.inside("f") == ["tanh", "y"]
    assert len(drawing.boxes) > 4


def test_a_call_of_one_node_needs_no_frame() -> None:
    drawing = of("block twice(a) {\n  return 2 * a\n}\ninput x\noutput y = twice(x)\n")
    assert drawing.frames == {}


def test_turns_are_frames_within_the_frame_of_their_loop() -> None:
    drawing = of(CHAIN)
    assert list(drawing.frames) == ["repeat l in 1..4", *(f"turn {k}" for k in range(1, 5))]
    assert drawing.inside("turn 2") == ["·", "o[2]"]
    assert drawing.operands("o[2]") == ["·"]


def test_a_folded_loop_shows_one_turn_and_how_often_it_is_computed() -> None:
    drawing = of(CHAIN, collapse="o")
    assert list(drawing.frames) == ["repeat l in 1..4  ×4"]
    assert drawing.inside("repeat l in 1..4  ×4") == ["o", "·", "o"]
    inside = drawing.frames["repeat l in 1..4  ×4"]
    carried, product, last = inside
    assert drawing.boxes[carried].function == "carried"
    assert drawing.carried() == [(last, carried)]
    enters = [edge.tail for edge in drawing.edges if edge.head == carried]
    assert enters == [drawing.id("identity"), last]
    assert [e.tail for e in drawing.edges if e.head == product] == [carried, drawing.id("s")]
    assert [e.tail for e in drawing.edges if e.head == drawing.id("y")] == [last]


def test_titles_stand_where_no_value_enters() -> None:
    titles = re.compile(r"label=<(repeat.*?|turn \d)> labeljust=(\w)")
    assert titles.findall(of(CHAIN, collapse="o").text) == [
        ("repeat l in 1..4  <B>×4</B>", "r"),
    ]
    assert {side for _, side in titles.findall(of(CHAIN).text)} == {"l"}


def test_turns_that_differ_are_shown_in_runs() -> None:
    text = CHAIN.replace("tanh(o * s)", "tanh(o * s) if l < 3 else relu(o - s)")
    drawing = of(text, collapse="all")
    assert list(drawing.frames) == ["repeat l in 1..4", "turn 1 to 2  ×2", "turn 3 to 4  ×2"]
    first, second = drawing.frames["turn 1 to 2  ×2"], drawing.frames["turn 3 to 4  ×2"]
    assert [drawing.boxes[id].function for id in second] == ["carried", "−", "relu"]
    # the first value of the second run is the last of the first
    assert [e.tail for e in drawing.edges if e.head == second[0]] == [first[-1], second[-1]]


@pytest.mark.parametrize(
    ("changed", "runs"),
    [
        ("o - s if l < 3 else s - o", ["turn 1 to 2  ×2", "turn 3 to 4  ×2"]),
        ("tanh(o) if l < 4 else tanh(s)", ["turn 1 to 3  ×3", "turn 4"]),
        ("o * s + (o if l != 2 else s)", ["turn 1", "turn 2 to 4  ×3"]),
    ],
)
def test_turns_that_read_other_nodes_differ(changed: str, runs: list[str]) -> None:
    drawing = of(CHAIN.replace("tanh(o * s)", changed), collapse="all")
    assert list(drawing.frames)[1:] == runs


def test_turns_that_are_wired_otherwise_differ() -> None:
    body = "  a = tanh(o)\n  b = tanh(s)\n  o = a - b if l < 3 else b - a\n"
    text = CHAIN.replace("  o = tanh(o * s)\n", body)
    assert list(of(text, collapse="all").frames)[1:] == ["turn 1 to 2  ×2", "turn 3 to 4  ×2"]


def test_turns_that_read_something_else_of_the_turn_before_differ() -> None:
    body = "  q = tanh(o if l < 3 else p)\n  p = o * 2\n  o = q\n"
    text = CHAIN.replace("o = x\n", "o = x\np = s\n").replace("  o = tanh(o * s)\n", body)
    assert list(of(text, collapse="all").frames)[1:] == ["turn 1 to 2  ×2", "turn 3 to 4  ×2"]


def test_the_first_turn_may_begin_with_other_nodes() -> None:
    drawing = of(CHAIN.replace("tanh(o * s)", "o * s + (o if l > 1 else s)"), collapse="all")
    begins = [drawing.operands_of(head)[0] for _, head in drawing.carried()]
    assert sorted(begins) == ["o", "s"]


def test_what_is_carried_by_two_loops_comes_from_the_outer_one_first() -> None:
    text = "input x\no = x\nrepeat i in 1..3 {\n  repeat j in 1..2 {\n    o = tanh(o)\n  }\n}\n"
    drawing = of(f"{text}output y = o - 1\n", collapse="all")
    outer, inner = drawing.frames.values()
    (for_outer,) = [id for id in outer if id not in inner]
    for_inner, last = inner
    enters = {id: [e.tail for e in drawing.edges if e.head == id] for id in drawing.boxes}
    assert enters[for_inner] == [for_outer, last]
    assert enters[for_outer] == [drawing.id("identity"), last]


def test_numbers_may_differ_from_turn_to_turn() -> None:
    drawing = of(CHAIN.replace("o * s", "o * s / l"), collapse="o")
    assert list(drawing.frames) == ["repeat l in 1..4  ×4"]


def test_what_an_inner_loop_reads_of_the_turn_before_comes_from_the_outer_one() -> None:
    drawing = of(NESTED, collapse="all")
    outer, inner = drawing.frames
    assert (outer, inner) == ("repeat i in 1..3  ×3", "repeat j in 1..2  ×2")
    boxes = {id: drawing.boxes[id].function for id in drawing.frames[outer]}
    carried = [id for id, function in boxes.items() if function == "carried"]
    assert len(carried) == 2
    (for_inner,) = [id for id in carried if id in drawing.frames[inner]]
    (for_outer,) = [id for id in carried if id not in drawing.frames[inner]]
    enters = [edge.tail for edge in drawing.edges if edge.head == for_inner]
    assert enters[1] in drawing.frames[inner]
    (start,) = [e.tail for e in drawing.edges if e.head == enters[0]]  # u = o, an identity
    assert start == for_outer


def test_parameters_of_a_shared_cell_stand_outside_and_all_turns_are_alike() -> None:
    drawing = of(CELL + "output y = h\n", collapse="h")
    (title,) = [title for title in drawing.frames if title.startswith("repeat")]
    assert title == "repeat t in 0..4  ×5"
    named = {drawing.boxes[id].name for id in drawing.frames[title]}
    assert not any(name.startswith("cell.") for name in named)
    assert any(box.name.startswith("cell.") for box in drawing.boxes.values())


def test_what_is_stacked_of_every_turn_enters_once() -> None:
    text = CHAIN.replace("(o * s)\n", "(o * s)\n  collect O = o\n")
    drawing = of(text, collapse="all")
    assert drawing.operands("O") == ["o"]


def test_a_large_drawing_folds_by_itself_and_says_so() -> None:
    drawing = read(read_source(LECTURE / "l14.gdl"))
    assert len(drawing.boxes) < 20
    (remark,) = drawing.remarks
    assert "505 boxes are drawn as 15" in remark
    assert "folded: o;" in remark


def test_what_is_small_or_expanded_is_drawn_in_full() -> None:
    assert len(of(CHAIN).boxes) > 10
    whole = read(read_source(LECTURE / "l14.gdl"), expand="o")
    assert len(whole.boxes) == 505
    assert not whole.remarks


def test_calls_fold_from_the_inside_out_where_loops_do_not_suffice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "block f(a) {\n  return tanh(a) + 1\n}\nblock g(a) {\n  return f(a) * f(-a)\n}\n"
    text += "input x\nb = g(x)\noutput y = g(b)\n"
    assert len(of(text).boxes) == 13
    monkeypatch.setattr(folding, "FEW", 9)
    half = of(text)
    assert sum(box.function == "f" for box in half.boxes.values()) == 4
    assert set(half.frames) == {"g"}
    monkeypatch.setattr(folding, "FEW", 5)
    assert [b.function for b in of(text).boxes.values()] == ["input", "g", "g"]
    kept = of(text, expand="b")
    assert sum(box.function == "g" for box in kept.boxes.values()) == 1


@pytest.mark.parametrize("option", ["collapse", "expand"])
def test_a_name_that_nothing_has_is_refused(option: str) -> None:
    with pytest.raises(UsageError, match="nothing called 'Densse'") as caught:
        of(DENSE, **{option: "Densse"})
    assert caught.value.diagnostics[0].code == "E0851"
    assert caught.value.diagnostics[0].help == ("did you mean 'Dense'?",)


def drawn(path: Path, model: graphdsl.Model) -> float:
    """Seconds that a drawing takes, the best of three."""
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        model.render(path)
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def test_fifty_residual_blocks_are_drawn_in_two_seconds(tmp_path: Path) -> None:
    model = graphdsl.load(LECTURE / "l14.gdl")
    assert drawn(tmp_path / "g.dot", model) < 2


def test_ids_are_stable_when_a_drawing_is_folded_otherwise() -> None:
    folded: Drawing = of(CHAIN, collapse="o")
    whole = of(CHAIN)
    shared = {id for id in folded.boxes if id in whole.boxes}
    assert all(folded.boxes[id].function == whole.boxes[id].function for id in shared)
    assert "id=g1" in folded.text
    assert "id=g1" in whole.text
