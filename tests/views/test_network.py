"""The lecture's convention of networks as the structure of the DOT text; what large ones are."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

import graphdsl
from graphdsl.language.diagnostics import UsageError
from graphdsl.language.source import Source, read_source
from read_network import Drawn, draw, of, take_apart

EXAMPLES = Path(__file__).parents[2] / "examples"
GOLDEN = Path(__file__).parents[1] / "golden" / "network"

MLP = """dim N
input x: [N, 3]
input y: i64[N]
param W1: [3, 5] ~ he_normal()
param b1: [5] = 0
param W2: [5, 2] ~ he_normal()
param b2: [2] = 0
h = tanh(x @ W1 + b1)
o = sigmoid(h @ W2 + b2)
loss J = mean(cross_entropy(o, y)) + 1e-3 * l2("*")
metric accuracy = mean(argmax(o) == y)
"""


@pytest.fixture(scope="module")
def l6() -> Drawn:
    return draw(read_source(EXAMPLES / "lecture" / "l6.gdl"))


@pytest.fixture(scope="module")
def mlp() -> Drawn:
    return of(MLP)


def test_there_is_a_circle_for_each_unit_with_its_activation(l6: Drawn) -> None:
    assert list(l6.nodes.values()) == [
        ("x",),
        *(("o11", "relu", "b = 0"), ("o12", "relu", "b = 0")),
        *(("o21", "relu", "b = 2"), ("o22", "relu", "b = −2"), ("o23", "relu", "b = 0")),
        ("y", "b = 5"),
    ]
    assert all("shape=circle" in looks for looks in l6.looks.values())


def test_edges_are_directed_and_labelled_with_their_weights(l6: Drawn) -> None:
    assert "digraph" in l6.text
    assert l6.edges == [
        *(("x", "o11", "3"), ("x", "o12", "−1")),
        *(("o11", "o21", "−1"), ("o11", "o22", "0"), ("o11", "o23", "1")),
        *(("o12", "o21", "1"), ("o12", "o22", "1"), ("o12", "o23", "1")),
        *(("o21", "y", "−1"), ("o22", "y", "1"), ("o23", "y", "0.5")),
    ]


def test_there_is_no_loss_no_label_and_no_metric(l6: Drawn, mlp: Drawn) -> None:
    names = {lines[0] for lines in (*l6.nodes.values(), *mlp.nodes.values())}
    assert names.isdisjoint({"J", "t", "accuracy"})
    assert "mean" not in mlp.text
    assert {"y", "o1", "h5"} <= names  # the output of the one, not the labels of the other
    assert [lines for lines in mlp.nodes.values() if lines[0] == "y"] == []


def test_weights_that_are_drawn_at_random_stand_as_symbols(mlp: Drawn) -> None:
    assert len(mlp.nodes) == 3 + 5 + 2
    assert len(mlp.edges) == 3 * 5 + 5 * 2
    assert ("x2", "h5", "W125") in mlp.edges
    assert ("h5", "o1", "W251") in mlp.edges
    assert mlp.named("h3") == ("h3", "tanh", "b13")


def test_weights_of_the_column_form_have_the_indices_they_are_stored_at() -> None:
    drawn = of("input x: [2]\nparam W: [3, 2] ~ he_normal()\noutput y = W @ x")
    assert ("x1", "y3", "W31") in drawn.edges
    assert ("x2", "y1", "W12") in drawn.edges
    turned = of("dim N\ninput x: [N, 2]\nparam W = [[1, 2], [3, 4], [5, 6]]\noutput y = x @ W.T")
    assert ("x2", "y3", "6") in turned.edges
    square = of("input x: [2]\nparam W = [[1, 2], [3, 4]]\noutput y = W @ x")
    assert ("x1", "y2", "3") in square.edges


def test_a_session_says_the_numbers(tmp_path: Path) -> None:
    model = graphdsl.loads(MLP)
    model.params["W1"][1, 4] = 0.125
    model.render(tmp_path / "n.dot", view="network")
    drawn = take_apart((tmp_path / "n.dot").read_text("utf-8"))
    assert ("x2", "h5", "0.125") in drawn.edges
    assert drawn.named("h5") == ("h5", "tanh", "b = 0")


def test_large_layers_are_capsules_and_their_edges_one_bundle() -> None:
    drawn = draw(read_source(EXAMPLES / "digits.gdl"))
    assert [(lines[0], lines[-1]) for lines in drawn.nodes.values()] == [
        *(("x", "64"), ("h", "512 × relu"), ("p", "10 × softmax"))
    ]
    assert drawn.edges == [("x", "h", "W1 64 × 512"), ("h", "p", "W2 512 × 10")]
    assert "⋮" in drawn.named("h")


def test_a_residual_is_a_skip_edge_to_a_plus() -> None:
    small = of(
        "dim N\ninput x: [N, 2]\nparam W = [[1, 2, 3], [4, 5, 6]]\n"
        "param V = [[1, 2], [3, 4], [5, 6]]\nparam b = [7, 8]\n"
        "h = tanh(x @ W)\noutput o = x + h @ V + b"
    )
    assert [lines for lines in small.nodes.values() if lines[0] == "+"] == [
        *(("+", "o1", "b = 7"), ("+", "o2", "b = 8"))
    ]
    assert [edge for edge in small.edges if edge[:2] == ("x1", "+")] == [("x1", "+", "")]
    assert ("h3", "+", "6") in small.edges


def test_a_loop_is_drawn_once() -> None:
    drawn = draw(read_source(EXAMPLES / "lecture" / "l14.gdl"))
    assert 'label="×50"' in drawn.text or "label=×50" in drawn.text
    assert len(drawn.nodes) == 4
    assert ("x", "+", "") in drawn.edges
    assert [edge[2] for edge in drawn.edges if edge[2]] == ["W 8 × 8", "V 8 × 8"]


def test_turns_that_differ_are_all_drawn() -> None:
    drawn = of(
        "dim N\ninput x: [N, 4]\nh = x\nrepeat i in 1..3 {\n"
        "  h = Dense(Dense(h, 20 * i, act = relu), 4)\n}\noutput y = h"
    )
    assert [lines[-1] for lines in drawn.nodes.values()][1:] == [
        *("20 × relu", "4", "40 × relu", "4", "60 × relu", "4")
    ]


def test_normalisations_can_be_left_out() -> None:
    source = read_source(EXAMPLES / "digits_batchnorm.gdl")
    with_all, without = draw(source), draw(source, normalisation=False)
    assert sum("BatchNorm" in lines for lines in with_all.nodes.values()) == 2
    assert [lines[-1] for lines in without.nodes.values()] == [
        *("64", "64 × relu", "64 × relu", "10 × softmax")
    ]


def test_attention_is_one_box_between_skip_edges() -> None:
    drawn = draw(read_source(EXAMPLES / "transformer.gdl"))
    assert drawn.named("seen")[1] == "MultiHeadAttention"
    assert drawn.named("o")[1] == "Embedding"
    assert "×2" in drawn.text
    assert sum(lines == ("+",) for lines in drawn.nodes.values()) == 2


def test_from_top_to_bottom() -> None:
    text = of(MLP, direction="TB").text
    first, second = re.findall(r'pos="([-\d.]+),([-\d.]+)"', text)[:2]
    assert first[1] == second[1]  # units of a layer stand beside one another
    assert "rankdir=TB" in draw(read_source(EXAMPLES / "digits.gdl"), direction="TB").text


def test_the_way_around_layers_begins_and_ends_where_it_likes() -> None:
    source = read_source(EXAMPLES / "lecture" / "l14.gdl")
    down = re.findall(r"^\t(n\S+) -> (n\S+) \[", draw(source, direction="TB").text, re.MULTILINE)
    assert down == [("n0:s", "n7:n"), ("n7:s", "n10:n"), ("n0", "n11"), ("n10", "n11")]


HOSTILE = '<script>alert("x")</script> </script \\N {a|b} &lt; end'


def test_what_a_person_wrote_comes_out_as_text() -> None:
    for units in (2, 20):
        drawn = of(f"## Title.\n\n## {HOSTILE}\ninput θ: [{units}]\noutput y = Dense(θ, 2)")
        (looks,) = (looks for id, looks in drawn.looks.items() if id in ("n0", "n0u1"))
        (tooltip,) = re.findall(r'tooltip="(θ: .*?[^\\])"', looks, re.DOTALL)
        assert HOSTILE in html.unescape(tooltip.replace('\\"', '"').replace("\\" * 4, "\\"))


@pytest.mark.parametrize("units", [2, 20])
def test_long_names_are_cut_off(units: int) -> None:
    name = "n" * 500
    weights = f"param W{name}: [{units}, 2] ~ he_normal()\n"
    drawn = of(f"dim N\ninput {name}: [N, {units}]\n{weights}output y = {name} @ W{name}")
    assert max(len(line) for lines in drawn.nodes.values() for line in lines) <= 48
    assert max(len(label) for *_, label in drawn.edges) <= 60
    assert f"{name}: f32" in drawn.text


def test_markup_in_a_formula_stays_text() -> None:
    drawn = of("input x: [2]\nparam W = [[1, 2], [3, 4]]\noutput y = where(x < 0, x, 0) @ W")
    assert ("where(x < 0, x, 0)",) in [lines[-1:] for lines in drawn.nodes.values()]
    assert "where(x &lt; 0" in drawn.text


def test_both_drawings_come_from_one_file(tmp_path: Path) -> None:
    model = graphdsl.load(EXAMPLES / "lecture" / "l6.gdl")
    model.render(tmp_path / "g.dot")
    model.render(tmp_path / "n.dot", view="network")
    assert "PORT" in (tmp_path / "g.dot").read_text("utf-8")
    assert "circle" in (tmp_path / "n.dot").read_text("utf-8")


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ({"view": "net"}, "no view 'net'"),
        ({"view": "network", "grad": True}, "no option 'grad'"),
        ({"view": "network", "direction": "up"}, "no direction 'up'"),
        ({"normalisation": False}, "no option 'normalisation'"),
    ],
)
def test_options_that_make_no_sense(tmp_path: Path, shown: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        graphdsl.loads(MLP).render(tmp_path / "n.dot", **shown)


@pytest.mark.parametrize("name", ["lecture/l6", "digits", "lecture/l14"])
def test_golden(name: str, request: pytest.FixtureRequest) -> None:
    source = Source((EXAMPLES / f"{name}.gdl").read_text("utf-8"), f"{Path(name).name}.gdl")
    expected, text = GOLDEN / f"{Path(name).name}.dot", draw(source).text
    if request.config.getoption("--update-golden"):
        expected.parent.mkdir(parents=True, exist_ok=True)
        expected.write_text(text, encoding="utf-8", newline="\n")
    assert text == expected.read_text(encoding="utf-8")
