"""Ops on whole tensors, case by case: the kernel against NumPy, on arrays in and out of order, in
both float types, and the VJP against central differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from graphdsl.graph.build import Builder
from graphdsl.graph.kernel import Array
from graphdsl.graph.op import OPS
from graphdsl.graph.types import DType
from ops.harness import Interpreter, apply, differences, feed, vjp

RNG = np.random.default_rng(0)
LABELS = np.array([2, 0, 1])


def draw(*shape: int) -> Array:
    """Values from -3 to 3."""
    return np.asarray(RNG.uniform(-3, 3, shape))


@dataclass
class Case:
    """An op on given operands; `expected` computes the result from the same operands."""

    op: str
    operands: tuple[Array, ...]
    expected: Callable[..., Any]
    attrs: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        shapes = "x".join(str(list(x.shape)) for x in self.operands)
        return f"{self.op}-{shapes}-{self.attrs}"


def _softmax(x: Array, axis: Any = -1) -> Array:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _logsumexp(x: Array, axis: Any = None, keepdims: bool = False) -> Any:
    m = x.max(axis, keepdims=True)
    y = m + np.log(np.exp(x - m).sum(axis, keepdims=True))
    return y if keepdims else y.reshape(x.sum(axis).shape)


def _cross_entropy(z: Array, y: Array) -> Any:
    rows = np.log(_softmax(z))
    if y.dtype.kind == "f":
        return -(y * rows).sum(-1)
    return -np.take_along_axis(rows, y[..., None].astype(np.int64), -1)[..., 0]


def _scatter(g: Array, indices: Array, size: int, axis: int) -> Array:
    y = np.zeros((*g.shape[:axis], size, *g.shape[axis + indices.ndim :]), g.dtype)
    np.add.at(y, (slice(None),) * axis + (indices,), g)
    return y


def _place(shape: tuple[int, ...], index: Any, g: Array) -> Array:
    y = np.zeros(shape, g.dtype)
    y[index] = g
    return y


def _put(g: Array, indices: Array, size: int, axis: int) -> Array:
    y = np.zeros((*g.shape[:axis], size, *g.shape[axis:]), g.dtype)
    np.put_along_axis(y, np.expand_dims(indices, axis), np.expand_dims(g, axis), axis)
    return y


def _mse(a: Array, b: Array) -> Any:
    squares = (a - b) ** 2
    return squares.reshape(len(squares), -1).mean(1)


REDUCTIONS: dict[str, Any] = {
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
    "min": np.min,
    "logsumexp": lambda x, axis, keepdims: _logsumexp(x, axis, keepdims),
}
AXES = [((5,), None), ((3, 4), None), ((3, 4), 0), ((3, 4), -1), ((2, 3, 4), (0, 1))]
AXES += [((2, 3, 4), (1, 2)), ((2, 3, 4), 1), ((2, 3, 4), (0, 2)), ((2, 3, 4), (2, 0, 1))]
AXES += [((2, 3, 4), ()), ((1, 4), 0), ((4, 1), 1), ((4, 1), 0), ((1, 1), None)]


def _reduction(name: str, shape: Any, axis: Any, keepdims: bool) -> Case:
    function = REDUCTIONS[name]
    return Case(
        name,
        (draw(*shape),),
        lambda x: function(x, axis=axis, keepdims=keepdims),
        {"axis": axis, "keepdims": keepdims},
    )


MATMULS = [((4,), (4,)), ((3, 4), (4,)), ((4,), (4, 2)), ((3, 4), (4, 2)), ((2, 3, 4), (4,))]
MATMULS += [((2, 3, 4), (4, 2)), ((2, 3, 4), (2, 4, 5)), ((3, 4), (2, 4, 5)), ((4,), (2, 4, 5))]
MATMULS += [((2, 1, 3, 4), (5, 4, 2)), ((3, 0), (0, 2)), ((1, 3, 4), (2, 4, 1))]
whole = ("slice", None, None, None)
INDICES: list[tuple[tuple[int, ...], tuple[Any, ...], Any]] = [
    ((5,), (2,), 2),
    ((5, 3), (-1,), -1),
    ((5, 3), (whole, ("slice", 1, 3, None)), (slice(None), slice(1, 3))),
    ((5, 3), ("...", 0), (..., 0)),
    ((2, 3, 4), (1, "...", ("slice", None, None, -1)), (1, ..., slice(None, None, -1))),
    ((6,), (("slice", 4, 1, -2),), slice(4, 1, -2)),
    ((6,), (("slice", 4, 1, None),), slice(4, 1)),
]
CASES = [
    *(_reduction(n, s, a, k) for n in REDUCTIONS for s, a in AXES for k in (False, True)),
    *(Case("matmul", (draw(*a), draw(*b)), np.matmul) for a, b in MATMULS),
    Case("vdot", (draw(3, 4), draw(3, 4)), lambda a, b: (a * b).sum()),
    Case("reshape", (draw(3, 4),), lambda x: x.reshape(2, 6), {"shape": (2, -1)}),
    Case("reshape", (draw(2, 1),), lambda x: x.reshape(2), {"shape": (2,)}),
    Case("expand", (draw(3, 4),), lambda x: x[:, None], {"axis": 1}),
    Case("expand", (draw(3, 4),), lambda x: x[..., None], {"axis": -1}),
    Case("squeeze", (draw(3, 1, 4),), lambda x: x[:, 0], {"axis": 1}),
    Case("transpose", (draw(2, 3, 4),), np.transpose),
    Case("transpose", (draw(2, 3, 4),), lambda x: x.transpose(2, 0, 1), {"axes": (2, 0, -2)}),
    Case("swap", (draw(3, 4),), lambda x: x.T),
    Case("swap", (draw(2, 3, 4),), lambda x: x.swapaxes(1, 2)),
    Case(
        "broadcast_to",
        (draw(3, 1),),
        lambda x: np.broadcast_to(x, (2, 3, 4)),
        {"shape": (2, 3, 4)},
    ),
    Case("concat", (draw(2, 3), draw(4, 3)), lambda *x: np.concatenate(x), {"axis": 0}),
    Case(
        "concat",
        (draw(2, 3), draw(2, 0), draw(2, 1)),
        lambda *x: np.concatenate(x, 1),
        {"axis": -1},
    ),
    Case("stack", (draw(2, 3), draw(2, 3)), lambda *x: np.stack(x), {}),
    Case("stack", (draw(2, 3), draw(2, 3)), lambda *x: np.stack(x, -1), {"axis": -1}),
    Case("stack", (draw(), draw()), lambda *x: np.stack(x), {}),
    *(
        Case("take_slice", (draw(*s),), lambda x, i=i: x[i], attrs)
        for s, i, attrs in (
            ((5, 3), (slice(1, 3),), {"shape": (2, 3), "start": (1, 0)}),
            ((5, 3), (slice(None), slice(2)), {"shape": (5, 2)}),
            (
                (6, 4),
                (slice(1, 6, 2), slice(2, 3)),
                {"shape": (3, 1), "start": (1, 2), "step": (2, 1)},
            ),
            ((6,), (slice(4, None, -2),), {"shape": (3,), "start": (4,), "step": (-2,)}),
            ((6,), (slice(0, 0),), {"shape": (0,), "start": (9,)}),
            ((), (), {"shape": ()}),
        )
    ),
    *(
        Case("put_slice", (draw(*s),), lambda g, i=i, o=o: _place(o, i, g), attrs | {"shape": o})
        for s, o, i, attrs in (
            ((2, 3), (5, 3), (slice(1, 3),), {"start": (1, 0)}),
            ((3, 1), (6, 4), (slice(1, 6, 2), slice(2, 3)), {"start": (1, 2), "step": (2, 1)}),
            ((3,), (6,), (slice(4, None, -2),), {"start": (4,), "step": (-2,)}),
            ((0,), (6,), (slice(0, 0),), {}),
            ((), (), (), {}),
        )
    ),
    Case("full", (draw(),), lambda v: np.full((2, 3), v), {"shape": (2, 3)}),
    *(Case("index", (draw(*s),), lambda x, i=i: x[i], {"items": items}) for s, items, i in INDICES),
    Case("gather", (draw(5, 3), np.array([4, 0, -5, 0])), lambda x, i: x[i]),
    Case("gather", (draw(5), np.array([[4, 0], [1, -1]], np.int32)), lambda x, i: x[i]),
    Case("gather", (draw(5, 3), np.array([[2, 0]])), lambda x, i: x[:, i], {"axis": -1}),
    Case("gather", (draw(5, 3), np.array(2)), lambda x, i: x[i]),
    Case("gather", (draw(5, 3), np.zeros(0, np.int64)), lambda x, i: x[i]),
    *(
        Case(
            "scatter_add",
            (draw(*shape), indices),
            lambda g, i, axis=axis: _scatter(g, i, 5, axis),
            {"size": 5, "axis": axis},
        )
        for shape, indices, axis in (
            ((4, 2), np.array([4, 0, -5, 0]), 0),
            ((4, 3), np.array([4, 0, -5, 0]), 0),
            ((4,), np.array([4, 0, -1, 0], np.int32), 0),
            ((2, 2, 6), np.array([[4, 0], [0, -1]]), 0),
            ((3, 4), np.array([4, 0, -1, 0]), 1),
            ((3, 4, 2), np.array([4, 0, -1, 0]), 1),
            ((2,), np.array(3), 0),
            ((0, 2), np.zeros(0, np.int64), 0),
        )
    ),
    *(
        Case("take_along", (draw(*s), i), lambda x, i, a=a: _picked(x, i, a), {"axis": a})
        for s, i, a in (
            ((3, 4), LABELS, -1),
            ((3, 4), np.array([2, 0, 1, 1], np.int32), 0),
            ((3, 2, 2), RNG.integers(0, 2, (3, 2)), 1),
            ((4,), np.array(3), 0),
            ((0, 4), np.zeros(0, np.int64), -1),
        )
    ),
    Case("put_along", (draw(3), LABELS), lambda g, i: _put(g, i, 4, 1), {"size": 4, "axis": 1}),
    Case(
        "put_along",
        (draw(3, 2), RNG.integers(0, 4, (3, 2))),
        lambda g, i: _put(g, i, 4, 1),
        {"size": 4, "axis": 1},
    ),
    *(
        Case(name, (draw(*s),), lambda x, f=f, a=a: f(x, a), {"axis": a})
        for name, f in (
            ("softmax", _softmax),
            ("log_softmax", lambda x, a: np.log(_softmax(x, a))),
        )
        for s, a in (((3, 4), -1), ((3, 4), 0), ((2, 3, 4), (1, 2)), ((5,), None))
    ),
    Case("cross_entropy", (draw(3, 4), LABELS), _cross_entropy),
    Case("cross_entropy", (draw(3, 4), LABELS.astype(np.int32)), _cross_entropy),
    Case("cross_entropy", (draw(2, 3, 4), RNG.integers(0, 4, (2, 3))), _cross_entropy),
    Case("cross_entropy", (draw(4), np.array(1)), _cross_entropy),
    Case("cross_entropy", (draw(3, 4), _softmax(draw(3, 4))), _cross_entropy),
    Case("mse", (draw(3, 4), draw(3, 4)), _mse),
    Case("mse", (draw(3), draw(3)), _mse),
    Case("mse", (draw(3, 2, 4), draw(4)), _mse),
]


def _picked(x: Array, indices: Array, axis: int) -> Array:
    return np.take_along_axis(x, np.expand_dims(indices, axis).astype(np.int64), axis).squeeze(axis)


def call(case: Case, *operands: Array) -> Array:
    attrs = dict(case.attrs)
    if "dtype" in OPS[case.op].attributes:
        attrs["dtype"] = DType.f32 if operands[0].dtype == np.float32 else DType.f64
    found: Array = apply(case.op, *operands, **attrs)
    return found


def narrowed(x: Array) -> Array:
    """f32 for f64; whatever else it is stays."""
    return x.astype(np.float32) if x.dtype == np.float64 else x


@pytest.mark.parametrize("case", CASES, ids=str)
def test_kernel(case: Case) -> None:
    exact = np.asarray(case.expected(*case.operands))
    found = call(case, *case.operands)
    np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-12, strict=True)
    single = call(case, *map(narrowed, case.operands))
    np.testing.assert_allclose(single, narrowed(exact), rtol=2e-5, atol=2e-6, strict=True)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_kernel_on_arrays_out_of_order(case: Case) -> None:
    def strided(x: Array) -> Array:
        if not x.ndim:
            return x
        wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
        wide[..., ::2] = x
        return wide[..., ::2]

    exact = case.expected(*case.operands)

    def transposed(x: Array) -> Array:
        return x.T.copy().T

    for changed in (transposed, strided):
        found = call(case, *map(changed, case.operands))
        np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-12)


def _derivable(case: Case) -> bool:
    return OPS[case.op].vjp is not None and all(x.size for x in case.operands)


@pytest.mark.parametrize("case", list(filter(_derivable, CASES)), ids=str)
def test_vjp(case: Case) -> None:
    op, attrs = OPS[case.op], dict(case.attrs)
    if "dtype" in op.attributes:
        attrs["dtype"] = DType.f64
    y = call(case, *case.operands)
    g = np.asarray(np.random.default_rng(1).standard_normal(y.shape))
    for position, x in enumerate(case.operands):
        if x.dtype.kind == "f":
            found = vjp(op, position, g, *case.operands, **attrs)
            expected = differences(op, position, g, *case.operands, **attrs)
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_sums_of_integers_and_truth_values() -> None:
    i, b = np.arange(6, dtype=np.int32).reshape(2, 3), np.array([True, False, True])
    assert apply("sum", i, axis=0).tolist() == [3, 5, 7]
    assert apply("sum", i).dtype == np.int64
    assert apply("sum", b).item() == 2
    assert apply("mean", b).dtype == np.float32
    assert apply("mean", np.ones(49, bool)).item() == 1
    assert apply("max", i, axis=1).tolist() == [2, 5]
    assert apply("max", b).item() is True
    assert apply("min", b).item() is False
    assert apply("vdot", i, i).item() == 55


def test_sum_of_many_in_single_precision() -> None:
    x = RNG.random(300_000, dtype=np.float32)
    assert apply("sum", x).item() == pytest.approx(x.sum(dtype=np.float64), rel=1e-5)


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min"])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_reductions_with_infinities_and_nan(name: str, axis: int | None) -> None:
    x = np.array([[1, np.inf], [np.nan, 2], [3, 4]])
    expected = getattr(np, name)(x, axis=axis)
    np.testing.assert_array_equal(apply(name, x, axis=axis), expected)


def test_reductions_of_nothing() -> None:
    x = np.zeros((0, 3))
    assert apply("sum", x, axis=0).tolist() == [0, 0, 0]
    assert np.isnan(apply("mean", x))
    assert apply("max", x, axis=0).tolist() == [-np.inf] * 3
    assert apply("min", x, axis=0).tolist() == [np.inf] * 3
    assert apply("max", x.astype(np.int32)).item() == -(2**31)
    assert apply("max", x, axis=1).shape == (0,)
    assert apply("argmax", x, axis=1).shape == (0,)
    assert apply("logsumexp", x, axis=0).tolist() == [-np.inf] * 3


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_positions_of_extrema(name: str, axis: int, keepdims: bool) -> None:
    x = draw(3, 4, 5)
    x[1, 2] = 3.5
    expected = getattr(np, name)(x, axis=axis, keepdims=keepdims)
    found = apply(name, x, axis=axis, keepdims=keepdims)
    np.testing.assert_array_equal(found, expected, strict=True)


def test_positions_default_to_the_last_axis() -> None:
    x = draw(3, 4)
    np.testing.assert_array_equal(apply("argmax", x), x.argmax(-1))


@pytest.mark.parametrize("name", ["any", "all"])
@pytest.mark.parametrize("axis", [None, 0, (0, 1)])
def test_quantifiers(name: str, axis: Any) -> None:
    for x in (RNG.random((3, 4)) > 0.4, RNG.integers(0, 2, (3, 4))):
        expected = getattr(np, name)(x, axis=axis)
        np.testing.assert_array_equal(apply(name, x, axis=axis), expected)


def test_gradient_of_equal_maxima_is_shared() -> None:
    x = np.array([[1.0, 3, 3], [2, 2, 2]])
    g = np.ones(2)
    found = vjp(OPS["max"], 0, g, x, axis=1, keepdims=False)
    np.testing.assert_allclose(found, [[0, 0.5, 0.5], [1 / 3] * 3])


def test_logsumexp_far_out() -> None:
    x = np.array([[1000.0, 1000], [-np.inf, -np.inf], [np.inf, 0], [-np.inf, 2]])
    expected = [1000 + np.log(2), -np.inf, np.inf, 2]
    np.testing.assert_allclose(apply("logsumexp", x, axis=1), expected)


def test_softmax_family_far_out() -> None:
    z = np.array([[1000.0, 0], [-1000, 0], [-np.inf, 0]])
    np.testing.assert_array_equal(apply("softmax", z), [[1, 0], [0, 1], [0, 1]])
    np.testing.assert_array_equal(apply("log_softmax", z), [[0, -1000], [-1000, 0], [-np.inf, 0]])
    np.testing.assert_array_equal(apply("cross_entropy", z, np.zeros(3, int)), [0, 1000, np.inf])


def test_constant_tensors() -> None:
    def made(name: str, **attrs: Any) -> Array:
        builder = Builder()
        value: Array = Interpreter(builder, {}).value(builder.apply(OPS[name], (), attrs))
        return value

    assert made("zeros", shape=(2,), dtype=DType.i32).tolist() == [0, 0]
    assert made("ones", shape=(2, 1), dtype=DType.f32).tolist() == [[1], [1]]
    assert made("eye", n=2, dtype=DType.f64).tolist() == [[1, 0], [0, 1]]
    assert made("eye", n=1, m=2, dtype=DType.bool).tolist() == [[True, False]]
    assert made("arange", n=3).tolist() == [0, 1, 2]
    assert made("arange", n=3, start=1, step=0.5, dtype=DType.f32).tolist() == [1, 1.5, 2]
    assert made("arange", n=0).shape == (0,)
    assert apply("full", 0.5, shape=(2,), dtype=DType.f32).tolist() == [0.5, 0.5]
    one_hot = apply("one_hot", np.array([2, 0]), n=3, dtype=DType.f32)
    assert one_hot.tolist() == [[0, 0, 1], [1, 0, 0]]
    nested = apply("one_hot", np.array([[1], [0]], np.int32), n=2, dtype=DType.f64)
    assert nested.tolist() == [[[0, 1]], [[1, 0]]]


LARGE = [
    *(_reduction(n, (300, 400), a, False) for n in REDUCTIONS for a in (None, 0, 1)),
    *(_reduction(n, (30, 40, 100), 1, True) for n in REDUCTIONS),
    Case("matmul", (draw(300, 400), draw(400, 300)), np.matmul),
    Case("matmul", (draw(10, 30, 400), draw(400, 300)), np.matmul),
    Case("concat", (draw(300, 400), draw(300, 400)), lambda *x: np.concatenate(x)),
    Case("stack", (draw(300, 400), draw(300, 400)), lambda *x: np.stack(x)),
    Case("gather", (draw(500, 400), RNG.integers(-500, 500, 300)), lambda x, i: x[i]),
    Case(
        "take_along", (draw(30_000, 5), RNG.integers(0, 5, 30_000)), lambda x, i: _picked(x, i, 1)
    ),
    Case(
        "scatter_add",
        (draw(300, 400), RNG.integers(-500, 500, 300)),
        lambda g, i: _scatter(g, i, 500, 0),
        {"size": 500, "axis": 0},
    ),
    Case(
        "put_along",
        (draw(30_000), RNG.integers(0, 5, 30_000)),
        lambda g, i: _put(g, i, 5, 1),
        {"size": 5, "axis": 1},
    ),
    Case("cross_entropy", (draw(3000, 50), RNG.integers(0, 50, 3000)), _cross_entropy),
    Case("mse", (draw(300, 400), draw(300, 400)), _mse),
    Case("vdot", (draw(300, 400), draw(300, 400)), lambda a, b: (a * b).sum()),
]


@pytest.mark.parametrize("case", LARGE, ids=str)
def test_large_without_temporary_arrays(case: Case) -> None:
    exact = case.expected(*case.operands)
    np.testing.assert_allclose(call(case, *case.operands), exact, rtol=1e-9, atol=1e-9)


def test_a_batch_of_rows_meets_a_matrix_in_one_product() -> None:
    builder = Builder(DType.f64)
    a, b, g = (feed(builder, draw(*s)) for s in ((2, 3, 4), (4, 5), (2, 3, 5)))
    feeds = {x.id: draw(*x.type.shape) for x in (a, b, g)}  # type: ignore[arg-type]
    y = a @ b
    rules = OPS["matmul"].vjp
    assert isinstance(rules, tuple)
    run = Interpreter(builder, feeds)
    for made in (y, rules[0](g, y, a, b), rules[1](g, y, a, b)):  # type: ignore[misc]
        run.value(made)
    assert [line.partition("(")[0] for line in run.lines] == ["dot"] * 3
