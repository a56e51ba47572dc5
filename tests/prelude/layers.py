"""What tests of layers share: a model of one layer, its feeds, its gradients by differences, and
parts of layers in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

import graphdsl

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
    """Values from -2 to 2."""
    return RNG.uniform(-2, 2, shape)


def feeds(m: graphdsl.Model, rows: int = 3) -> dict[str, Array]:
    """Both inputs of a `model`, of so many rows."""
    shape = [rows, *(int(str(s)) for s in m.inputs["x"].shape[1:])]
    return {"x": draw(*shape), "w": draw(*shape)}


def sigmoid(x: Array) -> Array:
    """As NumPy has it."""
    return 1 / (1 + np.exp(-x))


def softmax(x: Array) -> Array:
    """Over the last axis."""
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def unit(x: Array, axis: Any = -1) -> Array:
    """At mean 0 and variance 1 over `axis`."""
    centred = x - x.mean(axis, keepdims=True)
    return centred / np.sqrt(x.var(axis, keepdims=True) + 1e-5)


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
