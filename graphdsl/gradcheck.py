"""Gradients beside finite differences: each coordinate's, in f64.

Large tensors are sampled. To second order, the Hessian's product with a random direction is
compared with the difference of gradients along it. Points on kinks, such as a relu's at exactly 0,
have no derivative to compare: they are left out and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from graphdsl.compiler.direction import DIRECTION
from graphdsl.derivatives import find_target, trained, verify_sources
from graphdsl.driver import Compilation, Purpose
from graphdsl.graph.kernel import Array
from graphdsl.graph.types import DType
from graphdsl.language.diagnostics import Diagnostic, UsageError
from graphdsl.session import Session
from graphdsl.stencils import Comparison, compare

COMPARED = 9
"""Arrays of a tensor's size that comparing its Hessian's product with differences takes at most
where it agrees at once; where it does not, a few more."""


@dataclass(frozen=True, slots=True)
class Row:
    """One name's gradient beside its differences; the worst coordinate is the one that is told.

    `relative` is the error over the larger of the two, or over the accuracy that differences can
    have at this size of f, where that is larger. `kinks` of the `checked` coordinates were left
    out, as no difference tells a derivative there.
    """

    name: str
    shape: tuple[int, ...]
    checked: int
    relative: float
    at: tuple[int, ...]
    gradient: float
    difference: float
    order: int = 1
    kinks: int = 0


def gradcheck(
    session: Session,
    fed: Mapping[str, Any],
    of: str | None = None,
    wrt: Sequence[str] | None = None,
    *,
    samples: int = 64,
    seed: int = 0,
    training: bool = False,
    second: bool = True,
) -> list[Row]:
    """Every gradient of `of`, the loss unless named, in `wrt` beside differences.

    `wrt` are the trained parameters and the float inputs that are fed and reach `of`, unless
    named. The model is compiled anew in f64 with the session's parameters; nothing of it is
    changed. Raises `UsageError` for what has no gradient, `DataError` where there is no room.
    """
    of = find_target(session, of, training)
    wrt = _find_sources(session, of, fed, training) if wrt is None else wrt
    verify_sources(session, wrt, training)
    _verify_room(session, wrt, fed, second)
    doubled = in_f64(session)
    check = _Check(doubled, of, dict(doubled.feed(fed)[0]), training)
    check.verify_movable(wrt)
    rng = np.random.default_rng(seed)
    gradients = check.gradients(wrt)
    rows = [check.first_order(name, gradients[name], samples, rng) for name in wrt]
    if second:
        rows += [check.second_order(name, rng) for name in wrt]
    return rows


def _find_sources(session: Session, of: str, fed: Mapping[str, Any], training: bool) -> list[str]:
    """The trained parameters and the float inputs that are fed, as far as `of` depends on them."""
    graph, inputs = session.compilation.graph(training), session.inputs
    floats = [name for name in fed if name in inputs and inputs[name].dtype.is_float]
    reach = graph.reaching([graph.names[of]])
    return [name for name in (*trained(graph), *floats) if graph.names[name] in reach]


def _verify_room(
    session: Session, wrt: Sequence[str], fed: Mapping[str, Any], second: bool
) -> None:
    """Raise `DataError` where the machine has no room for the model in f64, its gradients, and
    what is computed of them; its programs are looked at when they are made."""
    memory = session.memory
    params = sum(value.size for value in memory.params.values())
    states = sum(value.size for value in memory.states.values())
    moved = {**fed, **memory.params}
    sizes = [np.size(moved[name]) for name in wrt if name in moved]
    elements = 2 * params + states + sum(sizes) + (COMPARED * max(sizes, default=0) * second)
    nbytes = elements * DType.f64.numpy.itemsize
    help = "look at fewer tensors: wrt=['b'] from Python"
    memory.check_room("to check the gradients in f64 takes", nbytes, help)


def in_f64(session: Session) -> Session:
    """The model in f64, with the same parameters, states and seed."""
    old = session.compilation
    compilation = Compilation(old.program, old.constants, DType.f64, old.include)
    made = Session(compilation, session.memory.seed)
    for table in ("params", "states"):
        for name, value in getattr(session.memory, table).items():
            getattr(made.memory, table)[name][...] = value
    return made


@dataclass(slots=True)
class _Check:
    """A scalar at values that can be moved: parameters, and what is fed, in f64."""

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

    def verify_movable(self, names: Sequence[str]) -> None:
        """Raise `UsageError` unless every name's value is given, and can be moved."""
        for name in names:
            if name not in self.session.memory.params and name not in self.fed:
                message = f"'{name}' is neither a parameter nor an input that is fed"
                help = "differences are taken by moving one of these"
                raise UsageError(Diagnostic("E0807", message, (), (help,)))

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
        kinks = 0
        for flat in chosen:
            at = tuple(int(i) for i in np.unravel_index(flat, place.shape))
            compared = self._compare(place, at, float(gradient[at]))
            if compared.kinks.any():
                kinks += 1
                continue
            error, difference = compared.error.item(), compared.difference.item()
            if not error <= worst.relative or not worst.at:
                found = float(gradient[at])
                worst = Row(name, place.shape, len(chosen), error, at, found, difference)
        return replace(worst, kinks=kinks)

    def _compare(self, place: Array, at: tuple[int, ...], found: float) -> Comparison:
        """One coordinate of a gradient beside the differences along it."""
        x = float(place[at])

        def line(step: float) -> Array:
            place[at] = x + step
            value = np.array([self.value()])
            place[at] = x
            return value

        return compare(np.array([found]), line, max(1.0, abs(x)))

    def second_order(self, name: str, rng: np.random.Generator) -> Row:
        """The Hessian's product with a random direction beside the difference of gradients."""
        place = self.place(name)
        v = rng.standard_normal(place.shape)
        purpose = Purpose((self.of,), (name,), self.training, derivative="hvp")
        product = self.session.results(purpose, {**self.fed, DIRECTION: v})["hvp"]
        x = place.copy()

        def line(step: float) -> Array:
            place[...] = x + step * v
            found = self.gradients([name])[name]
            place[...] = x
            return found

        compared = compare(product, line, jointly=True, least=abs(self.value()))
        kinks = int(compared.kinks.sum())
        if kinks == product.size:
            return Row(name, place.shape, kinks, 0.0, (), 0.0, 0.0, 2, kinks)
        errors = np.where(compared.kinks, 0.0, compared.error)
        worst = int(np.argmax(np.where(np.isnan(errors), np.inf, errors)))
        at = tuple(int(i) for i in np.unravel_index(worst, errors.shape))
        return Row(
            name,
            place.shape,
            errors.size,
            float(errors[at]),
            at,
            float(product[at]),
            float(compared.difference[at]),
            2,
            kinks,
        )
