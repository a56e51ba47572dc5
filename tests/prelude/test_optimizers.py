"""Every optimizer of the prelude beside an independent formula, and beside torch where it has one.

100 steps on a quadratic bowl in f64; all have to agree to 1e-6 relative (they agree to 1e-12).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.resources import files
from math import pi
from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.language.ast import Block, Optimizer
from graphdsl.language.parser import parse
from graphdsl.language.source import Source

RNG = np.random.default_rng(0)
START = RNG.standard_normal(6)
SCALES = RNG.uniform(0.3, 3, 6)
GOALS = RNG.standard_normal((100, 6))
Array = Any
Rule = Callable[..., Iterator[Array]]


def model(optimizer: str, steps: int = 100) -> Array:
    """The parameters after each step, as the language has them."""
    m = graphdsl.loads(
        f"""
        input goal: [6]
        input scale: [6]
        param W: [6] = 0
        loss J = sum(scale * (W - goal)^2) / 2
        train {{ optimizer = {optimizer} }}
        """,
        dtype="f64",
    )
    m.params["W"][...] = START
    trainer = m.trainer()
    trainer.total_steps = steps
    found = []
    for step in range(steps):
        trainer.epoch = step // 10
        trainer.step(goal=GOALS[step], scale=SCALES)
        found.append(m.params["W"].copy())
    return np.array(found)


def formula(rule: Callable[[Array, Array, int, dict[str, Any]], Array]) -> Array:
    """The parameters after each step, by a rule `(p, g, t, memory) -> p` in NumPy."""
    p, memory, found = START.copy(), dict[str, Any](), []
    for t in range(1, 101):
        p = rule(p, SCALES * (p - GOALS[t - 1]), t, memory)
        found.append(p)
    return np.array(found)


def sgd(p: Array, g: Array, t: int, s: dict[str, Any]) -> Array:
    s["m"] = 0.9 * s.get("m", 0) + g + 0.1 * p
    return p - 0.05 * s["m"]


def momentum(p: Array, g: Array, t: int, s: dict[str, Any]) -> Array:
    s["m"] = 0.8 * s.get("m", 0) + (1 - 0.8) * g
    return p - 0.05 * s["m"]


def nesterov(p: Array, g: Array, t: int, s: dict[str, Any]) -> Array:
    """The velocity in units of p, as Sutskever et al. (2013) write it."""
    s["v"] = 0.8 * s.get("v", 0) - 0.05 * g
    return p + 0.8 * s["v"] - 0.05 * g


def rmsprop(p: Array, g: Array, t: int, s: dict[str, Any]) -> Array:
    s["v"] = 0.9 * s.get("v", 0) + 0.1 * g * g
    return p - 0.01 * g / (np.sqrt(s["v"]) + 1e-8)


def adagrad(p: Array, g: Array, t: int, s: dict[str, Any]) -> Array:
    s["v"] = s.get("v", 0) + g * g
    return p - 0.1 * g / (np.sqrt(s["v"]) + 1e-10)


def adadelta(p: Array, g: Array, t: int, s: dict[str, Any]) -> Array:
    s["v"] = 0.9 * s.get("v", 0) + 0.1 * g * g
    step = np.sqrt(s.get("u", 0) + 1e-6) / np.sqrt(s["v"] + 1e-6) * g
    s["u"] = 0.9 * s.get("u", 0) + 0.1 * step * step
    return p - step


def adam_parts(g: Array, t: int, s: dict[str, Any]) -> tuple[Array, Array]:
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["v"] = 0.999 * s.get("v", 0) + 0.001 * g * g
    return s["m"], np.sqrt(s["v"] / (1 - 0.999**t)) + 1e-8


def adam(p: Array, g: Array, t: int, s: dict[str, Any]) -> Array:
    m, size = adam_parts(g, t, s)
    return p - 0.01 * m / (1 - 0.9**t) / size


def adamw(p: Array, g: Array, t: int, s: dict[str, Any]) -> Array:
    m, size = adam_parts(g, t, s)
    return p * (1 - 0.01 * 0.1) - 0.01 * m / (1 - 0.9**t) / size


def nadam(p: Array, g: Array, t: int, s: dict[str, Any]) -> Array:
    def at(i: int) -> float:
        return float(0.9 * (1 - 0.5 * 0.96 ** (0.004 * i)))

    m, size = adam_parts(g, t, s)
    product = np.prod([at(i) for i in range(1, t + 1)])
    now = (1 - at(t)) * g / (1 - product)
    return p - 0.01 * (now + at(t + 1) * m / (1 - product * at(t + 1))) / size


def lion(p: Array, g: Array, t: int, s: dict[str, Any]) -> Array:
    m = s.get("m", 0)
    s["m"] = 0.99 * m + 0.01 * g
    return p - 0.01 * (np.sign(0.9 * m + 0.1 * g) + 0.1 * p)


FORMULAS = {
    "sgd(lr = 0.05, momentum = 0.9, decay = 0.1)": sgd,
    "momentum(lr = 0.05, beta = 0.8)": momentum,
    "nesterov(lr = 0.05, beta = 0.8)": nesterov,
    "rmsprop(lr = 0.01, alpha = 0.9)": rmsprop,
    "adagrad(lr = 0.1)": adagrad,
    "adadelta": adadelta,
    "adam(lr = 0.01)": adam,
    "adamw(lr = 0.01, decay = 0.1)": adamw,
    "nadam(lr = 0.01)": nadam,
    "lion(lr = 0.01, decay = 0.1)": lion,
}
TORCH: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd(lr = 0.05)": ("SGD", {"lr": 0.05}),
    "sgd(lr = 0.05, momentum = 0.9, decay = 0.1)": (
        "SGD",
        {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.1},
    ),
    "sgd(lr = 0.05, momentum = 0.9, nesterov = true, decay = 0.1)": (
        "SGD",
        {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    ),
    "nesterov(lr = 0.05)": ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    "rmsprop": ("RMSprop", {}),
    "rmsprop(centered = true, momentum = 0.5, decay = 0.1)": (
        "RMSprop",
        {"centered": True, "momentum": 0.5, "weight_decay": 0.1},
    ),
    "adagrad": ("Adagrad", {}),
    "adagrad(lr = 0.1, fade = 0.1, start = 0.5, decay = 0.1)": (
        "Adagrad",
        {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.5, "weight_decay": 0.1},
    ),
    "adadelta": ("Adadelta", {}),
    "adadelta(lr = 2, rho = 0.8, decay = 0.1)": (
        "Adadelta",
        {"lr": 2, "rho": 0.8, "weight_decay": 0.1},
    ),
    "adam": ("Adam", {}),
    "adam(lr = 0.1, beta1 = 0.5, beta2 = 0.9)": ("Adam", {"lr": 0.1, "betas": (0.5, 0.9)}),
    "adamw": ("AdamW", {}),
    "adamw(lr = 0.1, decay = 0.3)": ("AdamW", {"lr": 0.1, "weight_decay": 0.3}),
    "nadam": ("NAdam", {}),
    "nadam(lr = 0.1, warming = 0.1, decay = 0.1)": (
        "NAdam",
        {"lr": 0.1, "momentum_decay": 0.1, "weight_decay": 0.1},
    ),
}


@pytest.mark.parametrize("optimizer", FORMULAS)
def test_optimizer_is_its_formula(optimizer: str) -> None:
    np.testing.assert_allclose(model(optimizer), formula(FORMULAS[optimizer]), rtol=1e-9)


@pytest.mark.parametrize("optimizer", TORCH)
def test_optimizer_is_that_of_torch(optimizer: str) -> None:
    torch = pytest.importorskip("torch", reason="torch, the reference, is not installed")
    name, options = TORCH[optimizer]
    p = torch.tensor(START, requires_grad=True)
    made = getattr(torch.optim, name)([p], **options)
    expected = []
    for goal in GOALS:
        made.zero_grad()
        (torch.tensor(SCALES) * (p - torch.tensor(goal)) ** 2).sum().div(2).backward()
        made.step()
        expected.append(p.detach().numpy().copy())
    digits = 1e-6 if name == "NAdam" else 1e-9  # torch keeps one of its factors in f32
    np.testing.assert_allclose(model(optimizer), np.array(expected), rtol=digits)


def test_every_optimizer_and_schedule_is_tested() -> None:
    assert declared("optimizers.gdl", Optimizer) == {o.partition("(")[0] for o in FORMULAS}
    assert declared("schedules.gdl", Block) == {s.partition("(")[0] for s in RATES}


def declared(file: str, kind: type) -> set[str]:
    text = (files("graphdsl") / "prelude" / file).read_text("utf-8")
    statements = parse(Source(text, file)).statements
    assert all(isinstance(s, kind) for s in statements)
    return {s.name.id for s in statements}  # type: ignore[union-attr]


def test_momentum_as_an_average_is_the_classical_one_at_another_rate() -> None:
    average = model("momentum(lr = 0.5, beta = 0.9)")
    np.testing.assert_allclose(average, model("sgd(lr = 0.05, momentum = 0.9)"), rtol=1e-9)


def test_parameters_may_leave_decay_out() -> None:
    text = """
        param W: [2] = 1
        param b: [2] = 1 with decay = 0
        loss J = sum(0 * W + 0 * b)
        train { optimizer = adamw(lr = 0.1, decay = 0.5) }
    """
    m = graphdsl.loads(text, dtype="f64")
    m.trainer().step()
    np.testing.assert_allclose(m.params["W"], 0.95)
    np.testing.assert_array_equal(m.params["b"], 1)


STEPS = np.arange(1, 101)
EPOCHS = (STEPS - 1) // 10


def one_cycle() -> Array:
    """As torch has it: annealed by cosines, the step counted from 0."""
    low, end, rates = 0.1 / 25, 0.1 / 25 / 1e4, []
    for step in range(100):
        if step <= 29:
            rates.append(0.1 + (low - 0.1) / 2 * (1 + np.cos(pi * step / 29)))
        else:
            rates.append(end + (0.1 - end) / 2 * (1 + np.cos(pi * (step - 29) / 70)))
    return np.array(rates)


RATES = {
    "constant(0.1)": np.full(100, 0.1),
    "step_decay(0.1, 3)": 0.1 * 0.1 ** (EPOCHS // 3),
    "exponential(0.1, 0.8)": 0.1 * 0.8**EPOCHS,
    "cosine(0.1)": 0.1 * (1 + np.cos(pi * STEPS / 100)) / 2,
    "linear_warmup(0.1, 10)": 0.1 * np.minimum(STEPS / 10, 1),
    "one_cycle(0.1)": one_cycle(),
}


def rates(schedule: str) -> Array:
    """The rate at each step: what gradient descent on J = W subtracts."""
    text = f"param W = 0\nloss J = W * 1\ntrain {{ optimizer = sgd(lr = {schedule}) }}"
    m = graphdsl.loads(text, dtype="f64")
    trainer, values = m.trainer(), [0.0]
    trainer.total_steps = 100
    for step in range(100):
        trainer.epoch = step // 10
        trainer.step()
        values.append(m.params["W"].item())
    return -np.diff(values)


@pytest.mark.parametrize("schedule", RATES)
def test_schedule(schedule: str) -> None:
    np.testing.assert_allclose(rates(schedule), RATES[schedule], rtol=1e-9, atol=1e-12)


def test_cosine_with_warmup_and_a_floor() -> None:
    found = rates("cosine(0.1, warmup = 20, final = 0.01)")
    np.testing.assert_allclose(found[19], 0.1)
    np.testing.assert_allclose(found[9], 0.05)
    np.testing.assert_allclose(found[59], 0.055)
    np.testing.assert_allclose(found[99], 0.01)


@pytest.mark.parametrize("name", ["OneCycleLR", "StepLR", "ExponentialLR"])
def test_schedule_is_that_of_torch(name: str) -> None:
    torch = pytest.importorskip("torch", reason="torch, the reference, is not installed")
    schedule, options = {
        "OneCycleLR": ("one_cycle(0.1)", {"max_lr": 0.1, "total_steps": 100}),
        "StepLR": ("step_decay(0.1, 3)", {"step_size": 30}),
        "ExponentialLR": ("exponential(0.1, 0.8)", {"gamma": 0.8 ** (1 / 10)}),
    }[name]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    made, expected = getattr(torch.optim.lr_scheduler, name)(optimizer, **options), []
    for _ in range(100):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        made.step()
    found = rates(schedule)
    every = slice(None, None, 10) if name == "ExponentialLR" else slice(None)
    np.testing.assert_allclose(found[every], np.array(expected)[every], rtol=1e-9)
