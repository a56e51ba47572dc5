"""Formulas that fail in single precision, with their value and derivative by others that don't."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
W = np.array([1.0, 2, 3])
"""What the elements of a formula are weighted with, so that no derivative cancels."""


def sigmoid(x: Array) -> Array:
    """Right at both ends in double precision."""
    return np.where(x >= 0, 1 / (1 + np.exp(-abs(x))), np.exp(-abs(x)) / (1 + np.exp(-abs(x))))


def softplus(x: Array) -> Array:
    return np.logaddexp(0, x)


def softmax(x: Array) -> Array:
    return np.exp(x - x.max()) / np.exp(x - x.max()).sum()


def log_softmax(x: Array) -> Array:
    return x - logsumexp(x)


def logsumexp(x: Array) -> Array:
    return x.max() + np.log(np.exp(x - x.max()).sum())


@dataclass(frozen=True)
class Case:
    """A formula, the rules that take it, where it fails, and Σ w y with its derivative there."""

    text: str
    rules: tuple[str, ...]
    x: tuple[float, ...]
    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]


def each(slope: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """The derivative of Σ w y for an elementwise y."""
    return lambda x: W * slope(x)


CASES = [
    Case(
        "ln(softmax(x))",
        ("ln(softmax(x))",),
        (200, 0, -200),
        log_softmax,
        lambda x: W - W.sum() * softmax(x),
    ),
    Case(
        "ln(softmax(x)[1])",
        ("ln(softmax(x)[i])",),
        (200, 0, -200),
        lambda x: log_softmax(x)[1],
        lambda x: W.sum() * (np.eye(3)[1] - softmax(x)),
    ),
    Case(
        "ln(sum(exp(x)))",
        ("ln(sum(exp(x)))",),
        (200, 199, -200),
        logsumexp,
        lambda x: W.sum() * softmax(x),
    ),
    Case(
        "ln(sigmoid(x))",
        ("ln(sigmoid(x))",),
        (-200, 0, 3),
        lambda x: -softplus(-x),
        each(lambda x: sigmoid(-x)),
    ),
    Case("ln(1 + exp(x))", ("ln(1 + exp(x))",), (200, 0, -30), softplus, each(sigmoid)),
    Case("ln(exp(x) + 1)", ("ln(1 + exp(x))",), (200, 0, -30), softplus, each(sigmoid)),
    Case("log1p(exp(x))", ("log1p(exp(x))",), (200, 0, -30), softplus, each(sigmoid)),
    Case("ln(1 + x)", ("ln(1 + x)",), (1e-9, 0.5, -1e-10), np.log1p, each(lambda x: 1 / (1 + x))),
    Case(
        "ln(1 - x)",
        ("ln(1 - x)",),
        (1e-9, 0.5, -1e-10),
        lambda x: np.log1p(-x),
        each(lambda x: -1 / (1 - x)),
    ),
    Case("exp(x) - 1", ("exp(x) - 1",), (1e-9, -1e-4, 1), np.expm1, each(np.exp)),
    Case(
        "1 - exp(x)",
        ("1 - exp(x)",),
        (1e-9, -1e-4, 1),
        lambda x: -np.expm1(x),
        each(lambda x: -np.exp(x)),
    ),
    Case(
        "1 - sigmoid(x)",
        ("1 - sigmoid(x)",),
        (30, 0, -1),
        lambda x: sigmoid(-x),
        each(lambda x: -sigmoid(x) * sigmoid(-x)),
    ),
    Case(
        "ln(1 - sigmoid(x))",
        ("1 - sigmoid(x)", "ln(sigmoid(x))"),
        (200, 0, -1),
        lambda x: -softplus(x),
        each(lambda x: -sigmoid(x)),
    ),
    Case(
        "1 / (1 + exp(-x))",
        ("1 / (1 + exp(-x))",),
        (-200, 0, 1),
        sigmoid,
        each(lambda x: sigmoid(x) * sigmoid(-x)),
    ),
    Case(
        "exp(x) / (1 + exp(x))",
        ("exp(x) / (1 + exp(x))",),
        (200, 0, 1),
        sigmoid,
        each(lambda x: sigmoid(x) * sigmoid(-x)),
    ),
    Case(
        "exp(x) / sum(exp(x))",
        ("exp(x) / sum(exp(x))",),
        (200, 199, -200),
        softmax,
        lambda x: softmax(x) * (W - (W * softmax(x)).sum()),
    ),
    Case(
        "mean(x^2) - mean(x)^2",
        ("mean(x^2) - mean(x)^2",),
        (10000, 10001, 10002),
        np.var,
        lambda x: W.sum() * 2 / 3 * (x - x.mean()),
    ),
    Case(
        "sqrt(sum(x^2))",
        ("sqrt(sum(x^2))",),
        (0, 0, 0),
        np.linalg.norm,
        lambda x: np.zeros(3),
    ),
    Case(
        "where(x > 0, ln(x), 0)",
        ("where(c, f(x), b)",),
        (0, -1, 2),
        lambda x: np.array([0, 0, np.log(2)]),
        each(lambda x: np.array([0, 0, 0.5])),
    ),
]
