"""Sizes of slices, and indices that are out of range: known at once or only while running."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphdsl.graph.build import Builder
from graphdsl.graph.op import OPS, Fault
from graphdsl.graph.sizes import Size, evaluate, symbol
from graphdsl.graph.types import DType, TensorType
from graphdsl.ops.runtime import IndexFault
from ops.harness import Interpreter, apply

N = symbol("N")


def sliced(size: Size, *bounds: Any) -> Size:
    """The size of x[start:stop:step] for a vector x of that size."""
    item = ("slice", *bounds, *[None] * (3 - len(bounds)))
    return OPS["index"].infer(TensorType(DType.f32, (size,)), items=(item,)).shape[0]


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        ((None, None), "N"),
        ((1, None), "N - 1"),
        ((None, -1), "N - 1"),
        ((1, -1), "N - 2"),
        ((None, 5), "min(N, 5)"),
        ((-3, None), "min(N, 3)"),
        ((2, 5), "-min(N, 2) + min(N, 5)"),
        ((5, 2), "0"),
        ((-3, -1), "-min(N, 1) + min(N, 3)"),
        ((None, None, -1), "N"),
        ((None, None, 2), "floor((N + 1) / 2)"),
        ((N - 1, None), "1"),
        ((None, N), "N"),
        ((1, N), "N - 1"),
        ((-N, None), "N"),
    ],
)
def test_slices_of_symbolic_sizes(bounds: tuple[Any, ...], text: str) -> None:
    assert str(sliced(N, *bounds)) == text


@pytest.mark.parametrize("n", [4, 7, 12])
@pytest.mark.parametrize("start", [None, 0, 2, -3])
@pytest.mark.parametrize("stop", [None, 3, -1])
@pytest.mark.parametrize("step", [None, 1, 2, 3])
def test_symbolic_slices_have_the_size_that_numpy_gives(
    n: int, start: int | None, stop: int | None, step: int | None
) -> None:
    if start == -3 and stop == 3:
        return
    found = evaluate(sliced(N, start, stop, step), {"N": n})
    assert found == len(np.empty(n)[start:stop:step])
    assert sliced(n, start, stop, step) == found


def test_two_halves_make_a_whole() -> None:
    assert sliced(N, None, 5) + sliced(N, 5, None) == sliced(N, None, 5) + N - 5
    assert sliced(2 * N, None, N) + sliced(2 * N, N, None) == 2 * N


@pytest.mark.parametrize("bounds", [(1, 4, -1), (-3, 4), (None, None, 0)])
def test_slices_that_are_refused(bounds: tuple[Any, ...]) -> None:
    with pytest.raises(Fault) as caught:
        sliced(N, *bounds)
    assert caught.value.code == "E0207"


def test_an_index_is_checked_where_its_axis_is_known() -> None:
    x = TensorType(DType.f32, (3, N))
    assert OPS["index"].infer(x, items=(2, -9)).shape == ()
    with pytest.raises(Fault, match=r"index 3 is out of range for axis 0 .* expected -3 to 2"):
        OPS["index"].infer(x, items=(3,))
    with pytest.raises(Fault, match="3 indices for the 2 axes"):
        OPS["index"].infer(x, items=(0, 0, 0))
    with pytest.raises(Fault, match="more than one"):
        OPS["index"].infer(x, items=("...", "..."))


def test_an_index_is_checked_where_its_axis_is_bound() -> None:
    builder = Builder()
    type = TensorType(DType.f32, (N,))
    x = builder.add(OPS["input"], (), (("type", type),), type)
    y = builder.apply(OPS["index"], (x,), {"items": (5,)})
    run = Interpreter(builder, {x.id: np.zeros(5, np.float32)}, sizes={"N": 5})
    with pytest.raises(Fault, match="index 5 is out of range for axis 0 of f32\\[5\\]"):
        run.value(y)


def test_symbolic_bounds_and_positions() -> None:
    builder = Builder()
    type = TensorType(DType.f64, (2 * N,))
    x = builder.add(OPS["input"], (), (("type", type),), type)
    y = builder.apply(OPS["index"], (x,), {"items": (("slice", N, None, None),)})
    z = builder.apply(OPS["index"], (x,), {"items": (N - 1,)})
    run = Interpreter(builder, {x.id: np.arange(6.0)}, sizes={"N": 3})
    assert run.value(y).tolist() == [3, 4, 5]
    assert run.value(z).item() == 2


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize(
    ("name", "indices", "least", "attrs"),
    [
        ("gather", [0, 4, 1], -4, {}),
        ("gather", [0, -5, 1], -4, {}),
        ("take_along", [0, 5, 1], 0, {}),
        ("take_along", [0, -1, 1], 0, {}),
        ("take_along", [0, 1, 4, 0, 0], 0, {"axis": 0}),
    ],
)
def test_indices_are_checked_while_running(
    name: str, indices: list[int], least: int, attrs: Any, dtype: Any
) -> None:
    x = np.zeros((3, 5) if name == "take_along" and not attrs else (4, 5))
    size = 5 if name == "take_along" and not attrs else 4
    with pytest.raises(IndexFault) as caught:
        apply(name, x, np.array(indices, dtype), **attrs)
    assert caught.value.size == size
    assert caught.value.found in indices
    assert str(caught.value) == (
        f"y: index {caught.value.found} is out of range: expected {least} to {size - 1}"
    )


def test_labels_are_checked() -> None:
    z = np.zeros((3, 4))
    for label in (-1, 4):
        with pytest.raises(IndexFault):
            apply("cross_entropy", z, np.array([0, label, 1]))
    with pytest.raises(IndexFault, match="index 4 is out of range"):
        apply("one_hot", np.array([0, 4]), n=4, dtype=DType.f32)
    with pytest.raises(IndexFault, match="the axis is empty"):
        apply("gather", np.zeros((0, 2)), np.array([0]))


def test_gradients_of_parts_of_symbolic_size() -> None:
    builder = Builder(DType.f64)
    a, b = np.ones((2, 3)), np.ones((4, 3))
    kinds = [TensorType(DType.f64, (symbol(s), 3)) for s in "NM"]
    x, z = (builder.add(OPS["input"], (), (("type", t),), t) for t in kinds)
    y = builder.apply(OPS["concat"], (x, z), {"axis": 0})
    g = builder.add(OPS["input"], (), (("type", y.type),), y.type)
    rule = OPS["concat"].vjp
    assert callable(rule)
    parts = [rule(i, g, y, x, z, axis=0) for i in range(2)]
    feeds = {x.id: a, z.id: b, g.id: np.arange(18.0).reshape(6, 3)}
    run = Interpreter(builder, feeds, sizes={"N": 2, "M": 4})
    assert run.value(parts[0]).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert run.value(parts[1]).shape == (4, 3)
    assert run.value(parts[1])[0].tolist() == [6, 7, 8]
