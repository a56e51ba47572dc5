"""What several kernels would do alike with an operand is done once, before all of them."""

from __future__ import annotations

import re

import numpy as np
import pytest

import graphdsl
from compiler.verify_plan import verify
from graphdsl.compiler.schedule import Schedule

LABELLED = """\
dim N
input x: [N, 3]
input y: i64[N]
param W: [3, 4] = 0.5
loss J = mean(cross_entropy(x @ W, y))
train { optimizer = sgd(lr = 0.1) }
"""
COMPUTED = """\
input x: [4, 3]
input k: i64[4]
p = k - 1
a = take_along(x, p)
b = take_along(exp(x), p)
output y = a * b
"""
ELSEWHERE = """\
input x: [4, 3]
input z: [4, 5]
input k: i64[4]
output a = take_along(x, k)
output b = take_along(z, k)
"""
TABLES = """\
input E: [5, 2]
input F: [5, 3]
input k: i64[4]
p = k + 1
output a = sum(E[p])
output b = sum(F[p])
"""


def plan_of(text: str, training: bool = False, **sizes: int) -> Schedule:
    """The schedule of a model's step, or of its outputs."""
    compilation = graphdsl.loads(text).compilation
    names = tuple(result.name for result in compilation.graph().results)
    purpose = compilation.step_purpose() if training else graphdsl.driver.Purpose(names)
    return compilation.compiled(purpose).plan(sizes)


def statements(schedule: Schedule) -> list[str]:
    return [line for step in schedule.steps for line in step.lines]


def checks(schedule: Schedule) -> list[str]:
    return [line for line in statements(schedule) if line.startswith("check_")]


def test_labels_are_checked_and_placed_once_in_a_step() -> None:
    schedule = plan_of(LABELLED, training=True, N=8)
    lines = statements(schedule)
    assert len(checks(schedule)) == 1
    (placed,) = [line for line in lines if re.match(r"add\(x\d+, c\d+, b\d+_0\)", line)]
    places = placed.removesuffix(")").rpartition(" ")[2]
    readers = [n for n, step in enumerate(schedule.steps) if places in " ".join(step.lines)]
    assert len(readers) == 2  # forward and reverse
    assert (schedule.slots[places].start, schedule.slots[places].end) == tuple(readers)


def test_computed_positions_are_shared_too() -> None:
    schedule = plan_of(COMPUTED)
    assert len(checks(schedule)) == 1
    assert sum(".take(" in line for line in statements(schedule)) == 2
    assert sum("i64" in str(slot.type.dtype) for slot in schedule.slots.values()) <= 2


def test_positions_in_another_shape_are_others() -> None:
    schedule = plan_of(ELSEWHERE)
    assert [line.split(", ")[1] for line in checks(schedule)] == ["3", "5"]
    x, z = np.arange(12.0).reshape(4, 3), np.arange(20.0).reshape(4, 5)
    found = graphdsl.loads(ELSEWHERE).run(x=x, z=z, k=[2, 0, 1, 2])
    assert found["a"].tolist() == [2, 3, 7, 11]
    assert found["b"].tolist() == [2, 5, 11, 17]


def test_one_check_serves_two_tables_of_a_size() -> None:
    assert len(checks(plan_of(TABLES))) == 1
    other = TABLES.replace("F: [5, 3]", "F: [6, 3]")
    assert [line.split(", ")[1] for line in checks(plan_of(other))] == ["5", "6"]


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("rows", [1, 8])
def test_a_step_with_shared_places_computes_what_it_says(engine: str, rows: int) -> None:
    if engine == "numba":
        pytest.importorskip("numba")
    random = np.random.default_rng(rows)
    x, y = random.standard_normal((rows, 3)), random.integers(0, 4, rows)
    model = graphdsl.loads(LABELLED, dtype="f64", engine=engine)
    model.trainer().step(x=x, y=y)
    p = np.full((rows, 4), 0.25)
    p[np.arange(rows), y] -= 1
    np.testing.assert_allclose(model.params["W"], 0.5 - 0.1 * (x.T @ p) / rows, rtol=1e-12)


def test_a_computed_position_out_of_range_names_the_first_that_meets_it() -> None:
    model = graphdsl.loads(COMPUTED.replace("k - 1", "k + 1"))
    x = np.ones((4, 3))
    with pytest.raises(graphdsl.DataError, match=r"^.*a at .*: index 3 is out of range"):
        model.run(x=x, k=[0, 1, 2, 0])


def test_shared_places_live_as_long_as_they_are_read() -> None:
    """Many arrays come and go between the two readers; none may stand where the places do."""
    deep = LABELLED.replace("x @ W, y", "exp(tanh(x @ W)) * tanh(x @ W), y")
    model = graphdsl.loads(deep)
    session = model.session
    model.trainer().step(x=np.ones((8, 3)), y=np.arange(8) % 4)
    compiled = session.compilation.compiled(session.compilation.step_purpose())
    fed = {"x": np.ones((8, 3), np.float32), "y": np.arange(8) % 4}
    assert verify(compiled.plan({"N": 8}), session.memory, fed, (1, 1, 1))
