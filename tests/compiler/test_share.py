"""`share`: one set of parameters for every later call of a block."""

import numpy as np
import pytest

import graphdsl

CELL = """
block Cell(x, h, units) {
  param W: [size(x, -1), units] ~ normal()
  param U: [units, units] ~ normal()
  n = tanh(x @ W + h @ U)
  return n
}
"""


def test_calls_of_a_shared_block_use_one_set_of_parameters() -> None:
    model = graphdsl.loads(
        CELL + "input x: [2, 3]\ninput h: [2, 4]\nshare cell = Cell(units = 4)\n"
        "a = cell(x, h)\nb = cell(x, a)\noutput y = b"
    )
    assert list(model.params) == ["cell.W", "cell.U"]
    W, U = model.params["cell.W"], model.params["cell.U"]
    x, h = np.ones((2, 3), np.float32), np.ones((2, 4), np.float32)
    a = np.tanh(x @ W + h @ U)
    np.testing.assert_allclose(model.run(x=x, h=h)["y"], np.tanh(x @ W + a @ U), rtol=1e-5)


def test_a_cell_shared_outside_a_loop_serves_all_turns() -> None:
    model = graphdsl.loads(
        CELL + "dim N\ninput x: [N, 5, 3]\nshare cell = Cell(units = 4)\n"
        "h = zeros([size(x, 0), 4])\nrepeat t in 0..4 {\n  h = cell(x[:, t], h)\n}\noutput y = h"
    )
    assert list(model.params) == ["cell.W", "cell.U"]
    x = np.random.default_rng(0).standard_normal((2, 5, 3)).astype(np.float32)
    h = np.zeros((2, 4), np.float32)
    for t in range(5):
        h = np.tanh(x[:, t] @ model.params["cell.W"] + h @ model.params["cell.U"])
    np.testing.assert_allclose(model.run(x=x)["y"], h, rtol=1e-5)


def test_nodes_of_later_calls_have_names_of_their_own() -> None:
    model = graphdsl.loads(
        CELL + "input x: [2, 4]\nshare cell = Cell(units = 4)\na = cell(x, x)\nb = cell(a, a)\n"
        "output y = a + b"
    )
    assert {"cell.n", "cell.n#2"} <= model.compilation.graph().names.keys()


def test_calls_that_disagree_in_their_sizes_are_an_error() -> None:
    with pytest.raises(graphdsl.ModelError) as caught:
        graphdsl.loads(
            "input x: [2, 3]\ninput z: [2, 4]\nshare d = Dense(units = 5)\na = d(x)\nb = d(z)\n"
            "output y = a + b"
        )
    assert [d.code for d in caught.value.diagnostics] == ["E0413"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("share d = relu(x)", "E0412"),
        ("share d = Dense(units = 3, unit = 4)", "E0403"),
        ("share d = Dence(units = 3)", "E0301"),
    ],
)
def test_faults_of_share(line: str, code: str) -> None:
    with pytest.raises(graphdsl.ModelError) as caught:
        graphdsl.loads(f"input x: [2, 3]\n{line}\noutput y = x")
    assert [d.code for d in caught.value.diagnostics] == [code]


def test_the_gradient_adds_up_over_calls() -> None:
    model = graphdsl.loads(
        "block Scale(x) {\n  param k = 3\n  return k * x\n}\n"
        "input x\nshare s = Scale()\na = s(x)\nb = s(a)\nloss J = b"
    )
    loss, grads = model.value_and_grad(x=2)
    assert (loss, grads["s.k"]) == (18, 12)  # k² x and 2 k x
