"""The project's own contenders: `trainer.step` of a workload's `.gdl` file, one for each engine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from contender import Contender
from workloads import Array, Workload

if TYPE_CHECKING:
    from graphdsl import Model

MODELS = Path(__file__).with_name("models")
ENGINES = ("numpy", "numba")


def list_engines() -> list[str]:
    """Those of `ENGINES` that this version has, and that can run here."""
    import graphdsl

    found = []
    for engine in ENGINES:
        try:
            graphdsl.loads("input x\noutput y = x", engine=engine)
        except graphdsl.UsageError:
            continue
        found.append(engine)
    return found


def load_ours(workload: Workload, engine: str) -> Model:
    """The workload's model at its first parameters."""
    import graphdsl

    model = graphdsl.load(MODELS / f"{workload.name}.gdl", engine=engine)
    restore(model, workload)
    return model


def restore(model: Model, workload: Workload) -> None:
    """Back to the first parameters."""
    for name, value in workload.params.items():
        model.params[name][...] = value


def make_ours(workload: Workload, engine: str) -> Contender:
    """The step as a user calls it, its checks included."""
    model = load_ours(workload, engine)
    x, y = workload.x, workload.y

    def reset() -> None:
        trainer.restart()
        restore(model, workload)

    def gradients() -> Mapping[str, Array]:
        restore(model, workload)
        found: dict[str, Array] = model.value_and_grad(x=x, y=y)[1]
        return found

    trainer = model.trainer()
    return Contender(lambda: trainer.step(x=x, y=y), lambda: model.params, gradients, reset)
