"""What is 0 but for one element of each row is added there alone, and means the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.driver import Compilation, Purpose, compile_source
from graphdsl.engines.divided import in_parts
from graphdsl.graph.graph import Graph
from graphdsl.language.source import Source
from graphdsl.session import Session

PUT = "put_along(g, i, size = 4, axis = 1)"
HEAD = "input x: [3, 4]\ninput g: [3]\ninput i: i64[3]\nparam w = 1\n"
X = np.linspace(-2, 3, 12, dtype=np.float32).reshape(3, 4)
G = np.array([1, -2, 0.5], np.float32)
I = np.array([3, 0, 2])  # noqa: E741
ALL = Purpose(("y",))


def compiled(text: str, purpose: Purpose = ALL, head: str = HEAD) -> Graph:
    found: Compilation = compile_source(Source(head + text))
    return found.compiled(purpose).graph


def ops_of(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.nodes]


def by_hand(sign: int) -> Any:
    expected = X.copy()
    expected[np.arange(3), I] += sign * G
    return expected


@pytest.mark.parametrize(
    ("text", "sign"), [(f"x + {PUT}", 1), (f"{PUT} + x", 1), (f"x - {PUT}", -1)]
)
def test_a_sum_with_it_writes_its_places_alone(text: str, sign: int) -> None:
    text = f"output y = {text}"
    assert "add_along" in ops_of(compiled(text))
    assert "put_along" not in ops_of(compiled(text))
    model = graphdsl.loads(HEAD + text)
    np.testing.assert_array_equal(model.run(x=X, g=G, i=I)["y"], by_hand(sign))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_along_any_axis(axis: int) -> None:
    shape = [2, 3]
    shape.insert(axis, 4)
    x = np.arange(24, dtype=np.float64).reshape(shape)
    g, i = np.arange(1.0, 7).reshape(2, 3), np.array([[3, 0, 2], [1, 1, 0]])
    text = (
        f"input x: {shape}\ninput g: [2, 3]\ninput i: i64[2, 3]\n"
        f"output y = exp(x) + put_along(g, i, size = 4, axis = {axis})"
    )
    expected = np.exp(x)
    places = np.expand_dims(i, axis)
    added = np.take_along_axis(expected, places, axis) + np.expand_dims(g, axis)
    np.put_along_axis(expected, places, added, axis)
    found = graphdsl.loads(text, dtype="f64").run(x=x, g=g, i=i)["y"]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("filled", "added"), [("sum(g)", G.sum()), ("0.25", 0.25)])
def test_of_a_scalar_and_of_a_number(filled: str, added: float, sign: int) -> None:
    put = f"put_along(full({filled}, [3]), i, size = 4, axis = 1)"
    model = graphdsl.loads(f"{HEAD}output y = x {'+' if sign > 0 else '-'} {put}")
    expected = X.copy()
    expected[np.arange(3), I] += np.float32(sign * added)
    np.testing.assert_array_equal(model.run(x=X, g=G, i=I)["y"], expected)


def test_what_is_added_to_is_kept_where_others_read_it() -> None:
    model = graphdsl.loads(f"{HEAD}a = exp(x)\noutput y = a + {PUT}\noutput b = a * 2")
    found = model.run(x=X, g=G, i=I)
    np.testing.assert_array_equal(found["b"], np.exp(X) * 2)
    assert found["y"][0, 3] == np.exp(X)[0, 3] + 1


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{PUT} - x", id="taken from it"),
        pytest.param(f"2 * x[0] + {PUT}", id="spread out"),
        pytest.param(f"3 + {PUT}", id="a number"),
        pytest.param(f"x * {PUT}", id="a product"),
    ],
)
def test_other_uses_keep_the_whole_tensor(text: str) -> None:
    assert "add_along" not in ops_of(compiled(f"output y = {text}"))


def test_an_index_out_of_range_changes_nothing() -> None:
    """The places are looked at before the first of them is written."""
    text = "input i: i64[2]\nstate s: [2, 3] = 1\nupdate s = s + put_along([1, 1], i + 1, size = 3"
    model = graphdsl.loads(f"{text}, axis = 1)\ntrain {{ epochs = 1 }}")
    trainer = model.trainer()
    with pytest.raises(graphdsl.DataError, match="index 3"):
        trainer.step(i=[1, 2])
    np.testing.assert_array_equal(model.session.memory.states["s"], np.ones((2, 3)))
    trainer.step(i=[1, 0])
    np.testing.assert_array_equal(model.session.memory.states["s"], [[1, 1, 2], [1, 2, 1]])


LOSS = """
dim N
input x: [N, 5]
input y: i64[N]
param W: [5, 4] ~ normal(0, 1)
loss J = mean(cross_entropy(x @ W, y{smoothing}))
train {{ optimizer = sgd(lr = 0.5) }}
"""


@pytest.mark.parametrize("smoothing", ["", ", smoothing = 0.1"])
def test_the_gradient_of_cross_entropy_fills_no_tensor_with_a_number(smoothing: str) -> None:
    found = ops_of(
        compiled(LOSS.format(smoothing=smoothing), Purpose(("J",), ("W",), training=True), "")
    )
    assert "add_along" in found
    assert not {"put_along", "full"} & set(found)


@pytest.mark.parametrize("smoothing", ["", ", smoothing = 0.1"])
def test_workers_add_to_their_own_rows(smoothing: str) -> None:
    session = Session(compile_source(Source(LOSS.format(smoothing=smoothing))))
    compiled = session.compilation.compiled(session.compilation.step_purpose())
    schedule = in_parts(compiled.graph, {"N": 4096 * 64}, compiled.layout, 2)
    assert schedule is not None
    assert len(schedule.workers) == 2
