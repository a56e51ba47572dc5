"""Compiled products of every shape and layout, by themselves: what they read, write and divide."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from engines.both import Array

pytest.importorskip("numba")

from graphdsl.engines.numba import attaching, library
from graphdsl.engines.numba.calls import product_call, room_for
from graphdsl.engines.numba.crew import Native, native_at
from graphdsl.engines.numba.items import Matrices, Product
from graphdsl.graph.types import DType

FRAME = 40
"""Elements before and behind each array that nobody may use."""

ROWS = (*range(1, 34), 47, 64, 65, 100, 150)
COLUMNS = (1, 3, 7, 8, 9, 16, 17, 31, 32, 33, 63, 64, 65, 100, 128, 193, 256)
INNER = (1, 2, 15, 16, 17, 40, 256, 257, 300)
LAYOUTS = tuple(itertools.product("RC", repeat=2))
"""Of the factors: rows one behind the other, or columns."""


def framed(shape: tuple[int, int], layout: str, dtype: str) -> Array:
    """An array inside a larger one that is full of nan."""
    rows, columns = shape
    whole = np.full(rows * columns + 2 * FRAME, np.nan, dtype)
    inside = whole[FRAME : FRAME + rows * columns]
    return inside.reshape(rows, columns) if layout == "R" else inside.reshape(columns, rows).T


def multiply(kernel: Native, left: Array, right: Array, out: Array, parts: int) -> None:
    """Fill `out` by a compiled product in so many parts, one after the other."""
    dtype = DType.f32 if out.dtype == np.float32 else DType.f64

    def matrices(name: str, array: Array) -> Matrices:
        row, column = (stride // array.itemsize for stride in array.strides)
        return Matrices(name, 0, (0, 0, row, column))

    product = Product(
        0, dtype, 1, 1, *out.shape, left.shape[1],
        matrices("left", left), matrices("right", right), matrices("out", out),
    )  # fmt: skip
    each = room_for(product)
    call = product_call(product, "room", each)
    found = {
        "left": left,
        "right": right,
        "out": out,
        "functions": attaching.tile_functions(call.kernel),
    }
    found["room"] = np.full(parts * each + FRAME, 255, np.uint8)
    given = [
        argument if isinstance(argument, int) else found[argument[0]].ctypes.data
        for argument in call.arguments
    ]
    arguments = np.array(given)
    for part in reversed(range(parts)):
        kernel(arguments.ctypes.data, part, parts)
    assert (found["room"][parts * each :] == 255).all()


def cases() -> Iterator[tuple[int, int, int, str, str]]:
    """Every number of rows, of columns and of summands in each layout, the others drawn."""
    rng = np.random.default_rng(0)
    for left, right in LAYOUTS:
        for rows in ROWS:
            yield rows, int(rng.choice(COLUMNS)), int(rng.choice(INNER)), left, right
        for columns in COLUMNS:
            yield int(rng.choice(ROWS)), columns, int(rng.choice(INNER)), left, right
        for inner in INNER:
            yield int(rng.choice(ROWS)), int(rng.choice(COLUMNS)), inner, left, right


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_products_of_any_shape(dtype: str) -> None:
    kernel = native_at(getattr(library.load_file("products.py"), f"multiply_{dtype}").address)
    kind = dtype.replace("f", "float")
    rng = np.random.default_rng(1)
    for rows, columns, inner, *layouts in cases():
        left = framed((rows, inner), layouts[0], kind)
        right = framed((inner, columns), layouts[1], kind)
        left[...], right[...] = rng.normal(size=left.shape), rng.normal(size=right.shape)
        found = []
        for parts in (1, 2, 3):
            out = framed((rows, columns), "R", kind)
            multiply(kernel, left, right, out, parts)
            assert np.isnan(out.base).sum() == 2 * FRAME, (rows, columns, inner, layouts)
            found.append(out)
        size = np.abs(left) @ np.abs(right)
        allowed = 4 * np.finfo(kind).eps * np.sqrt(inner) * size
        assert (np.abs(found[0] - left @ right) <= allowed).all(), (rows, columns, inner, layouts)
        np.testing.assert_array_equal(found[1], found[0])
        np.testing.assert_array_equal(found[2], found[0])
