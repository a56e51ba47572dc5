"""Initial values: the distributions that may follow `~`, and nothing else may.

Fan-in and fan-out are those of a matrix `[in, out]` that multiplies rows of a batch from the
right; of a kernel `[out, in, …]` of rank 3 or more, the axes after the second are its field.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from graphdsl.graph.kernel import Array
from graphdsl.graph.types import TensorType

Draw = Callable[..., Array]
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Initializer:
    """A distribution: its arguments with defaults, and how it is drawn in f64."""

    name: str
    arguments: Mapping[str, float]
    draw: Draw
    doc: str
    min_rank: int = 0
    arrays: int = 1
    """How many arrays of the tensor's size, in f64, drawing takes at once."""

    def check(self, args: tuple[float, ...], type: TensorType) -> str | None:
        """What is wrong with the arguments or the type, or None."""
        if not all(map(math.isfinite, args)):
            return "its arguments are finite numbers"
        named = dict(zip(self.arguments, args, strict=True))
        if named.get("std", 0.0) < 0:
            return "a standard deviation is at least 0"
        if "low" in named and named["low"] > named["high"]:
            return "low is at most high"
        if type.rank < self.min_rank:
            return f"it needs a tensor of rank {self.min_rank} or more, not {type}"
        return None


INITIALIZERS: dict[str, Initializer] = {}


def fans(shape: Shape) -> tuple[int, int]:
    """Fan-in and fan-out of a weight of this shape."""
    if len(shape) <= 2:
        return (shape[0], shape[-1]) if shape else (1, 1)
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def _declare(
    name: str, doc: str, draw: Draw, *, min_rank: int = 0, arrays: int = 1, **arguments: float
) -> None:
    INITIALIZERS[name] = Initializer(name, arguments, draw, doc, min_rank, arrays)


def _normal(rng: np.random.Generator, shape: Shape, mean: float, std: float) -> Array:
    return mean + std * rng.standard_normal(shape)


def _truncated(rng: np.random.Generator, shape: Shape, mean: float, std: float) -> Array:
    """Normal values further than two deviations from the mean are drawn again."""
    values = rng.standard_normal(shape)
    while (far := np.abs(values) > 2).any():
        values = np.where(far, rng.standard_normal(shape), values)
    return mean + std * values


def _glorot(shape: Shape) -> float:
    return math.sqrt(2 / max(1, sum(fans(shape))))


def _fan_in(shape: Shape, gain: float) -> float:
    return math.sqrt(gain / max(1, fans(shape)[0]))


def _even(rng: np.random.Generator, shape: Shape, deviation: float) -> Array:
    """Uniform values of the given standard deviation."""
    return rng.uniform(-1, 1, shape) * (deviation * math.sqrt(3))


def _orthogonal(rng: np.random.Generator, shape: Shape, gain: float) -> Array:
    """The Q factor of a normal matrix, its signs made unique (Saxe et al., 2014)."""
    rows, columns = shape[0], math.prod(shape[1:])
    values = rng.standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(values)
    q = q * np.sign(np.diag(r))
    return gain * (q if rows >= columns else q.T).reshape(shape)


_declare("normal", "N(mean, std²).", _normal, mean=0.0, std=1.0)
_declare(
    "truncated_normal",
    "N(mean, std²) without what lies beyond two deviations.",
    _truncated,
    arrays=4,
    mean=0.0,
    std=1.0,
)
_declare(
    "uniform",
    "Uniform between low and high.",
    lambda rng, shape, low, high: rng.uniform(low, high, shape),
    low=-1.0,
    high=1.0,
)
_declare("zeros", "All 0.", lambda rng, shape: np.zeros(shape))
_declare("ones", "All 1.", lambda rng, shape: np.ones(shape))
_declare(
    "glorot_uniform",
    "Uniform of variance 2 / (fan-in + fan-out) (Glorot & Bengio, 2010).",
    lambda rng, shape: _even(rng, shape, _glorot(shape)),
)
_declare(
    "glorot_normal",
    "Normal of variance 2 / (fan-in + fan-out) (Glorot & Bengio, 2010).",
    lambda rng, shape: _normal(rng, shape, 0, _glorot(shape)),
)
_declare(
    "he_uniform",
    "Uniform of variance 2 / fan-in (He et al., 2015).",
    lambda rng, shape: _even(rng, shape, _fan_in(shape, 2)),
)
_declare(
    "he_normal",
    "Normal of variance 2 / fan-in (He et al., 2015).",
    lambda rng, shape: _normal(rng, shape, 0, _fan_in(shape, 2)),
)
_declare(
    "lecun_normal",
    "Normal of variance 1 / fan-in (LeCun et al., 1998).",
    lambda rng, shape: _normal(rng, shape, 0, _fan_in(shape, 1)),
)
_declare(
    "orthogonal",
    "Orthonormal rows or columns times the gain (Saxe et al., 2014).",
    _orthogonal,
    min_rank=2,
    arrays=5,
    gain=1.0,
)
