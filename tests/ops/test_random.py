"""Random ops: their distributions, and that seed, name and step alone decide what is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphdsl

Array = Any
TEXT = """
dim N
input x: [N]
u = uniform([N], low = -1, high = 3)
n = normal([N, 2], mean = 5, std = 0.5)
b = bernoulli([N], p = 0.2)
d = dropout_mask(x, rate = 0.25)
output us = u + 0 * x
output ns = n
output bs = b
output ds = d
output ms = x * dropout_mask(x, rate = 0)
"""
X = np.ones(40_000)


def drawn(dtype: str = "f64", seed: int = 0, text: str = TEXT) -> dict[str, Array]:
    return graphdsl.loads(text, dtype=dtype, seed=seed).run(x=X)


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_distributions(dtype: str) -> None:
    found = drawn(dtype)
    u, n, b, d = (found[name] for name in ("us", "ns", "bs", "ds"))
    assert {x.dtype for x in (u, n, d)} == {np.dtype(dtype.replace("f", "float"))}
    assert u.min() >= -1
    assert u.max() <= 3
    np.testing.assert_allclose([u.mean(), u.std()], [1, 4 / np.sqrt(12)], rtol=0.02)
    np.testing.assert_allclose([n.mean(), n.std()], [5, 0.5], rtol=0.01)
    assert b.dtype == np.bool_
    np.testing.assert_allclose(b.mean(), 0.2, atol=0.01)
    np.testing.assert_allclose(np.unique(d), [0, 4 / 3], rtol=1e-6)
    np.testing.assert_allclose((d == 0).mean(), 0.25, atol=0.01)
    np.testing.assert_array_equal(found["ms"], X)


def test_the_same_seed_draws_the_same() -> None:
    first, second, other = drawn(), drawn(), drawn(seed=1)
    for name in ("us", "ns", "bs", "ds"):
        np.testing.assert_array_equal(first[name], second[name])
        assert (first[name] != other[name]).any()


def test_streams_do_not_depend_on_each_other() -> None:
    apart = drawn(text=TEXT.replace("n = normal([N, 2], mean = 5, std = 0.5)", "n = x"))
    np.testing.assert_array_equal(drawn()["us"], apart["us"])


def test_equal_calls_are_never_shared() -> None:
    text = "dim N\ninput x: [N]\nu = uniform([N]) - uniform([N])\noutput y = u + 0 * x"
    assert (drawn(text=text)["y"] != 0).mean() > 0.99


def test_steps_draw_anew_and_again() -> None:
    text = """
        dim N
        input x: [N]
        param a = 0
        loss J = sum(x * uniform([N])) + 0 * a
        train { optimizer = sgd }
    """

    def losses() -> list[float]:
        trainer = graphdsl.loads(text, dtype="f64").trainer()
        return [trainer.step(x=X) for _ in range(4)]

    assert len(set(losses())) == 4
    assert losses() == losses()


def test_gradient_uses_the_numbers_of_the_forward_sweep() -> None:
    text = """
        dim N
        input x: [N]
        u = normal([N])
        loss J = sum(u * x)
        output y = u + 0 * x
    """
    m = graphdsl.loads(text, dtype="f64")
    _, found = m.value_and_grad(x=X, wrt=["x"])
    np.testing.assert_array_equal(found["x"], m.run(x=X)["y"])
