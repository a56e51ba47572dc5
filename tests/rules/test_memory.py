"""What `memory` in `train` says of a step: how much, in which units, and what is done for it."""

from __future__ import annotations

import numpy as np
import pytest

import graphdsl
from graphdsl.language.amounts import parse_amount
from graphdsl.language.diagnostics import DataError
from rules.citations import rule

STEP = "Training › The step"
TABLE = "Training"
TEXT = """
dim N
input x: [N, 32]
o = x
repeat l in 1..30 {
  param W: [32, 32] ~ normal(0, 0.1)
  o = o + Dropout(sigmoid(o @ W) * tanh(o), 0.1)
}
loss J = mean(o^2)
train {
  optimizer = adam(lr = 0.01)
  LINE
}
"""

WIDE = """
dim N
input x: [N, 512]
param W: [512, 512] ~ normal(0, 0.1)
loss J = mean(relu(x @ W)^2)
train {
  optimizer = adam(lr = 0.01)
}
"""


def trained(line: str = "", engine: str = "numpy") -> tuple[list[float], int, str]:
    """Three losses, the bytes of the arena, and the program's text."""
    model = graphdsl.loads(TEXT.replace("LINE", line), engine=engine)
    trainer, x = model.trainer(), np.linspace(-1, 1, 256 * 32, dtype=np.float32).reshape(256, 32)
    losses = [trainer.step(x=x) for _ in range(3)]
    (program,) = model.session._programs[trainer.purpose].values()
    return losses, model.session.memory.arena.nbytes, program.program.source


@rule(TABLE, '| `memory` | an amount of memory, such as "500 MB", "64 MiB"')
@rule(STEP, '`memory = "500 MB"` limits what a step computes in: the arena,')
@rule(STEP, "Where the plan takes more, activations are dropped in the forward pass")
@rule(STEP, "every bit stays as one computes it with the engine `numpy`,")
@rule(STEP, "what is random is never drawn twice.")
def test_values_are_computed_again() -> None:
    losses, whole, text = trained()
    found, nbytes, other = trained(f"memory = {whole * 3 // 4}")
    assert found == losses
    assert nbytes <= whole * 3 // 4 < whole
    assert other.count("tanh(") > text.count("tanh(")
    assert other.count(".random(") == text.count(".random(") == 30
    assert trained('memory = "500 MB"')[1] == whole


@rule(STEP, "Such a step is not shared among workers;")
def test_a_limit_takes_one_worker() -> None:
    x = np.linspace(-1, 1, 512 * 512, dtype=np.float32).reshape(512, 512)

    def workers(settings: dict[str, object]) -> int:
        model = graphdsl.loads(WIDE, engine="numpy", settings=settings)
        model.session.workers = 2
        trainer = model.trainer()
        trainer.step(x=x)
        (program,) = model.session._programs[trainer.purpose].values()
        return len(program.program.workers)

    assert workers({}) == 2
    assert workers({"memory": 500_000_000}) == 0


@rule(STEP, "and with `numba` all but the last digits of sums;")
def test_values_are_computed_again_in_compiled_programs() -> None:
    pytest.importorskip("numba")
    losses, whole, _ = trained(engine="numba")
    found, nbytes, _ = trained(f"memory = {whole * 3 // 4}", engine="numba")
    assert found == pytest.approx(losses, rel=1e-5)
    assert nbytes <= whole * 3 // 4


@rule(STEP, "The units are `B kB MB GB TB`, powers of 1000, and `KiB MiB GiB TiB`, of 1024.")
def test_units() -> None:
    for power, unit in enumerate(("B", "kB", "MB", "GB", "TB")):
        assert parse_amount(f"2 {unit}") == 2 * 1000**power
    for power, unit in enumerate(("KiB", "MiB", "GiB", "TiB"), 1):
        assert parse_amount(f"2 {unit}") == 2 * 1024**power


@rule(STEP, "Where nothing fits, the step is refused with what it takes, the least that was found,")
def test_what_does_not_fit() -> None:
    _, whole, _ = trained()
    with pytest.raises(DataError, match=f"takes {whole:,} bytes, and .* 1,000 are allowed"):
        trained('memory = "1 kB"')
