"""Optimizers, schedules and the settings of the step beside those of optax, 100 steps in f64."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import graphdsl
from prelude.test_optimizers import GOALS, SCALES, START, model, rates

Array = Any
STEPS = 100


@pytest.fixture(scope="module")
def optax() -> Iterator[Any]:
    """The library, its arrays in f64 as long as these tests run."""
    jax = pytest.importorskip("jax", reason="jax, on which the reference stands, is not installed")
    found = pytest.importorskip("optax", reason="optax, the reference, is not installed")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield found
    jax.config.update("jax_enable_x64", before)


def descend(optax: Any, rule: Any, goals: Array = GOALS) -> Array:
    """The parameters after each step of a transformation of gradients."""
    import jax

    p, path = START.copy(), []
    state, update = rule.init(p), jax.jit(rule.update)
    for goal in goals:
        updates, state = update(SCALES * (p - goal), state, p)
        p = np.asarray(optax.apply_updates(p, updates))
        path.append(p)
    return np.array(path)


OPTIMIZERS = {
    "sgd(lr = 0.05)": lambda o: o.sgd(0.05),
    "sgd(lr = 0.05, momentum = 0.9)": lambda o: o.sgd(0.05, 0.9),
    "nesterov(lr = 0.05)": lambda o: o.sgd(0.05, 0.9, nesterov=True),
    "momentum(lr = 0.05, beta = 0.8)": lambda o: o.chain(o.ema(0.8, debias=False), o.scale(-0.05)),
    "rmsprop(lr = 0.05, alpha = 0.9)": lambda o: o.rmsprop(0.05, 0.9, eps_in_sqrt=False),
    "adadelta": lambda o: o.adadelta(1.0),
    "adam(lr = 0.1, beta1 = 0.8)": lambda o: o.adam(0.1, b1=0.8),
    "adamw(lr = 0.1, decay = 0.3)": lambda o: o.adamw(0.1, weight_decay=0.3),
    "lion(lr = 0.01, decay = 0.1)": lambda o: o.lion(0.01, weight_decay=0.1),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizer_is_that_of_optax(optimizer: str, optax: Any) -> None:
    wanted = descend(optax, OPTIMIZERS[optimizer](optax))
    np.testing.assert_allclose(model(optimizer), wanted, rtol=1e-6)


SCHEDULES = {
    "constant(0.1)": lambda o: o.constant_schedule(0.1),
    "cosine(0.1)": lambda o: o.cosine_decay_schedule(0.1, STEPS),
    "cosine(0.1, warmup = 20, final = 0.01)": lambda o: o.warmup_cosine_decay_schedule(
        0, 0.1, 20, STEPS, 0.01
    ),
    "linear_warmup(0.1, 10)": lambda o: o.linear_schedule(0, 0.1, 10),
    "exponential(0.1, 0.8)": lambda o: o.exponential_decay(0.1, 10, 0.8, staircase=True),
    "step_decay(0.1, 3)": lambda o: o.exponential_decay(0.1, 30, 0.1, staircase=True),
}
BY_EPOCH = ("exponential", "step_decay")


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedule_is_that_of_optax(schedule: str, optax: Any) -> None:
    """Steps are counted from 1 here and from 0 there; epochs, of ten steps, from 0."""
    first = 0 if schedule.startswith(BY_EPOCH) else 1
    made = SCHEDULES[schedule](optax)
    wanted = [float(made(count)) for count in range(first, first + STEPS)]
    np.testing.assert_allclose(rates(schedule), wanted, rtol=1e-6, atol=1e-9)


BOWL = """
input goal: [6]
input scale: [6]
param W: [6] = 0
loss J = sum(scale * (W - goal)^2) / 2
"""


def path(line: str) -> tuple[Array, Array]:
    """The parameters after each batch, and their averages in the end."""
    made = graphdsl.loads(
        f"{BOWL}train {{\n  optimizer = adam(lr = 0.1)\n  {line}\n}}", dtype="f64"
    )
    made.params["W"][...] = START
    trainer, found = made.trainer(), []
    for goal in GOALS:
        trainer.step(goal=goal, scale=SCALES)
        found.append(made.params["W"].copy())
    trainer.take_average()
    return np.array(found), made.params["W"].copy()


SETTINGS = {
    "clip_norm = 0.7": lambda o: o.chain(o.clip_by_global_norm(0.7), o.adam(0.1)),
    "clip_value = 0.4": lambda o: o.chain(o.clip(0.4), o.adam(0.1)),
    "accumulate = 4": lambda o: o.MultiSteps(o.adam(0.1), 4, accumulator_dtype=np.float64),
    "accumulate = 5\n  clip_norm = 0.2": lambda o: o.MultiSteps(
        o.chain(o.clip_by_global_norm(0.2), o.adam(0.1)), 5, accumulator_dtype=np.float64
    ),
    'scale_lr = {"W": 0.5}': lambda o: o.adam(0.05),
}


@pytest.mark.parametrize("line", SETTINGS)
def test_the_step_is_that_of_optax(line: str, optax: Any) -> None:
    wanted = descend(optax, SETTINGS[line](optax))
    np.testing.assert_allclose(path(line)[0], wanted, rtol=1e-6)


def test_the_average_is_that_of_optax(optax: Any) -> None:
    weights, average = path("average = 0.95")
    rule = optax.ema(0.95)
    state = rule.init(START)
    for one in weights:
        wanted, state = rule.update(one, state)
    np.testing.assert_allclose(average, wanted, rtol=1e-6)
