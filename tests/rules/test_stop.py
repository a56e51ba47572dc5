"""What `stop` is made of, and when training ends because of it."""

from __future__ import annotations

import numpy as np
import pytest

import graphdsl
from rules.citations import rule

TRAINING = "Training"
VALID = {"split": [0.5, 0.5], "split_seed": 0}


def epochs_until(stop: str, rate: float = 0.0, **settings: object) -> int:
    """The epochs of at most 50 that training goes through; at a rate of 0 nothing improves."""
    model = graphdsl.loads(
        "dim N\ninput x: [N]\nparam w = 0\nloss J = mean((w - x)^2)\n"
        f"train {{\n  optimizer = sgd(lr = {rate})\n  epochs = 50\n  batch = 5\n"
        f"  stop = {stop}\n}}\n",
        dtype="f64",
    )
    return len(model.fit({"x": np.arange(20.0)}, **settings).epochs)


@rule(TRAINING, "`stop` is made of these calls, joined by `and`, `or` and parentheses")
@pytest.mark.parametrize(
    ("stop", "epochs"),
    [
        ("early(J, patience = 2)", 3),
        ("early(J, patience = 2) and after(epochs = 6)", 6),
        ("early(J, patience = 9) or after(epochs = 6)", 6),
        ("(early(J, patience = 2) and after(epochs = 6)) or after(seconds = 3600)", 6),
        ("early(J, patience = 9) and (after(epochs = 6) or after(epochs = 2))", 10),
        ("after(epochs = 2) or early(J, patience = 2) and after(epochs = 6)", 2),
    ],
)
def test_criteria_are_joined(stop: str, epochs: int) -> None:
    assert epochs_until(stop, **VALID) == epochs


@rule(
    TRAINING, "A criterion holds or not at a moment: training stops when the whole expression does."
)
def test_a_criterion_may_hold_before_the_expression_does() -> None:
    assert epochs_until("after(epochs = 1) and after(epochs = 4)") == 4


@rule(TRAINING, '`plateau(J, window = 5, min_delta = 0, part = "valid")`')
def test_a_plateau_of_either_part() -> None:
    assert epochs_until("plateau(J)", **VALID) == 6
    assert epochs_until("plateau(J, window = 2)", **VALID) == 3
    assert epochs_until('plateau(J, window = 3, part = "train")') == 4
    improving = "plateau(J, window = 2, min_delta = {})"
    assert epochs_until(improving.format(0), rate=0.001, **VALID) == 50
    assert epochs_until(improving.format(1e9), rate=0.001, **VALID) == 3


@rule(TRAINING, "`after(epochs = 5)`, `after(steps = 500)`, `after(seconds = 60)`")
def test_after_a_while() -> None:
    assert epochs_until("after(epochs = 3)") == 3
    assert epochs_until("after(seconds = 1e-9)") < 2
    model = graphdsl.loads(
        "dim N\ninput x: [N]\nparam w = 0\nloss J = mean((w - x)^2)\n"
        "train {\n  optimizer = sgd()\n  batch = 5\n  stop = after(steps = 6)\n}\n"
    )
    history = model.fit({"x": np.arange(20.0)})  # four steps an epoch: it ends in the second
    assert [row["step"] for row in history.epochs] == [4, 6]


@rule(TRAINING, "Schedules count on `epochs`, whatever `stop` says.")
def test_a_schedule_does_not_see_stop() -> None:
    """With a rate that falls by a tenth of lr a step, four steps of ten go 1 + 0.9 + 0.8 + 0.7."""
    text = (
        "input x\nparam w = 0\nloss J = w * x\n"
        "block falling(lr) {\n  return lr * (1 - (t - 1) / total_steps)\n}\n"
        "train {\n  optimizer = sgd(lr = falling(1))\n  epochs = 10\n"
        "  stop = after(epochs = 4)\n}\n"
    )
    model = graphdsl.loads(text, dtype="f64")
    model.fit({"x": np.float64(1)})
    assert float(model.params["w"]) == pytest.approx(-3.4)
