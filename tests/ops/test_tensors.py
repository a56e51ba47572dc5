"""Ops on whole tensors, case by case: the kernel against NumPy, on arrays in and out of order, in
both float types, and the VJP against central differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphdsl.graph.build import Builder
from graphdsl.graph.kernel import Array
from graphdsl.graph.op import OPS
from graphdsl.graph.types import DType
from ops.harness import Interpreter, apply, differences, feed, vjp
from ops.tensor_cases import (
    CASES,
    REDUCTIONS,
    RNG,
    Case,
    cross_entropy,
    draw,
    mse,
    picked,
    put,
    reduction,
    scatter,
)


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
    *(reduction(n, (300, 400), a, False) for n in REDUCTIONS for a in (None, 0, 1)),
    *(reduction(n, (30, 40, 100), 1, True) for n in REDUCTIONS),
    Case("matmul", (draw(300, 400), draw(400, 300)), np.matmul),
    Case("matmul", (draw(10, 30, 400), draw(400, 300)), np.matmul),
    Case("concat", (draw(300, 400), draw(300, 400)), lambda *x: np.concatenate(x)),
    Case("stack", (draw(300, 400), draw(300, 400)), lambda *x: np.stack(x)),
    Case("gather", (draw(500, 400), RNG.integers(-500, 500, 300)), lambda x, i: x[i]),
    Case("take_along", (draw(30_000, 5), RNG.integers(0, 5, 30_000)), lambda x, i: picked(x, i, 1)),
    Case(
        "scatter_add",
        (draw(300, 400), RNG.integers(-500, 500, 300)),
        lambda g, i: scatter(g, i, 500, 0),
        {"size": 500, "axis": 0},
    ),
    Case(
        "put_along",
        (draw(30_000), RNG.integers(0, 5, 30_000)),
        lambda g, i: put(g, i, 5, 1),
        {"size": 5, "axis": 1},
    ),
    Case("cross_entropy", (draw(3000, 50), RNG.integers(0, 50, 3000)), cross_entropy),
    Case("mse", (draw(300, 400), draw(300, 400)), mse),
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
    assert [line.partition("(")[0].rpartition(".")[2] for line in run.lines] == ["dot"] * 3
