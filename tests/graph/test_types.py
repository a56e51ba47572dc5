"""Element types, promotion and broadcasting."""

from __future__ import annotations

import pytest

from graphdsl.graph.sizes import symbol
from graphdsl.graph.types import DType, TensorType, broadcast_shapes, promote

N, M = symbol("N"), symbol("M")


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([(2, 3), (3,)], (2, 3)),
        ([(2, 1), (1, 3)], (2, 3)),
        ([(), (4,)], (4,)),
        ([], ()),
        ([(2,), (3,)], None),
        ([(N,), (1,)], (N,)),
        ([(N,), (M,)], None),
        ([(N,), (3,)], None),
        ([(N, 1), (M,)], (N, M)),
        ([(0,), (1,)], (0,)),
    ],
)
def test_broadcasting(shapes: list[tuple[object, ...]], expected: object) -> None:
    assert broadcast_shapes(shapes) == expected  # type: ignore[arg-type]


def meet(*names: str) -> DType | None:
    """What operands meet in; a name with a `~` is an untyped number."""
    types = [TensorType(DType[n.lstrip("~")], (), weak=n[0] == "~") for n in names]
    return promote(types, DType.f32)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("f32", "f64"), None),
        (("f32", "i64"), "f32"),
        (("f64", "bool"), "f64"),
        (("i32", "i64"), "i64"),
        (("i32", "bool"), "i32"),
        (("bool", "bool"), "bool"),
        (("f64", "~f64"), "f64"),
        (("f32", "~f64"), "f32"),
        (("i32", "~i64"), "i32"),
        (("i32", "~f64"), "f32"),
        (("bool", "~f64"), "f32"),
        (("bool", "~i64"), "i64"),
        (("~i64", "~f64"), "f64"),
        (("~i64", "~bool"), "i64"),
    ],
)
def test_promotion(names: tuple[str, ...], expected: str | None) -> None:
    assert meet(*names) == (DType[expected] if expected else None)


def test_text_and_parts() -> None:
    x = TensorType(DType.f32, (N, 3))
    assert str(x) == "f32[N, 3]"
    assert str(TensorType(DType.i64)) == "i64"
    assert x.rank == 2
    assert x.size == 3 * N
    assert x.with_shape([3]).shape == (3,)
    assert x.with_dtype(DType.bool).dtype is DType.bool
    assert not TensorType(DType.f64, (), weak=True).with_dtype(DType.f32).weak
    assert [d.is_float for d in DType] == [True, True, False, False, False]
    assert [d.is_integer for d in DType] == [False, False, True, True, False]
    assert all(d.numpy.itemsize == int(d.value[1:]) // 8 for d in DType if d is not DType.bool)
