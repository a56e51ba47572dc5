"""Statistics of a model's gradients, parameter by parameter: a model and batches come in, rows go
out; the model is left as it was.

What vanishes or explodes shows in the sizes from layer to layer; what is noise, in the moving
averages of the gradients' mean and variance over the batches.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from graphdsl.driver import Purpose
from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import Diagnostic, DivergedError, ModelError, UsageError
from graphdsl.session import Session
from graphdsl.training.diagnosis import Recorder
from graphdsl.training.moments import BETA, MovingMoments, Sums, root_mean_square
from graphdsl.training.trainer import Trainer

Gradients = dict[str, Array]


@dataclass(frozen=True, slots=True)
class LayerStatistics:
    """One trained parameter: its gradient's elements over all batches, and its first step."""

    name: str
    shape: tuple[int, ...]
    weight_rms: float
    """The root of the mean square of the parameter's elements."""
    mean: float
    deviation: float
    smallest: float
    """The smallest absolute value of an element of the gradient."""
    largest: float
    zeros: float
    """The fraction of the gradient's elements that are exactly 0."""
    rms: float
    """The root of the mean square of the gradient's elements: its size."""
    averaged_mean: float
    """The root of the mean square, over the elements, of the moving average of each one."""
    averaged_deviation: float
    """The root of the mean, over the elements, of each one's moving variance."""
    update_ratio: float | None
    """The size of the first step's change beside that of the parameter; None without an
    optimizer, and beside a parameter that is all 0."""

    def to_plain(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self)


@np.errstate(over="ignore", invalid="ignore")  # of steps beyond any float
def measure_gradients(
    session: Session,
    batches: Iterable[Mapping[str, Any]],
    trainer: Trainer | None = None,
    beta: float = BETA,
) -> list[LayerStatistics]:
    """A row for each trained parameter that the loss depends on, in the order of the file.

    Gradients are those of a training step at the parameters as they are. `trainer` takes one step
    on the first batch, which is taken back. Raises `UsageError` for a model without a loss or
    trained parameters, or where there is no batch; `ModelError` for a loss or a gradient that is
    not finite, with the node it began at.
    """
    names = trained_names(session)
    moments, sums = MovingMoments(beta), {name: Sums() for name in names}
    ratios: dict[str, float | None] = {}
    for fed in batches:
        loss, gradients = _differentiate(session, names, fed)
        _verify_finite(session, loss, gradients, fed, moments.count + 1)
        moments.add(gradients)
        for name, gradient in gradients.items():
            sums[name].add(gradient)
        if not ratios and trainer is not None:
            ratios = measure_update(trainer, fed, names)
    if not moments.count:
        raise UsageError(Diagnostic("E0810", "there is no batch to take gradients of"))
    return [
        _row(name, session.memory.params[name], sums[name], moments, ratios.get(name))
        for name in names
    ]


def measure_update(
    trainer: Trainer, fed: Mapping[str, Any], names: Iterable[str]
) -> dict[str, float | None]:
    """How large a step on a batch is beside each parameter, None beside one that is all 0; the
    step is taken back."""
    params = trainer.session.memory.params
    before = {name: params[name].astype(np.float64) for name in names}
    with taken_back(trainer):
        for _ in range(trainer.accumulate):
            # what it comes to with a loss that is not finite says how it goes wrong
            with _undisturbed():
                trainer.step(fed)
        changes = {name: root_mean_square(params[name] - old) for name, old in before.items()}
    return {name: _quotient(changes[name], root_mean_square(old)) for name, old in before.items()}


@contextmanager
def taken_back(trainer: Trainer) -> Iterator[None]:
    """Steps that are taken inside leave no trace."""
    memory, t = trainer.session.memory, trainer.t
    with trainer.session.lock:
        kept = {name: array.copy() for name, array in memory.arrays.items()}
        try:
            yield
        finally:
            for name, array in kept.items():
                np.copyto(memory.array(name), array)
            trainer.t = t


@contextmanager
def _undisturbed() -> Iterator[None]:
    try:
        yield
    except DivergedError:
        return


def gradients_of(session: Session, names: Iterable[str], fed: Mapping[str, Any]) -> Gradients:
    """The loss's gradients for a batch, those of a training step, by parameter."""
    return _differentiate(session, names, fed)[1]


def _differentiate(
    session: Session, names: Iterable[str], fed: Mapping[str, Any]
) -> tuple[float, Gradients]:
    """The loss and its gradients."""
    loss = session.compilation.graph(training=True).loss
    assert loss is not None
    purpose = Purpose((loss.name,), tuple(names), training=True)
    with session.lock:
        value = session.results(purpose, fed)[loss.name]
        stored = session.memory.gradients()
        return float(value), {name: stored[name].copy() for name in purpose.wrt}


def _verify_finite(
    session: Session, loss: float, gradients: Gradients, fed: Mapping[str, Any], batch: int
) -> None:
    """Raise `ModelError` if the loss or a gradient is not finite: done again, it shows where."""
    spoilt = [f"the gradient of '{n}'" for n, g in gradients.items() if not np.isfinite(g).all()]
    if not math.isfinite(loss):
        spoilt.insert(0, "the loss")
    if not spoilt:
        return
    recorder = Recorder()
    with session.watched(recorder):
        _differentiate(session, gradients, fed)
    found, message = recorder.find(), f"{spoilt[0]} is not finite in batch {batch}"
    if found is None:
        raise ModelError(Diagnostic("E0870", message))
    raise ModelError(found.describe("E0870", f"{message}: {found.summarise()}"))


def trained_names(session: Session) -> list[str]:
    """The trained parameters that the loss depends on, in the file's order; raises `UsageError` if
    there are none."""
    graph = session.compilation.graph(training=True)
    if graph.loss is None:
        message, help = "the model has no loss to take gradients of", ("add one: loss J = mean(…)",)
        raise UsageError(Diagnostic("E0807", message, (), help))
    reached = graph.reaching([graph.loss.node])
    names = [v.name for v in graph.params if not v.frozen and v.node in reached]
    if not names:
        raise UsageError(Diagnostic("E0807", "the loss depends on no trained parameter"))
    return names


def _row(
    name: str, weight: Array, sums: Sums, moments: MovingMoments, ratio: float | None
) -> LayerStatistics:
    return LayerStatistics(
        name=name,
        shape=weight.shape,
        weight_rms=root_mean_square(weight),
        mean=sums.mean,
        deviation=sums.deviation,
        smallest=sums.smallest if sums.count else 0.0,
        largest=sums.largest,
        zeros=sums.zeros / max(sums.count, 1),
        rms=sums.rms,
        averaged_mean=root_mean_square(moments.mean(name)),
        averaged_deviation=moments.deviation(name),
        update_ratio=ratio,
    )


def _quotient(change: float, size: float) -> float | None:
    return change / size if size else None
