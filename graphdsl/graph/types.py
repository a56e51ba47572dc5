"""The types of nodes: element types, tensor types, promotion and broadcasting.

An untyped number (a literal, a constant, the step) is *weak*: it is kept in f64 and takes the
type of the tensor it meets.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from graphdsl.graph.sizes import Poly, Shape, Size, product, symbol, symbols


class DType(Enum):
    """The element types of the language."""

    f32 = "f32"
    f64 = "f64"
    i32 = "i32"
    i64 = "i64"
    bool = "bool"

    @property
    def numpy(self) -> np.dtype[np.generic]:
        """NumPy's type of the same elements."""
        return _NUMPY[self]

    @property
    def is_float(self) -> builtins.bool:
        """Whether elements are floating-point numbers."""
        return self in (DType.f32, DType.f64)

    @property
    def is_integer(self) -> builtins.bool:
        """Whether elements are integers (truth values are not)."""
        return self in (DType.i32, DType.i64)

    def __str__(self) -> str:
        return self.value


_NUMPY: dict[DType, np.dtype[np.generic]] = {
    DType.f32: np.dtype(np.float32),
    DType.f64: np.dtype(np.float64),
    DType.i32: np.dtype(np.int32),
    DType.i64: np.dtype(np.int64),
    DType.bool: np.dtype(np.bool_),
}
_LIMITS = {DType.i32: (-(2**31), 2**31 - 1), DType.i64: (-(2**63), 2**63 - 1)}


@dataclass(frozen=True, slots=True)
class TensorType:
    """Element type and shape of a node; `weak` marks an untyped scalar."""

    dtype: DType
    shape: Shape = ()
    weak: bool = False

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> Size:
        """The number of elements."""
        return product(self.shape)

    def with_shape(self, shape: Sequence[Size]) -> TensorType:
        """The same elements in another shape, no longer weak."""
        return TensorType(self.dtype, tuple(shape))

    def with_dtype(self, dtype: DType) -> TensorType:
        """The same shape with other elements, no longer weak."""
        return TensorType(dtype, self.shape)

    def __str__(self) -> str:
        if not self.shape:
            return str(self.dtype)
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


def broadcast_shapes(shapes: Sequence[Shape]) -> Shape | None:
    """The shape NumPy's broadcasting gives, or None where two sizes disagree.

    A symbol never broadcasts as 1: `[N]` with `[1]` is `[N]`, `[N]` with `[M]` is an error.
    """
    rank = max(map(len, shapes), default=0)
    result: list[Size] = [1] * rank
    for shape in shapes:
        for axis, size in enumerate(shape, rank - len(shape)):
            if size != 1 and size != result[axis]:
                if result[axis] != 1:
                    return None
                result[axis] = size
    return tuple(result)


def find_misfit(value: Any, dtype: DType) -> str | None:
    """Why elements of this type cannot hold a number, or a number of a nested tuple."""
    if isinstance(value, tuple):
        return next(filter(None, (find_misfit(item, dtype) for item in value)), None)
    if dtype.is_float or isinstance(value, bool):
        return None
    if not float(value).is_integer():
        return f"{value} is no whole number, as {dtype} asks for"
    least, most = (0, 1) if dtype is DType.bool else _LIMITS[dtype]
    return None if least <= value <= most else f"{value} is out of the range of {dtype}"


def keeps(dtype: DType, found: DType) -> bool:
    """Whether elements of type `found` become `dtype` with no change but rounding."""
    if dtype.is_float or dtype is found or found is DType.bool:
        return True
    return dtype is DType.i64 and found is DType.i32


def promote(types: Sequence[TensorType], default_float: DType) -> DType | None:
    """The element type several operands meet in, or None for f32 beside f64.

    Truth values and integers become floating point beside a float, i32 becomes i64, and a weak
    operand takes the type of the others unless it is a float among integers.
    """
    strong = {t.dtype for t in types if not t.weak}
    weak = {t.dtype for t in types if t.weak}
    if {DType.f32, DType.f64} <= strong:
        return None
    for dtype in (DType.f32, DType.f64):
        if dtype in strong:
            return dtype
    if any(t.is_float for t in weak):
        return default_float if strong else DType.f64
    for dtype in (DType.i64, DType.i32):
        if dtype in strong:
            return dtype
    return DType.i64 if DType.i64 in weak else DType.bool


def leading_symbol(types: Iterable[TensorType]) -> str | None:
    """The symbol that is the whole first size of the first type that has one: it counts rows."""
    for type in types:
        size = type.shape[0] if type.shape else 0
        if isinstance(size, Poly):
            for name in symbols(size):
                if size == symbol(name):
                    return name
    return None
