"""Bias and relu behind a maximum over windows: what is computed, and that its values stay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.driver import Purpose, compile_source
from graphdsl.graph.graph import Graph
from graphdsl.graph.op import OPS
from graphdsl.language.source import Source

Array = np.ndarray[Any, np.dtype[Any]]

HEAD = """\
dim N
input x: [N, 2, 6, 6]
param w: [3, 2, 3, 3] ~ normal(0, 1)
param b: [3] ~ normal(0, 1)
c = conv2d(x, w) + reshape(b, [3, 1, 1])
"""
X = np.random.default_rng(0).standard_normal((4, 2, 6, 6)).astype(np.float32)


def optimized(text: str, wrt: tuple[str, ...] = ("w", "b")) -> Graph:
    return compile_source(Source(HEAD + text)).compiled(Purpose(("J",), wrt)).graph


def gradients(text: str, x: Array = X) -> dict[str, Array]:
    model = graphdsl.loads(HEAD + text)
    model.params["b"][...] = [0.5, -0.5, 0]
    loss, found = model.value_and_grad(x=x)
    return {"J": np.array(loss), **found}


@pytest.mark.parametrize("pool", ["max_pool2d(r, 2)", "max_pool2d(r, 3, stride = 1, padding = 1)"])
def test_all_but_the_convolution_is_done_for_the_largest(pool: str) -> None:
    graph = optimized(f"r = relu(c)\nloss J = sum({pool}^2)\n")
    (pooled,) = [node for node in graph.nodes if node.op is OPS["window_max"]]
    for node in graph.nodes:
        if node.op.name in ("relu", "add", "relu_gate"):
            assert node.type.shape in (pooled.type.shape, ()), node.op
    assert "greater" not in {node.op.name for node in graph.nodes}


@pytest.mark.parametrize(
    "pool", ["max_pool2d({}, 2)", "max_pool2d({}, 3, stride = 1, padding = 1)"]
)
def test_values_and_gradients_are_those_without_it(pool: str) -> None:
    """0 added to what is pooled, twice its own, keeps relu and bias in front of it."""
    ours = gradients(f"loss J = sum({pool.format('relu(c)')}^2)\n")
    kept = gradients(f"r = relu(c)\nloss J = sum({pool.format('(r + r * r) - r * r')}^2)\n")
    for name, array in kept.items():
        np.testing.assert_allclose(ours[name], array, rtol=1e-4, atol=1e-4)


def test_windows_without_a_positive_element_get_nothing() -> None:
    found = gradients("loss J = sum(max_pool2d(relu(c - 100), 2))\n")
    assert not any(array.any() for array in found.values())


def test_a_relu_that_others_read_is_still_there() -> None:
    text = "r = relu(c)\nloss J = sum(max_pool2d(r, 2)^2) + sum(r)\n"
    apart = [
        gradients(f"r = relu(c)\nloss J = {part}\n")
        for part in ("sum(max_pool2d(r, 2)^2)", "sum(r)")
    ]
    for name, array in gradients(text).items():
        np.testing.assert_allclose(array, apart[0][name] + apart[1][name], rtol=1e-4)


def test_a_bias_that_differs_within_a_window_stays_in_front() -> None:
    text = "loss J = sum(max_pool2d(c + x[:, :1, :4, :4], 2)^2)\n"
    graph = optimized(text)
    (pooled,) = [node for node in graph.nodes if node.op is OPS["window_max"]]
    assert graph.nodes[pooled.operands[0]].op is OPS["add"]


def test_equal_ones_share_whatever_is_added() -> None:
    text = "loss J = sum(max_pool2d(relu(c), 2))\n"
    ones = np.ones((1, 2, 6, 6), np.float32)
    model = graphdsl.loads(HEAD + text)
    model.params["w"][...] = 1
    found = model.value_and_grad({"x": ones}, wrt=("x",))[1]["x"]
    # every window has four equal ones: as if it were the mean
    mean = graphdsl.loads(HEAD + text.replace("max_pool2d", "avg_pool2d"))
    mean.params["w"][...] = 1
    wanted = mean.value_and_grad({"x": ones}, wrt=("x",))[1]["x"]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
