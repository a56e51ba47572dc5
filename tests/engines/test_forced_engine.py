"""`pytest --engine numba` has numba run every model that asks for no engine."""

from __future__ import annotations

import numpy as np
import pytest

import graphdsl
from forced_engine import compile_every_program

pytest.importorskip("numba")

TEXT = """
dim N
input x: [N, 3]
param W: [3, 2] ~ normal()
loss J = mean((x @ W)^2)
train { optimizer = sgd(lr = 0.1) }
"""


@pytest.mark.parametrize(("engine", "compiled"), [("auto", True), ("numpy", False)])
def test_programs_of_every_purpose(
    engine: str, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_every_program(monkeypatch.setattr)
    model, x = graphdsl.loads(TEXT, engine=engine), np.ones((2, 3))
    model.run(x=x)
    model.value_and_grad(x=x)
    model.trainer().step(x=x)
    kept = [p.program.source for each in model.session._programs.values() for p in each.values()]
    assert len(kept) == 3
    assert ["enter(" in source for source in kept] == [compiled] * 3
