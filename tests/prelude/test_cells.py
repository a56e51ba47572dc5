"""Recurrent cells over steps, beside NumPy's and torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphdsl
from prelude.layers import (
    Array,
    check_gradients,
    draw,
    sigmoid,
)

CELLS = """
    dim N
    input x: [N, 3, 4]
    h0 = full(0.1, [N, 5])
    share cell = {cell}
"""


def lstm(p: Any, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
    i, f, n, o = np.split(x @ p["cell.W"] + h @ p["cell.U"] + p["cell.b"], 4, 1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(n)
    return sigmoid(o) * np.tanh(c), c


def gru(p: Any, x: Array, h: Array) -> Array:
    own, past = x @ p["cell.W"] + p["cell.b"], h @ p["cell.U"]
    r, z = sigmoid(own[:, :5] + past[:, :5]), sigmoid(own[:, 5:10] + past[:, 5:10])
    n = np.tanh(own[:, 10:] + r * (past[:, 10:] + p["cell.c"]))
    return (1 - z) * n + z * h


def test_lstm_over_steps() -> None:
    text = (
        CELLS.format(cell="LSTMCell(units = 5)")
        + """
        h = h0
        c = h0
        repeat i in 0..2 {
          h, c = cell(x[:, i], h, c)
        }
        output y = h
        loss J = sum(h^2) + sum(c)
    """
    )
    m = graphdsl.loads(text, dtype="f64")
    np.testing.assert_array_equal(m.params["cell.b"], [0] * 5 + [1] * 5 + [0] * 10)
    for view in m.params.values():
        view[...] = draw(*view.shape)
    x, h, c = draw(2, 3, 4), np.full((2, 5), 0.1), np.full((2, 5), 0.1)
    for i in range(3):
        h, c = lstm(m.params, x[:, i], h, c)
    np.testing.assert_allclose(m.run(x=x)["y"], h, rtol=1e-10)
    check_gradients(m, {"x": x})


def test_gru_over_steps() -> None:
    text = (
        CELLS.format(cell="GRUCell()")
        + """
        h = h0
        repeat i in 0..2 {
          h = cell(x[:, i], h)
          collect path = h
        }
        output y = path
        loss J = sum(h^2)
    """
    )
    m = graphdsl.loads(text, dtype="f64")
    for view in m.params.values():
        view[...] = draw(*view.shape)
    x, h, path = draw(2, 3, 4), np.full((2, 5), 0.1), []
    for i in range(3):
        h = gru(m.params, x[:, i], h)
        path.append(h)
    np.testing.assert_allclose(m.run(x=x)["y"], np.array(path), rtol=1e-10)
    check_gradients(m, {"x": x})


def test_cells_are_those_of_torch() -> None:
    torch = pytest.importorskip("torch", reason="torch, the reference, is not installed")
    theirs = torch.nn.LSTMCell(4, 5).double()
    m = graphdsl.loads(
        """
        dim N
        input x: [N, 4]
        input h: [N, 5]
        input c: [N, 5]
        a, b = LSTMCell(x, h, c)
        output next = a
        output memory = b
        """,
        dtype="f64",
    )
    m.params["a.W"][...] = theirs.weight_ih.detach().numpy().T
    m.params["a.U"][...] = theirs.weight_hh.detach().numpy().T
    m.params["a.b"][...] = (theirs.bias_ih + theirs.bias_hh).detach().numpy()
    x, h, c = draw(3, 4), draw(3, 5), draw(3, 5)
    expected = theirs(torch.tensor(x), (torch.tensor(h), torch.tensor(c)))
    found = m.run(x=x, h=h, c=c)
    for name, value in zip(("next", "memory"), expected, strict=True):
        np.testing.assert_allclose(found[name], value.detach().numpy(), rtol=1e-9)
