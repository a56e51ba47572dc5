"""The reverse sweep: linear, deep, and right where operands are broadcast or repeated."""

from __future__ import annotations

import resource
import time

import numpy as np
import pytest

import graphdsl
from graphdsl.compiler.differentiate import differentiate
from graphdsl.driver import compile_source
from graphdsl.graph.types import DType
from graphdsl.language.source import Source


def chain(length: int) -> str:
    lines = [f"a{i + 1} = a{i} + a0" if i % 2 else f"a{i + 1} = sin(a{i})" for i in range(length)]
    return "\n".join(["input a0: [2]", *lines, f"loss J = sum(a{length})", ""])


def gradients(text: str, wrt: tuple[str, ...], **feeds: object) -> dict[str, np.ndarray]:
    return graphdsl.loads(text, dtype="f64").value_and_grad(feeds, of="J", wrt=wrt)[1]


@pytest.mark.parametrize(
    ("expression", "x", "z", "dx", "dz"),
    [
        ("x * x", [1, 2, 3], 0, [2, 4, 6], 0),
        ("x * x * x", [1, 2, 3], 0, [3, 12, 27], 0),
        ("x + x + x", [1, 2, 3], 0, [3, 3, 3], 0),
        ("x - x", [1, 2, 3], 0, [0, 0, 0], 0),
        ("x / x", [1, 2, 3], 0, [0, 0, 0], 0),
        ("x * z", [1, 2, 3], 2, [2, 2, 2], 6),
        ("(x - z)^2", [1, 2, 3], 2, [-2, 0, 2], 0),
        ("z + 0 * x", [1, 2, 3], 2, [0, 0, 0], 3),
        ("maximum(x, x)", [1, 2, 3], 0, [1, 1, 1], 0),
        ("reshape(x, [3, 1]) * x", [1, 2, 3], 0, [12, 12, 12], 0),
        ("where(x > z, x, z)", [1, 2, 3], 2, [0, 0, 1], 2),
        ("concat(x, x, x)", [1, 2, 3], 0, [3, 3, 3], 0),
        ("x[cast([0, 0, 1], i64)]", [1, 2, 3], 0, [2, 1, 0], 0),
    ],
)
def test_broadcast_and_repeated_operands(
    expression: str, x: list[float], z: float, dx: list[float], dz: float
) -> None:
    text = f"input x: [3]\ninput z\ny = {expression}\nloss J = sum(y) + 0 * z + 0 * sum(x)\n"
    found = gradients(text, ("x", "z"), x=x, z=z)
    np.testing.assert_allclose(found["x"], dx)
    np.testing.assert_allclose(found["z"], dz)
    assert found["x"].shape == (3,)
    assert found["z"].shape == ()


def test_gradients_of_what_the_loss_does_not_reach_are_zeros() -> None:
    text = "input x: [3]\ninput z: [2, 2]\nu = z * 2\nloss J = sum(stop_gradient(x))\n"
    found = gradients(text, ("x", "z", "u"), x=[1, 2, 3], z=np.ones((2, 2)))
    np.testing.assert_array_equal(found["x"], np.zeros(3))
    np.testing.assert_array_equal(found["z"], np.zeros((2, 2)))
    np.testing.assert_array_equal(found["u"], np.zeros((2, 2)))


def test_the_gradient_of_itself_is_one() -> None:
    assert gradients("input x\nloss J = x\n", ("J", "x"), x=3) == {"J": 1, "x": 1}


def test_a_wide_sum_over_symbolic_axes() -> None:
    text = "dim N, T\ninput x: [N, T]\ninput r: [T]\ninput c: [N, 1]\nloss J = sum(x * r * c)\n"
    random = np.random.default_rng(0)
    x, r, c = random.normal(size=(4, 3)), random.normal(size=3), random.normal(size=(4, 1))
    found = gradients(text, ("x", "r", "c"), x=x, r=r, c=c)
    np.testing.assert_allclose(found["x"], r * c)
    np.testing.assert_allclose(found["r"], (x * c).sum(0))
    np.testing.assert_allclose(found["c"], (x * r).sum(1, keepdims=True))


def nodes_after(length: int) -> int:
    graph = compile_source(Source(chain(length)), float=DType.f64).graph()
    loss = graph.loss
    assert loss is not None
    return len(differentiate(graph, loss.node, graph.inputs).nodes)


def test_the_sweep_is_linear_in_nodes() -> None:
    one, two, three = (nodes_after(n) for n in (50, 100, 150))
    assert three - two == two - one > 0


def fan(length: int) -> str:
    """Each node read twice: paths double, nodes do not."""
    lines = [f"a{i + 1} = a{i} * 0.5 + a{i} * 0.5" for i in range(length)]
    return "\n".join(["input a0", *lines, f"loss J = a{length}", ""])


def test_paths_that_double() -> None:
    assert gradients(fan(200), ("a0",), a0=3.0)["a0"] == pytest.approx(1)


def check_chain(length: int) -> float:
    """The gradient of a long chain, by hand too; seconds from text to result."""
    text = chain(length)
    before = time.perf_counter()
    found = gradients(text, ("a0",), a0=[0.3, -2.0])["a0"]
    taken = time.perf_counter() - before
    a0 = a = np.array([0.3, -2.0])
    wanted = np.ones(2)
    for i in range(length):
        wanted = wanted + 1 if i % 2 else wanted * np.cos(a)
        a = a + a0 if i % 2 else np.sin(a)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    return taken


def test_a_deep_chain() -> None:
    check_chain(3000)


@pytest.mark.nightly
def test_a_chain_of_20_000_takes_half_a_minute_and_twice_that_twice_as_long() -> None:
    half, whole = check_chain(10_000), check_chain(20_000)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"10,000: {half:.1f} s; 20,000: {whole:.1f} s; peak {peak:.2f} GiB")
    assert whole < 30
    assert whole < 3 * half
    assert peak < 1.5
