"""What a step takes as it is fed, and what it looks at more closely."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.graph.kernel import Array
from graphdsl.training.taken import RunFed, taking_as_fed

X = np.arange(12, dtype=np.float32).reshape(3, 4)
Y = np.arange(3)
OWNED = np.zeros((3, 4), np.float32)
CLOCK = (1, 0, 10.0)


@pytest.fixture
def run() -> RunFed:
    return taking_as_fed(_as_tuple, {"x": X, "of": Y}, lambda array: array.base is OWNED)


def _as_tuple(*args: Any) -> tuple[Any, ...]:
    return args


class Named(np.ndarray[Any, np.dtype[Any]]):
    """A subclass may compute other things than its elements say."""


def test_like_arrays_are_taken_in_the_programs_order(run: RunFed) -> None:
    other, labels = X.copy(), Y.copy()
    taken = run({"of": labels, "x": other}, 3, 2, 9.0)
    assert taken is not None
    assert taken[0] is other
    assert taken[1] is labels
    assert taken[2:] == (3, 2, 9.0)


def test_rows_of_a_larger_array_and_read_only_ones_are_taken(run: RunFed) -> None:
    rows = np.zeros((6, 4), np.float32)[1:4]
    rows.setflags(write=False)
    assert run({"x": rows, "of": Y}, *CLOCK) is not None


@pytest.mark.parametrize(
    "x",
    [
        pytest.param(X[:2], id="fewer rows"),
        pytest.param(X.reshape(4, 3), id="other shape"),
        pytest.param(X.reshape(3, 4, 1), id="more axes"),
        pytest.param(X.astype(np.float64), id="wider"),
        pytest.param(X.view(np.int32), id="other kind"),
        pytest.param(X.astype(X.dtype.newbyteorder()), id="other byte order"),
        pytest.param(np.asfortranarray(X), id="columns first"),
        pytest.param(np.zeros((3, 8), np.float32)[:, ::2], id="gaps"),
        pytest.param(X.view(Named), id="subclass"),
        pytest.param(X.tolist(), id="no array"),
        pytest.param(OWNED[:], id="the model's own"),
        pytest.param(None, id="nothing"),
    ],
)
def test_others_are_not(run: RunFed, x: Any) -> None:
    assert run({"x": x, "of": Y}, *CLOCK) is None


def test_names_have_to_be_those_of_the_inputs(run: RunFed) -> None:
    assert run({"x": X}, *CLOCK) is None
    assert run({"x": X, "off": Y}, *CLOCK) is None
    assert run({"x": X, "of": Y, "more": Y}, *CLOCK) is None
    assert run({}, *CLOCK) is None


def test_a_program_without_inputs_takes_nothing() -> None:
    run = taking_as_fed(_as_tuple, {}, lambda array: False)
    assert run({}, *CLOCK) == CLOCK
    assert run({"x": X}, *CLOCK) is None


def test_a_step_computes_the_same_whatever_way_the_array_comes() -> None:
    """Taken as it is or converted: the losses are the same bits."""

    def losses(x: Any) -> list[float]:
        model = graphdsl.loads(
            "dim N\ninput x: [N, 4]\nparam W: [4, 2] ~ normal(0, 1)\n"
            "loss J = mean((x @ W)^2)\ntrain { optimizer = adam(lr = 0.1) }"
        )
        trainer = model.trainer()
        return [trainer.step(x=X), *(trainer.step(x=x) for _ in range(3))]

    def alike(x: Array) -> list[Any]:
        return [np.asfortranarray(x), x.astype(np.float64), x.tolist(), x.view(Named)]

    expected = losses(X)
    assert [losses(x) for x in alike(X)] == [expected] * 4
