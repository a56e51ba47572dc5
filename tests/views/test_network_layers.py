"""What the layers of a network are read from: any spelling of the same mathematics."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphdsl.driver import compile_source
from graphdsl.language.diagnostics import GraphdslError, ModelError
from graphdsl.language.source import Source, read_source
from graphdsl.views.network.layers import Layer
from graphdsl.views.network.options import NetworkOptions
from graphdsl.views.network.recognise import recognise
from graphdsl.views.network.render import draw_network, find_layers

EXAMPLES = Path(__file__).parents[2] / "examples"
NO_NETWORK = {"l1", "l7", "l10_paths"}


def layers(text: str, normalisation: bool = True) -> list[Layer]:
    return list(recognise(compile_source(Source(text, "m.gdl")).graph(), normalisation))


def read(text: str) -> list[tuple[str, str, object, tuple[str, ...]]]:
    """Kind, name, width and functions of each layer."""
    return [(one.kind, one.name, one.width, one.functions) for one in layers(text)]


def refused(text: str) -> str:
    with pytest.raises(ModelError) as caught:
        layers(text)
    (found,) = caught.value.diagnostics
    assert found.code == "E0855"
    return str(found)


ROWS = "dim N\ninput x: [N, 3]\nparam W: [3, 4] ~ he_normal()\nparam V: [4, 3] ~ he_normal()\n"
COLUMN = "input x: [3]\nparam W: [3, 4] ~ he_normal()\nparam V: [4, 3] ~ he_normal()\n"


@pytest.mark.parametrize(
    "written",
    [
        f"{ROWS}output y = relu(x @ W)",
        f"{ROWS}output y = relu(x @ V.T)",
        f"{ROWS}output y = relu((V @ x.T).T)",
        f'{ROWS}output y = relu(einsum(x, W, equation = "ni,ij->nj"))',
        f'{ROWS}output y = relu(einsum(V, x, equation = "ji,ni->nj"))',
        f"{COLUMN}output y = relu(V @ x)",
        f"{COLUMN}output y = relu(x @ W)",
        "dim N\ninput x: [3, N]\nparam V: [4, 3] ~ he_normal()\noutput y = relu(V @ x)",
        "dim N\ninput x: [N, 3]\noutput y = Dense(x, 4, act = relu)",
    ],
)
def test_a_product_with_a_matrix_is_a_dense_layer(written: str) -> None:
    first, dense = layers(written)
    assert (first.kind, first.width) == ("input", 3)
    assert (dense.kind, dense.width, dense.functions) == ("dense", 4, ("relu",))
    (link,) = dense.links
    assert link.source == first.id
    assert link.weights is not None
    assert link.weights.sizes == (3, 4)
    assert link.weights.turned == (link.weights.name == "V")


def test_a_product_with_a_vector_has_one_unit() -> None:
    assert read("dim N\ninput x: [N, 3]\nparam w: [3] = 1\noutput y = sigmoid(x @ w)")[1:] == [
        ("dense", "y", 1, ("sigmoid",))
    ]


def test_a_scalar_that_weighs_one_input_is_a_unit() -> None:
    (_, dense) = layers("input x\nparam w = 2\nparam b = 1\noutput y = w * x + b")
    assert dense.kind == "dense"
    assert [bias.name for bias in dense.biases] == ["b"]


def test_a_sum_of_products_is_one_layer_with_two_bundles() -> None:
    found = layers(
        "dim N\ninput x: [N, 3]\ninput h: [N, 4]\nparam W: [3, 4] ~ he_normal()\n"
        "param U: [4, 4] ~ he_normal()\nparam b: [4] = 0\noutput y = tanh(x @ W + h @ U + b)"
    )
    assert [one.kind for one in found] == ["input", "input", "dense"]
    names = [link.weights.name for link in found[-1].links if link.weights]
    assert (names, found[-1].functions) == (["W", "U"], ("tanh",))
    assert [bias.name for bias in found[-1].biases] == ["b"]


@pytest.mark.parametrize(
    ("formula", "functions"),
    [
        ("leaky_relu(x @ W, slope = 0.2)", ("leaky_relu slope=0.2",)),
        ("tanh(x @ W) / 2", ("tanh", "/ 2")),
        ("softmax(x @ W)", ("softmax",)),
        ("cast(x @ W, float)", ()),
    ],
)
def test_functions_of_each_unit_are_activations(formula: str, functions: tuple[str, ...]) -> None:
    assert layers(f"{ROWS}output y = {formula}")[-1].functions == functions


def test_an_activation_may_be_written_as_several_nodes() -> None:
    assert read(f"{ROWS}s = x @ W\noutput y = s * sigmoid(s)")[1:] == [
        ("dense", "y", 4, ("s * sigmoid(s)",))
    ]


def test_a_function_of_all_units_may_be_written_by_hand_and_is_never_left_out() -> None:
    text = f"{ROWS}s = x @ W\nm = mean(s, axis = 1, keepdims = true)\noutput y = relu(s - m)"
    for normalisation in (True, False):
        (_, dense) = layers(text, normalisation)
        assert dense.functions == ("s - m", "relu")


@pytest.mark.parametrize(
    "formula", ["layer_norm(s, g, b)", "rms_norm(s, g)", "batch_norm(s, m, v, g, b)"]
)
def test_normalisations_are_told_by_what_they_are_given(formula: str) -> None:
    text = (
        f"{ROWS}param g: [4] = 1\nparam b: [4] = 0\nstate m: [4] = 0\nstate v: [4] = 1\n"
        f"s = x @ W\noutput y = relu({formula})"
    )
    assert [one.kind for one in layers(text)] == ["input", "dense", "normalisation", "map"]
    (_, dense) = layers(text, normalisation=False)
    assert dense.functions == ("relu",)


def test_sums_are_told_from_biases() -> None:
    found = read(f"{ROWS}h = tanh(x @ W)\noutput y = x + (h @ V + x)")
    assert [one[0] for one in found] == ["input", "dense", "dense", "merge"]
    added = read(f"{ROWS}param p: [4] = 0\noutput y = tanh(x @ W) + p")
    assert added[-1] == ("dense", "y", 4, ("tanh", "+ p"))
    less = read(f"{ROWS}h = tanh(x @ W)\noutput y = x - h @ V")
    assert less[-1] == ("merge", "y", 3, ("−",))


def test_what_differs_from_place_to_place_is_no_bias() -> None:
    (_, box) = layers(
        "dim N\ninput x: i64[N, 6]\nparam places: [6, 5] = 0\n"
        "output y = Embedding(x, 9, 5) + places"
    )
    assert (box.functions, box.biases) == (("Embedding", "+ places"), ())
    (_, conv) = layers("dim N\ninput x: [N, 2, 9]\noutput y = Conv1d(x, 4, act = relu)")
    assert (conv.functions, len(conv.biases)) == (("Conv1d", "relu"), 1)


def test_what_is_between_layers_is_a_box() -> None:
    found = read(f"{ROWS}h = tanh(x @ W)\nj = concat(h, x, axis = 1)\noutput y = mean(j, axis = 1)")
    assert found[-2:] == [("box", "j", 7, ("concat",)), ("box", "y", 1, ("mean",))]
    assert read("dim N\ninput x: i64[N]\noutput y = Embedding(x, 9, 5)")[-1][:1] == ("box",)


def test_a_call_is_a_box_where_nothing_else_can_be_read() -> None:
    gated = (
        "block Gated(x, units) {\n  param W: [size(x, -1), units] ~ he_normal()\n"
        "  param V: [size(x, -1), units] ~ he_normal()\n"
        "  return (x @ W) * sigmoid(x @ V)\n}\n"
    )
    found = read(f"{gated}dim N\ninput x: [N, 3]\nh = Gated(x, 8)\noutput y = Dense(h, 2)")
    assert found[1:] == [("box", "h", 8, ("Gated",)), ("dense", "y", 2, ())]


def test_a_gate_is_a_product_of_layers() -> None:
    gated = f"{ROWS}param b: [4] = 0\nh = (x @ W + b) * sigmoid(x @ W)\noutput y = h @ V"
    found = layers(gated)
    assert [(one.kind, one.functions) for one in found] == [
        *(("input", ()), ("dense", ()), ("dense", ("sigmoid",)), ("merge", ("×",)), ("dense", ()))
    ]
    assert [link.source for link in found[3].links] == [found[1].id, found[2].id]
    assert [len(one.biases) for one in found] == [0, 1, 0, 0, 0]


@pytest.mark.parametrize(("sign", "kinds"), [("*", "×"), ("-", "−")])
def test_what_is_added_to_a_product_or_a_difference_is_no_bias_before_it(
    sign: str, kinds: str
) -> None:
    found = layers(f"{ROWS}param b: [4] = 0\noutput y = (tanh(x @ W) {sign} (x @ W)) + b")
    assert [one.functions for one in found[-2:]] == [(kinds,), ("+ b",)]
    assert not any(one.biases for one in found)


def test_labels_are_no_part_of_it_though_there_are_no_outputs() -> None:
    found = read(f"{ROWS}input y: [N, 4]\nz = tanh(x @ W)\nloss J = mean((z - y)^2)")
    assert found == [("input", "x", 3, ()), ("dense", "z", 4, ("tanh",))]
    twin = read(f"{ROWS}z = tanh(x @ W) @ V\nloss J = mean(mse(z, x))")
    assert [one[:3] for one in twin][::2] == [("input", "x", 3), ("dense", "z", 3)]
    apart = read(f"{ROWS}loss J = sum((x - tanh(x @ W) @ V)^2)")
    assert [one[0] for one in apart] == ["input", "dense", "dense"]


def test_derivatives_and_what_is_made_of_them_are_no_part_of_it() -> None:
    text = f"{ROWS}input y: [N, 4]\nz = tanh(x @ W)\nJ = mean((z - y)^2)\noutput p = z * 2\n"
    found = read(f"{text}output slope = norm(grad(J, W))\noutput g = grad(sum(z), x)")
    assert found == [("input", "x", 3, ()), ("dense", "p", 4, ("tanh", "· 2"))]


def test_a_label_that_is_an_output_by_itself_is_left_out() -> None:
    found = read(f"{ROWS}input y: [N, 4]\nz = x @ W\noutput p = z\noutput off = z - y")
    assert [one[1] for one in found] == ["x", "z"]


def test_a_node_that_is_no_layer_is_named_with_its_line() -> None:
    said = refused("input x\ninput z\na = x * z\nb = ln(x)\noutput y = exp(a) + a / b")
    assert "'a / b' is no layer" in said
    assert "m.gdl:5:21" in said
    assert "'e' is no layer" in refused("input x\ninput z\na = x * z\ne = a / x\noutput y = e + z")
    assert "rows of a batch" in refused(f"{ROWS}output y = mean(x @ W)")
    assert "depend on the input" in refused(f"{ROWS}h = x @ W\noutput y = h @ h.T")
    assert "its loss compares nothing" in refused("param w: [3] = 1\nloss J = sum(w^2)")


def test_a_node_of_a_turn_is_told_with_its_trail() -> None:
    said = refused(
        "dim N\ninput x: [N, 3]\nh = x\nrepeat i in 1..3 {\n  h = h * (h @ ones([3]))[0]\n}\n"
        "output y = h"
    )
    assert "turn 1" in said


EVERY = sorted(path for path in EXAMPLES.rglob("*.gdl"))


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_every_example_is_drawn_or_refused(path: Path) -> None:
    compilation = compile_source(read_source(path))
    if path.stem in NO_NETWORK:
        with pytest.raises(GraphdslError, match="no network to draw"):
            find_layers(compilation, NetworkOptions())
        return
    found = find_layers(compilation, NetworkOptions())
    known: set[int] = set()
    for layer in found:
        assert {link.source for link in layer.links} <= known  # each behind those it is of
        known.add(layer.id)
    assert any(layer.end for layer in found)
    assert "digraph" in draw_network(compilation, found)


def test_a_loss_of_scalars_that_meet_again_and_again_is_searched_once() -> None:
    turns = "\n".join(f"o{n} = o{n - 1} + sin(o{n - 1})" for n in range(1, 60))
    assert "no network" in refused(f"input x\no0 = x\n{turns}\nloss J = o59")
