"""The losses of the prelude: one value per row, NumPy's values, gradients by differences."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.language.ast import Block
from graphdsl.language.parser import parse
from graphdsl.language.source import Source

RNG = np.random.default_rng(0)
Array = Any


def draw(*shape: int) -> Array:
    return RNG.uniform(-3, 3, shape)


def rows(x: Array) -> Array:
    return x.reshape(len(x), -1).mean(1)


def log_softmax(z: Array) -> Array:
    shifted = z - z.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def huber(a: Array, b: Array, delta: float = 1) -> Array:
    d = np.abs(a - b)
    return rows(np.where(d <= delta, d * d / 2, delta * (d - delta / 2)))


def smooth(z: Array, y: Array, part: float) -> Array:
    k = z.shape[-1]
    wanted = np.eye(k)[y] * (1 - part) + part / k
    return -(wanted * log_softmax(z)).sum(-1)


SIGNS = np.array([1.0, -1, 1, 1])
ONES = np.array([1.0, 0, 1, 1])
PROBABILITIES = np.array([[0.2, 0.3, 0.5], [1, 0, 0], [0.5, 0.5, 0], [0.1, 0.8, 0.1]])
CLASSES = np.array([0, 2, 1, 1])
LOSSES: dict[str, tuple[tuple[Array, ...], Any]] = {
    "row_mean(a)": ((draw(4, 3, 2),), rows),
    "binary_cross_entropy(a, b)": (
        (draw(4), ONES),
        lambda z, y: -y * np.log(1 / (1 + np.exp(-z))) - (1 - y) * np.log(1 / (1 + np.exp(z))),
    ),
    "smooth_cross_entropy(a, b, part = 0.2)": (
        (draw(4, 3), CLASSES),
        lambda z, y: smooth(z, y, 0.2),
    ),
    "absolute_error(a, b)": ((draw(4, 3), draw(4, 3)), lambda a, b: rows(np.abs(a - b))),
    "huber(a, b)": ((draw(4, 3), draw(4, 3)), huber),
    "huber(a, b, delta = 0.5)": ((draw(4), draw(4)), lambda a, b: huber(a, b, 0.5)),
    "log_cosh(a, b)": ((draw(4, 3), draw(4, 3)), lambda a, b: rows(np.log(np.cosh(a - b)))),
    "hinge(a, b)": ((draw(4), SIGNS), lambda z, y: np.maximum(0, 1 - y * z)),
    "kl_divergence(a, b)": (
        (draw(4, 3), PROBABILITIES),
        lambda z, p: (p * (np.log(np.where(p > 0, p, 1)) - log_softmax(z))).sum(-1),
    ),
    "gaussian_nll(a, b, c)": (
        (draw(4, 2), draw(4, 2), draw(4, 2)),
        lambda m, s, y: rows((s + (y - m) ** 2 / np.exp(s)) / 2),
    ),
    "poisson_nll(a, b)": (
        (draw(4), np.array([0.0, 1, 2, 5])),
        lambda z, y: np.exp(z) - y * z,
    ),
}


def model(call: str, operands: tuple[Array, ...]) -> graphdsl.Model:
    lines = ["dim N"]
    for name, value in zip("abc", operands, strict=False):
        sizes = ", ".join(["N", *map(str, value.shape[1:])])
        lines.append(f"input {name}: {'i64' if value.dtype.kind == 'i' else ''}[{sizes}]")
    lines += [f"output y = {call}", "loss J = sum(y * y)"]
    return graphdsl.loads("\n".join(lines), dtype="f64")


@pytest.mark.parametrize("call", LOSSES)
def test_loss(call: str) -> None:
    operands, function = LOSSES[call]
    m = model(call, operands)
    fed = dict(zip("abc", operands, strict=False))
    found = m.run(fed)["y"]
    np.testing.assert_allclose(found, function(*operands), rtol=1e-10, atol=1e-13)
    assert found.shape == (4,)
    _, slope = m.value_and_grad(fed, wrt=["a"])
    along, ends = draw(*operands[0].shape), []
    for step in (1e-6, -1e-6):
        ends.append(m.run({**fed, "a": operands[0] + step * along})["J"].item())
    expected = (ends[0] - ends[1]) / 2e-6
    np.testing.assert_allclose((slope["a"] * along).sum(), expected, rtol=1e-6)


def test_every_loss_is_tested() -> None:
    text = (files("graphdsl") / "prelude" / "losses.gdl").read_text("utf-8")
    declared = {s.name.id for s in parse(Source(text)).statements if isinstance(s, Block)}
    assert declared == {call.partition("(")[0] for call in LOSSES}


@pytest.mark.parametrize("call", ["binary_cross_entropy(a, b)", "log_cosh(a, b)", "huber(a, b)"])
def test_far_out_losses_stay_finite(call: str) -> None:
    a, b = np.array([1e4, -1e4, 0.0, 80]), np.array([0.0, 1, 0, 1])
    m = model(call, (a, b))
    assert np.isfinite(m.run(a=a, b=b)["y"]).all()
    _, slope = m.value_and_grad({"a": a, "b": b}, wrt=["a"])
    assert np.isfinite(slope["a"]).all()


@pytest.mark.parametrize("call", ["huber(a, b)", "kl_divergence(a, b)", "poisson_nll(a, b)"])
def test_loss_is_that_of_torch(call: str) -> None:
    torch = pytest.importorskip("torch", reason="torch, the reference, is not installed")
    operands, _ = LOSSES[call]
    a, b = map(torch.tensor, operands)
    f = torch.nn.functional
    expected = {
        "huber(a, b)": lambda: f.huber_loss(a, b, reduction="none").mean(1),
        "kl_divergence(a, b)": lambda: f.kl_div(a.log_softmax(1), b, reduction="none").sum(1),
        "poisson_nll(a, b)": lambda: f.poisson_nll_loss(a, b, reduction="none"),
    }[call]()
    found = model(call, operands).run(dict(zip("abc", operands, strict=False)))["y"]
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-9, atol=1e-12)
