"""The layers of the prelude: values beside NumPy's, gradients by differences, both modes."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.language.ast import Block, Param, State
from graphdsl.language.parser import parse
from graphdsl.language.source import Source
from prelude.layers import (
    Array,
    check_gradients,
    draw,
    feeds,
    model,
    softmax,
    unit,
)


def attention(p: Any, x: Array, heads: int, causal: bool, name: str = "h") -> Array:
    rows, time, d = x.shape

    def parts(which: str) -> Array:
        made = x @ p[f"{name}.{which}.W"] + p[f"{name}.{which}.b"]
        return made.reshape(rows, time, heads, d // heads).transpose(0, 2, 1, 3)

    q, k, v = map(parts, "qkv")
    scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(d // heads)
    if causal:
        scores = np.where(np.tri(time, dtype=bool), scores, -np.inf)
    joined = (softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(rows, time, d)
    return joined @ p[f"{name}.out.W"] + p[f"{name}.out.b"]


def gelu(x: Array) -> Array:
    return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def transformer(p: Any, x: Array) -> Array:
    names = list(p)
    first, second = (n[:-2] for n in names if n.endswith(".g"))
    seen = unit(x) * p[f"{first}.g"] + p[f"{first}.b"]
    middle = x + attention(p, seen, 2, True, "h.seen")
    inner = unit(middle) * p[f"{second}.g"] + p[f"{second}.b"]
    inner = gelu(inner @ p["h.inner.W"] + p["h.inner.b"])
    return middle + inner @ p["h.outer.W"] + p["h.outer.b"]


def conv1d(p: Any, x: Array) -> Array:
    x = np.pad(x, [(0, 0), (0, 0), (1, 1)])
    seen = np.lib.stride_tricks.sliding_window_view(x, 3, 2)
    return np.maximum(np.einsum("ncik,ock->noi", seen, p["h.W"]) + p["h.b"][:, None], 0)


def conv2d(p: Any, x: Array) -> Array:
    seen = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))[:, :, ::2, ::2]
    return np.einsum("ncijkl,ockl->noij", seen, p["h.W"]) + p["h.b"][:, None, None]


def residual(p: Any, x: Array) -> Array:
    inner = np.maximum(x @ p["h.inner.W"] + p["h.inner.b"], 0)
    return x + inner @ p["h.outer.W"] + p["h.outer.b"]


LAYERS: dict[str, tuple[str, Any]] = {
    "Dense(x, 5, act = tanh)": ("N, 4", lambda p, x: np.tanh(x @ p["h.W"] + p["h.b"])),
    "Conv1d(x, 4, padding = 1, act = relu)": ("N, 3, 5", conv1d),
    "Conv2d(x, 4, stride = 2)": ("N, 3, 5, 7", conv2d),
    "LayerNorm(x)": ("N, 6, 8", lambda p, x: unit(x) * p["h.g"] + p["h.b"]),
    "Residual(x, 5)": ("N, 6, 8", residual),
    "MultiHeadAttention(x, 2)": ("N, 4, 6", lambda p, x: attention(p, x, 2, False)),
    "MultiHeadAttention(x, 3, causal = true)": (
        "N, 4, 6",
        lambda p, x: attention(p, x, 3, True),
    ),
    "TransformerBlock(x, 2, causal = true)": ("N, 4, 6", transformer),
}


@pytest.mark.parametrize("call", LAYERS)
def test_layer(call: str) -> None:
    shape, function = LAYERS[call]
    m = model(call, shape)
    fed = feeds(m)
    np.testing.assert_allclose(m.run(x=fed["x"])["y"], function(m.params, fed["x"]), rtol=1e-9)
    check_gradients(m, fed)
    _, found = m.value_and_grad(fed, wrt=["x"])
    assert found["x"].shape == fed["x"].shape


@pytest.mark.parametrize(
    ("call", "shape"),
    [
        ("Conv2d(x, 3, stride = 2, padding = 1, act = tanh)", "N, 2, 4, 5"),
        ("max_pool2d(Conv2d(x, 2, act = tanh), size = 2)", "N, 2, 6, 6"),
        ("avg_pool1d(Conv1d(x, 2, act = tanh), size = 2)", "N, 2, 6"),
        ("TransformerBlock(x, 2, causal = true)", "N, 3, 4"),
        ("BatchNorm(tanh(Dense(x, 4)))", "N, 3"),
    ],
)
def test_second_order(call: str, shape: str) -> None:
    """The gradient of a squared gradient, by differences."""
    m = model(call, shape, "y0 = 0 * sum(w)")
    text = m.compilation.program.source.text
    text = text.replace("loss J = sum(h * sum(w)) / 3 + sum(h^2)", "E = sum(h^2) / 2")
    text = text.replace("train {", "s = grad(E, x)\nloss J = sum(s^2 * w) + y0\ntrain {")
    made = graphdsl.loads(text, dtype="f64")
    for name, view in made.params.items():
        view[...] = m.params[name]
    check_gradients(made, feeds(made), training=True)


@pytest.mark.parametrize("shape", ["N, 4", "N, 4, 3", "N, 4, 3, 2"])
def test_batch_norm(shape: str) -> None:
    m = model("BatchNorm(x)", shape)
    fed, p = feeds(m, 5), m.params
    x = fed["x"]
    axes = tuple(a for a in range(x.ndim) if a != 1)
    scales = [v.reshape([-1 if a == 1 else 1 for a in range(x.ndim)]) for v in p.values()]
    plain = x / np.sqrt(1 + 1e-5) * scales[0] + scales[1]
    np.testing.assert_allclose(m.run(x=x)["y"], plain, rtol=1e-12)
    made = unit(x, axes) * scales[0] + scales[1]
    loss = (made * fed["w"].sum()).sum() / 3 + (made**2).sum()
    found, _ = m.value_and_grad(fed, training=True)
    np.testing.assert_allclose(found, loss)
    check_gradients(m, fed, training=True)
    check_gradients(m, fed)
    np.testing.assert_array_equal(m.states["h.m"], 0)
    m.trainer().step(fed)
    count = x.size / x.shape[1]
    np.testing.assert_allclose(m.states["h.m"], 0.1 * x.mean(axes))
    expected = 0.9 + 0.1 * x.var(axes) * count / (count - 1)
    np.testing.assert_allclose(m.states["h.v"], expected)
    scaled = (x - channel(m.states["h.m"], x)) / np.sqrt(channel(m.states["h.v"], x) + 1e-5)
    scales = [channel(v, x) for v in p.values()]
    np.testing.assert_allclose(m.run(x=x)["y"], scaled * scales[0] + scales[1], rtol=1e-9)


def channel(scale: Array, x: Array) -> Array:
    return scale.reshape([-1 if a == 1 else 1 for a in range(x.ndim)])


def test_batch_norm_of_one_row_stays_finite() -> None:
    m = model("BatchNorm(x)", "N, 4")
    m.trainer().step(feeds(m, 1))
    assert all(np.isfinite(v).all() for v in m.states.values())


def test_dropout_in_both_modes() -> None:
    text = """
        dim N
        input x: [N, 40]
        param W: [40, 30] = 1
        param V: [30, 2] = 1
        h = x @ W
        d = Dropout(h, 0.25)
        output y = d
        loss J = mean(d @ V)
        train { optimizer = sgd(lr = 0.1) }
    """
    m = graphdsl.loads(text, dtype="f64", seed=1)
    x = np.abs(draw(1, 40)) + 0.1
    np.testing.assert_allclose(m.run(x=x)["y"], np.full((1, 30), x.sum()))
    trainer = m.trainer()
    trainer.step(x=x)
    dropped = (m.params["V"] == 1).all(1)
    assert 0 < dropped.sum() < 25
    np.testing.assert_array_equal((m.params["W"] == 1).all(0), dropped)
    changed = 1 - m.params["V"][~dropped]  # the gradient of V is what was left of h, over 0.75
    np.testing.assert_allclose(changed, 0.1 * x.sum() / 0.75 / 2)
    before = m.params["V"].copy()
    trainer.step(x=x)
    assert ((m.params["V"] == before).all(1) != dropped).any()


def test_dropout_is_drawn_by_seed_name_and_step() -> None:
    text = """
        dim N
        input x: [N]
        param a: [1] = 0
        u = Dropout(x)
        v = Dropout(x)
        loss J = sum(u * [1] + 0 * v) + sum(0 * a)
        metric same = sum(u) - sum(v)
        train { optimizer = sgd }
    """
    x = np.arange(1, 65.0)

    def losses(seed: int, source: str = text) -> list[float]:
        trainer = graphdsl.loads(source, dtype="f64", seed=seed).trainer()
        return [trainer.step(x=x) for _ in range(3)]

    assert losses(1) == losses(1)
    assert losses(1) != losses(2)
    assert len(set(losses(1))) == 3
    assert losses(1) == losses(1, text.replace("v = Dropout(x)", "v = x"))
    assert losses(1) != losses(1, text.replace("u = D", "q = D").replace("(u", "(q"))


def test_embedding() -> None:
    text = "dim N\ninput i: i64[N, 2]\nh = Embedding(i, 7, 3)\nloss J = sum(h^2)\noutput y = h"
    m = graphdsl.loads(text, dtype="f64")
    i = np.array([[1, 1], [6, 0]])
    np.testing.assert_array_equal(m.run(i=i)["y"], m.params["h.W"][i])
    check_gradients(m, {"i": i})


@pytest.mark.parametrize("file", ["layers", "losses", "optimizers", "schedules"])
def test_every_declaration_is_documented(file: str) -> None:
    text = (files("graphdsl") / "prelude" / f"{file}.gdl").read_text("utf-8")
    for statement in parse(Source(text, f"{file}.gdl")).statements:
        assert statement.doc
        if isinstance(statement, Block):
            owns = any(isinstance(s, Param | State) for s in statement.body)
            assert statement.name.id[0].isupper() or not owns
