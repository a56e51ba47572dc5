"""The trajectories of optimizers over a loss of two numbers: a trainer comes in, points go out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphdsl.driver import Compilation, Purpose
from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import Diagnostic, DivergedError, UsageError, did_you_mean
from graphdsl.session import Session
from graphdsl.training.trainer import Trainer


def find_plane(session: Session, name: str | None) -> str:
    """The parameter whose two numbers span the plane: the one named, or the only one of two
    numbers. Raises `UsageError` if there is none."""
    params = session.memory.params
    fitting = [one for one, view in params.items() if view.size == 2]
    if name is None and len(fitting) == 1:
        return fitting[0]
    if name in fitting:
        return str(name)
    listed = f"parameters of two numbers: {', '.join(fitting) or 'none'}"
    message = "a path is drawn over a parameter of two numbers"
    if name is not None:
        message += f", and '{name}' is " + ("not one" if name in params else "no parameter")
    near = did_you_mean(name, fitting) if name else ()
    raise UsageError(Diagnostic("E0872", message, (), tuple(near) or (listed,)))


def follow(trainer: Trainer, name: str, fed: Mapping[str, Any], steps: int) -> Array:
    """The parameter before each of so many steps and after the last, a row each; it ends early
    where the loss is no longer finite."""
    view = trainer.session.memory.params[name]
    points = [view.ravel().copy()]
    for _ in range(steps):
        try:
            trainer.step(fed)
        except DivergedError:
            break
        points.append(view.ravel().copy())
    return np.array(points)


def measure_surface(
    session: Session, name: str, fed: Mapping[str, Any], x: Array, y: Array
) -> Array:
    """The loss where the parameter is `(x, y)`, a row for each y; the parameter stays as it is."""
    loss = session.graph.loss
    assert loss is not None
    view = session.memory.params[name]
    kept, purpose = view.copy(), Purpose((loss.name,))
    found = np.empty((len(y), len(x)))
    try:
        for i, j in np.ndindex(found.shape):
            view[...] = np.reshape([x[j], y[i]], view.shape)
            found[i, j] = session.results(purpose, fed)[loss.name]
    finally:
        view[...] = kept
    return found


def rule_of(compilation: Compilation) -> str:
    """The name of the optimizer that a compilation trains with."""
    train = compilation.lowered(training=True).train
    return train.rule.name if train is not None and train.rule is not None else ""
