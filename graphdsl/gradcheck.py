"""Gradients beside finite differences: each coordinate's central difference, in f64.

A gradient g of f is compared with (f(x + h) - f(x - h)) / 2h, h = ε^(1/3) max(1, |x|), whose error
is about ε^(2/3) of f's size. Large tensors are sampled. To second order, the Hessian's product with
a random direction is compared with the difference of gradients along it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphdsl.driver import DIRECTION, Compilation, Purpose
from graphdsl.graph.kernel import Array
from graphdsl.graph.types import DType
from graphdsl.session import Session

EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class Row:
    """One name's gradient beside its differences; the worst coordinate is the one that is told.

    `relative` is the error over the larger of the two, or over the accuracy that differences can
    have at this size of f, where that is larger.
    """

    name: str
    shape: tuple[int, ...]
    checked: int
    relative: float
    at: tuple[int, ...]
    gradient: float
    difference: float
    order: int = 1


def gradcheck(
    session: Session,
    of: str,
    wrt: Sequence[str],
    fed: Mapping[str, Any],
    *,
    samples: int = 64,
    seed: int = 0,
    training: bool = False,
    second: bool = True,
) -> list[Row]:
    """Every gradient of `of` in `wrt` (parameters, states' readers, inputs) beside differences.

    The model is compiled anew in f64 with the session's parameters; nothing of it is changed.
    """
    doubled = _in_f64(session)
    check = _Check(doubled, of, dict(doubled.feed(fed)[0]), training)
    rng = np.random.default_rng(seed)
    gradients = check.gradients(wrt)
    rows = [check.first_order(name, gradients[name], samples, rng) for name in wrt]
    if second:
        rows += [check.second_order(name, rng) for name in wrt]
    return rows


def _in_f64(session: Session) -> Session:
    """The model in f64, with the same parameters and states."""
    old = session.compilation
    made = Session(Compilation(old.program, old.constants, DType.f64, old.include))
    for table in ("params", "states"):
        for name, value in getattr(session.memory, table).items():
            getattr(made.memory, table)[name][...] = value
    return made


@dataclass(slots=True)
class _Check:
    session: Session
    of: str
    fed: dict[str, Array]
    training: bool

    def value(self) -> float:
        """The scalar at the values as they are."""
        purpose = Purpose((self.of,), training=self.training)
        return float(self.session.results(purpose, self.fed)[self.of])

    def gradients(self, names: Sequence[str]) -> dict[str, Array]:
        """The reverse sweep's gradients at the values as they are."""
        purpose = Purpose((self.of,), tuple(names), self.training)
        values = self.session.results(purpose, self.fed)
        stored = self.session.memory.gradients()
        return {n: stored[n].copy() if n in stored else values[f"∂{n}"] for n in names}

    def place(self, name: str) -> Array:
        """The array that holds a name's value, writable."""
        if name in self.session.memory.params:
            return self.session.memory.params[name]
        self.fed[name] = np.array(self.fed[name])
        return self.fed[name]

    def first_order(
        self, name: str, gradient: Array, samples: int, rng: np.random.Generator
    ) -> Row:
        """The worst of the coordinates that are looked at."""
        place = self.place(name)
        chosen = np.arange(place.size)
        if place.size > samples:
            chosen = np.sort(rng.choice(place.size, samples, replace=False))
        worst = Row(name, place.shape, len(chosen), 0.0, (), 0.0, 0.0)
        for flat in chosen:
            at = tuple(int(i) for i in np.unravel_index(flat, place.shape))
            difference, accuracy = self._difference(place, at)
            found = float(gradient[at])
            error = _relative(found, difference, accuracy)
            if error > worst.relative or not worst.at:
                worst = Row(name, place.shape, len(chosen), error, at, found, difference)
        return worst

    def _difference(self, place: Array, at: tuple[int, ...]) -> tuple[float, float]:
        """The central difference in one coordinate, and how far off it may be."""
        x = float(place[at])
        h = EPSILON ** (1 / 3) * max(1.0, abs(x))
        values = []
        for moved in (x + h, x - h):
            place[at] = moved
            values.append(self.value())
        place[at] = x
        return (values[0] - values[1]) / (2 * h), EPSILON ** (2 / 3) * max(map(abs, values))

    def second_order(self, name: str, rng: np.random.Generator) -> Row:
        """The Hessian's product with a random direction beside the difference of gradients."""
        place = self.place(name)
        v = rng.standard_normal(place.shape)
        purpose = Purpose((self.of,), (name,), self.training, derivative="hvp")
        product = self.session.results(purpose, {**self.fed, DIRECTION: v})["hvp"]
        x, h = place.copy(), EPSILON ** (1 / 3)
        sides = []
        for moved in (x + h * v, x - h * v):
            place[...] = moved
            sides.append(self.gradients([name])[name])
        place[...] = x
        difference = (sides[0] - sides[1]) / (2 * h)
        scale = EPSILON ** (2 / 3) * float(np.abs(sides).max(initial=0))
        errors = np.abs(product - difference) / np.maximum(
            np.maximum(np.abs(product), np.abs(difference)).max(initial=0), max(scale, EPSILON)
        )
        if not errors.size:
            return Row(name, place.shape, 0, 0.0, (), 0.0, 0.0, 2)
        at = tuple(int(i) for i in np.unravel_index(int(np.nanargmax(errors)), errors.shape))
        return Row(
            name,
            place.shape,
            errors.size,
            float(errors[at]),
            at,
            float(product[at]),
            float(difference[at]),
            2,
        )


def _relative(a: float, b: float, accuracy: float) -> float:
    return abs(a - b) / max(abs(a), abs(b), accuracy * 1e4, EPSILON)
