"""L8, L9 and L10: optimizers written in the files, beside the lecture's formulas in NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import graphdsl
from lecture.files import LECTURE, Array, Arrays, copied, load, put, read_crescents

STEPS = 100
Rule = Callable[[Array, Array, dict[str, Array], int], Array]
X, Y = read_crescents()


def average(p: Array, g: Array, kept: dict[str, Array], t: int) -> Array:
    kept["m"] = 0.9 * kept["m"] + (1 - 0.9) * g
    return p - 0.5 * kept["m"]


def classical(p: Array, g: Array, kept: dict[str, Array], t: int) -> Array:
    kept["m"] = 0.9 * kept["m"] + g
    return p - 0.05 * kept["m"]


def ahead(p: Array, g: Array, kept: dict[str, Array], t: int) -> Array:
    kept["m"] = 0.9 * kept["m"] + g
    return p - 0.05 * (g + 0.9 * kept["m"])


def by_root_mean_square(p: Array, g: Array, kept: dict[str, Array], t: int) -> Array:
    kept["v"] = 0.9 * kept["v"] + (1 - 0.9) * g**2
    return p - 0.01 * g / (np.sqrt(kept["v"]) + 1e-8)


def by_moments(p: Array, g: Array, kept: dict[str, Array], t: int) -> Array:
    kept["m"] = 0.9 * kept["m"] + (1 - 0.9) * g
    kept["v"] = 0.999 * kept["v"] + (1 - 0.999) * g**2
    m_hat, v_hat = kept["m"] / (1 - 0.9**t), kept["v"] / (1 - 0.999**t)
    return p - 0.01 * m_hat / (np.sqrt(v_hat) + 1e-8)


RULES: dict[str, tuple[str, Rule]] = {
    "average": ("l9", average),
    "classical": ("l9", classical),
    "ahead": ("l9", ahead),
    "by_root_mean_square": ("l10", by_root_mean_square),
    "by_moments": ("l10", by_moments),
}
RATES = {"average": 0.5, "classical": 0.05, "ahead": 0.05}


def batches(count: int, size: int = 20) -> list[Arrays]:
    rng = np.random.default_rng(0)
    rows = [rng.permutation(len(X))[:size] for _ in range(count)]
    return [{"x": X[r], "y": Y[r]} for r in rows]


def with_optimizer(file: str, name: str) -> graphdsl.Model:
    """The file as it is once its last block names another of its optimizers."""
    text = (LECTURE / f"{file}.gdl").read_text("utf-8")
    head, said, tail = text.rpartition("optimizer = ")
    assert said
    rest = tail.partition("\n")[2]
    return graphdsl.loads(f"{head}{said}{name}(lr = {RATES.get(name, 0.01)})\n{rest}", dtype="f64")


def descend(model: graphdsl.Model, rule: Rule, fed: list[Arrays]) -> list[Arrays]:
    """The parameters after each step of a rule in NumPy; the model gives gradients alone."""
    params = copied(model)
    kept = {name: {"m": np.zeros_like(p), "v": np.zeros_like(p)} for name, p in params.items()}
    path = []
    for t, batch in enumerate(fed, 1):
        put(model, params)
        _, gradients = model.value_and_grad(batch)
        params = {n: rule(p, gradients[n], kept[n], t) for n, p in params.items()}
        path.append(params)
    return path


@pytest.mark.parametrize("name", RULES)
def test_a_hundred_steps_are_those_of_the_formulas(name: str) -> None:
    file, rule = RULES[name]
    model, other = with_optimizer(file, name), with_optimizer(file, name)
    fed, trainer = batches(STEPS), model.trainer()
    for batch, wanted in zip(fed, descend(other, rule, fed), strict=True):
        trainer.step(batch)
        for one, array in wanted.items():
            np.testing.assert_allclose(model.params[one], array, rtol=1e-8, atol=1e-10)


def test_the_average_is_classical_momentum_at_a_tenth_of_the_rate() -> None:
    models = [with_optimizer("l9", name) for name in ("average", "classical")]
    trainers = [model.trainer() for model in models]
    for batch in batches(STEPS):
        for trainer in trainers:
            trainer.step(batch)
    for name, array in models[0].params.items():
        np.testing.assert_allclose(models[1].params[name], array, rtol=1e-8, atol=1e-10)


# --- L8: accumulation ----------------------------------------------------------------------------


def test_passes_of_a_minibatch_are_one_step_and_the_sum_is_cleared() -> None:
    """Four passes of 10 rows move the parameters once, to where one pass of 40 does; twice."""
    model = load("l8")
    params, trainer = copied(model), model.trainer()
    for start in (0, 40, 80):
        rows = slice(start, start + 40)
        other = load("l8")
        put(other, params)
        _, whole = other.value_and_grad(x=X[rows], y=Y[rows])
        for part in range(4):
            for name, array in params.items():
                np.testing.assert_array_equal(model.params[name], array)
            own = slice(start + 10 * part, start + 10 * part + 10)
            trainer.step(x=X[own], y=Y[own])
        params = {name: p - 0.5 * whole[name] for name, p in params.items()}
        for name, array in params.items():
            np.testing.assert_allclose(model.params[name], array, rtol=1e-10, atol=1e-13)
        params = copied(model)


def test_the_sum_of_parts_is_the_gradient_of_the_whole() -> None:
    """Of the model as it is: losses and gradients of unequal parts, weighed by their rows."""
    model = load("l8")
    value, whole = model.value_and_grad(x=X[:40], y=Y[:40])
    parts = [slice(0, 7), slice(7, 19), slice(19, 40)]
    found = [model.value_and_grad(x=X[p], y=Y[p]) for p in parts]
    shares = [(p.stop - p.start) / 40 for p in parts]
    assert sum(s * v for s, (v, _) in zip(shares, found, strict=True)) == pytest.approx(value)
    for name, gradient in whole.items():
        summed = sum(s * g[name] for s, (_, g) in zip(shares, found, strict=True))
        np.testing.assert_allclose(summed, gradient, rtol=1e-10, atol=1e-14)
