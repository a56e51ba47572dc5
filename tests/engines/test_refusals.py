"""An index out of range that was fed itself is told with its input and its row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import graphdsl
from graphdsl.engines import divided
from graphdsl.graph.kernel import Array

MODEL = """\
dim N
input x: [N, 3]
input y: i64[N]
param W: [3, 4] ~ normal(0, 0.1)
loss J = mean(cross_entropy(x @ W, y))
train { optimizer = sgd(lr = 0.1) }
"""
Step = Callable[[graphdsl.Model, Array, object], object]


def steps(model: graphdsl.Model, x: Array, y: object) -> object:
    """Twice: a trainer checks what is fed first only once."""
    trainer = model.trainer()
    trainer.step(x=x, y=[0] * len(x))
    return trainer.step(x=x, y=y)


def refused(model: graphdsl.Model, call: Step, y: object) -> str:
    with pytest.raises(graphdsl.DataError, match="E0607") as caught:
        call(model, np.ones((6, 3), np.float32), y)
    return str(caught.value)


@pytest.mark.parametrize(
    "y",
    [
        [0, 1, 2, 9, 9, 0],
        np.array([0, 1, 2, 9, 9, 0]),
        np.array([0, 1, 2, 9, 9, 0], np.int32),
        np.arange(12).reshape(6, 2)[:, 0] % 10 * [1, 1, 1, 1.5, 0, 0],
    ],
    ids=["list", "i64", "i32", "whole floats"],
)
@pytest.mark.parametrize(
    "call",
    [
        steps,
        lambda model, x, y: model.run(x=x, y=y),
        lambda model, x, y: model.value_and_grad(x=x, y=y),
    ],
    ids=["step", "run", "value_and_grad"],
)
def test_the_row_is_told(call: Step, y: object) -> None:
    text = refused(graphdsl.loads(MODEL), call, y)
    assert "cross_entropy at <text>:5:15: index 9 is out of range: expected 0 to 3" in text
    assert "help: 9 stands in input 'y', row 3" in text


def test_the_row_is_that_of_the_batch_where_workers_share_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(divided, "_count_workers", lambda graph, sizes, cores: 2)
    model = graphdsl.loads(MODEL)
    assert "row 4" in refused(model, steps, np.array([0, 1, 2, 0, -1, 0]))
    compiled = model.session.compilation.compiled(model.session.compilation.step_purpose())
    assert compiled.plan_blocks({"N": 6}).workers


def test_of_inputs_in_one_table_the_indexed_one_is_told() -> None:
    table = np.array([[7, 0], [0, 1], [0, 7]])
    text = "dim N\ninput a: i64[N]\ninput b: i64[N]\ninput E: [3]\noutput y = E[b] + a\n"
    with pytest.raises(graphdsl.DataError) as caught:
        graphdsl.loads(text).run(a=table[:, 0], b=table[:, 1], E=[1, 2, 3])
    assert str(caught.value).count("stands in") == 1
    assert "7 stands in input 'b', row 2" in str(caught.value)


def test_of_inputs_that_overlap_the_indexed_one_is_told() -> None:
    """Each is in C order, and read where it stands."""
    table = np.array([0, 1, 2, 0, 1, 2, 7])
    text = "dim N\ninput a: i64[N]\ninput b: i64[N]\ninput E: [3]\noutput y = E[b] + a\n"
    with pytest.raises(graphdsl.DataError) as caught:
        graphdsl.loads(text).run(a=table[:5], b=table[2:], E=[1, 2, 3])
    assert str(caught.value).endswith("help: 7 stands in input 'b', row 4")


def test_rows_that_are_not_indexed_are_not_told() -> None:
    text = "input k: i64[6]\ninput E: [3]\noutput y = E[k[3:]]\n"
    with pytest.raises(graphdsl.DataError) as caught:
        graphdsl.loads(text).run(k=[9, 0, 0, 0, 9, 0], E=[1, 2, 3])
    assert str(caught.value).endswith("help: 9 stands in input 'k', row 4")


def test_what_is_computed_stands_in_no_input() -> None:
    text = "input k: i64[3]\ninput E: [3]\noutput y = E[k + 1]\n"
    with pytest.raises(graphdsl.DataError, match="index 3 is out of range") as caught:
        graphdsl.loads(text).run(k=[3 - 1, 0, 1], E=[1, 2, 3])
    assert "stands in" not in str(caught.value)


def test_a_lone_index_has_no_row() -> None:
    text = "input k: i64\ninput E: [3]\noutput y = E[k]\n"
    with pytest.raises(graphdsl.DataError) as caught:
        graphdsl.loads(text).run(k=7, E=[1, 2, 3])
    assert str(caught.value).endswith("help: 7 stands in input 'k'")


def test_a_row_of_the_data_stands_instead_of_that_of_a_batch() -> None:
    x, y = np.ones((40, 3)), np.zeros(40, np.int64)
    y[33] = 9
    with pytest.raises(graphdsl.DataError) as caught:
        graphdsl.loads(MODEL).fit({"x": x, "y": y}, batch=10, epochs=1, split=None)
    text = str(caught.value)
    assert text.count("stands in") == 1
    assert "row 33 of the arrays" in text


def test_of_a_stream_row_and_batch_are_told() -> None:
    x = np.ones((2, 3))
    batches = [{"x": x, "y": [0, 1]}, {"x": x, "y": [0, 9]}]
    with pytest.raises(graphdsl.DataError) as caught:
        graphdsl.loads(MODEL).fit(batches, epochs=1)
    assert "9 stands in input 'y', row 1" in str(caught.value)
    assert "met in batch 2 of epoch 1" in str(caught.value)


@pytest.mark.parametrize("y", [np.broadcast_to(9, (1,)), np.full((1, 2), 9)[:, 0]])
def test_a_single_row_has_any_strides(y: Array) -> None:
    with pytest.raises(graphdsl.DataError, match="9 stands in input 'y', row 0"):
        graphdsl.loads(MODEL).run(x=np.ones((1, 3), np.float32), y=y)
