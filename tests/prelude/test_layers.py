"""The layers of the prelude: values beside NumPy's, gradients by differences, both modes; beside
torch where it is installed."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.language.ast import Block, Param, State
from graphdsl.language.parser import parse
from graphdsl.language.source import Source

RNG = np.random.default_rng(0)
Array = Any


def model(call: str, shape: str = "N, 6, 8", head: str = "") -> graphdsl.Model:
    """One layer; parameters drawn anew, so that none of them is 0 or 1."""
    text = f"""
        dim N
        input x: [{shape}]
        input w: [{shape}]
        {head}
        h = {call}
        output y = h
        loss J = sum(h * sum(w)) / 3 + sum(h^2)
        train {{ optimizer = sgd(lr = 0.01) }}
    """
    made = graphdsl.loads(text, dtype="f64")
    for view in made.params.values():
        view[...] = RNG.uniform(-0.7, 0.7, view.shape)
    return made


def draw(*shape: int) -> Array:
    return RNG.uniform(-2, 2, shape)


def feeds(m: graphdsl.Model, rows: int = 3) -> dict[str, Array]:
    shape = [rows, *(int(str(s)) for s in m.inputs["x"].shape[1:])]
    return {"x": draw(*shape), "w": draw(*shape)}


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def unit(x: Array, axis: Any = -1) -> Array:
    centred = x - x.mean(axis, keepdims=True)
    return centred / np.sqrt(x.var(axis, keepdims=True) + 1e-5)


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


def check_gradients(m: graphdsl.Model, fed: dict[str, Array], training: bool = False) -> None:
    """Against central differences along two random directions."""
    _, found = m.value_and_grad(fed, training=training)
    for seed in range(2):
        rng, slope = np.random.default_rng(seed), 0.0
        along = {name: rng.standard_normal(view.shape) for name, view in m.params.items()}
        ends = []
        for step in (1e-5, -2e-5):
            for name, view in m.params.items():
                view += step * along[name]
            ends.append(m.value_and_grad(fed, training=training)[0])
        for name, view in m.params.items():
            view += 1e-5 * along[name]
            slope += float((found[name] * along[name]).sum())
        np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-5, rtol=1e-6)


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


def test_attention_does_not_look_ahead() -> None:
    m = model("TransformerBlock(x, 2, causal = true)", "N, 5, 6")
    x = draw(2, 5, 6)
    before = m.run(x=x)["y"]
    x[:, 3:] += 1
    np.testing.assert_array_equal(m.run(x=x)["y"][:, :3], before[:, :3])


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


def test_embedding() -> None:
    text = "dim N\ninput i: i64[N, 2]\nh = Embedding(i, 7, 3)\nloss J = sum(h^2)\noutput y = h"
    m = graphdsl.loads(text, dtype="f64")
    i = np.array([[1, 1], [6, 0]])
    np.testing.assert_array_equal(m.run(i=i)["y"], m.params["h.W"][i])
    check_gradients(m, {"i": i})


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


def test_attention_is_that_of_torch() -> None:
    torch = pytest.importorskip("torch", reason="torch, the reference, is not installed")
    m = model("MultiHeadAttention(x, 2, causal = true)", "N, 4, 6")
    theirs = torch.nn.MultiheadAttention(6, 2, batch_first=True).double()
    p = {name: torch.tensor(view) for name, view in m.params.items()}
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([p[f"h.{k}.W"].T for k in "qkv"]))
        theirs.in_proj_bias.copy_(torch.cat([p[f"h.{k}.b"] for k in "qkv"]))
        theirs.out_proj.weight.copy_(p["h.out.W"].T)
        theirs.out_proj.bias.copy_(p["h.out.b"])
    x = draw(3, 4, 6)
    mask = torch.triu(torch.ones(4, 4, dtype=torch.bool), 1)
    t = torch.tensor(x)
    expected, _ = theirs(t, t, t, attn_mask=mask)
    np.testing.assert_allclose(m.run(x=x)["y"], expected.detach().numpy(), rtol=1e-8)


@pytest.mark.parametrize("shape", [(3, 1, 1, 5), (4, 5), (3, 2, 4, 5)])
def test_masked_attention_is_that_of_torch(shape: tuple[int, ...]) -> None:
    """Of keys, of pairs, and of each head its own; with its gradients."""
    torch = pytest.importorskip("torch", reason="torch, the reference, is not installed")
    sizes = ", ".join(map(str, shape))
    text = (
        f"input q: [3, 2, 4, 6]\ninput k: [3, 2, 5, 6]\ninput v: [3, 2, 5, 7]\n"
        f"input m: bool[{sizes}]\noutput y = masked_attention(q, k, v, m)\nJ = sum(y^2)\n"
        "output gq = grad(J, q)\noutput gk = grad(J, k)\noutput gv = grad(J, v)\n"
    )
    seen = draw(*shape) > 0
    seen[..., 0] = True
    q, k, v = (draw(3, 2, *rest) for rest in ((4, 6), (5, 6), (5, 7)))
    found = graphdsl.loads(text, dtype="f64").run(q=q, k=k, v=v, m=seen)
    leaves = [torch.tensor(x, requires_grad=True) for x in (q, k, v)]
    attend = torch.nn.functional.scaled_dot_product_attention
    expected = attend(*leaves, attn_mask=torch.tensor(seen))
    (expected**2).sum().backward()
    np.testing.assert_allclose(found["y"], expected.detach().numpy(), rtol=1e-10)
    for name, leaf in zip("qkv", leaves, strict=True):
        np.testing.assert_allclose(found[f"g{name}"], leaf.grad.numpy(), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("file", ["layers", "losses", "optimizers", "schedules"])
def test_every_declaration_is_documented(file: str) -> None:
    text = (files("graphdsl") / "prelude" / f"{file}.gdl").read_text("utf-8")
    for statement in parse(Source(text, f"{file}.gdl")).statements:
        assert statement.doc
        if isinstance(statement, Block):
            owns = any(isinstance(s, Param | State) for s in statement.body)
            assert statement.name.id[0].isupper() or not owns
