"""Statements for computed positions: checked while running, and as places in a flat array."""

from __future__ import annotations

import math

import numpy as np

from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.types import DType


def emit_check(k: KernelCall, position: int, size: int, signed: bool = False) -> None:
    """Have the indices checked while running, unless an earlier kernel has had them checked."""
    indices = k.types[position]
    if indices.size and k.is_new(position, ("within", size, signed)):
        unsigned = k.view(k.args[position], f'.view("u{indices.dtype.numpy.itemsize}")')
        check = "check_signed_index" if signed else "check_index"
        k.emit(f"{check}({unsigned}, {size}, {k.where!r})")


def in_order(k: KernelCall, position: int) -> str:
    """The operand's elements in one axis, copied if they do not stand in order."""
    if k.contiguous[position]:
        return k.flat(position)
    return k.view(k.ordered(position), ".reshape(-1)")


def in_full(k: KernelCall, position: int) -> str:
    """The operand's elements in one axis, as many as the result has, and of its type."""
    if k.types[position] == k.out_type and k.contiguous[position]:
        return k.flat(position)
    array = k.scratch(k.out_type.shape)
    k.emit(f"copyto({array}, {k.args[position]})")
    return k.view(array, ".reshape(-1)")


def emit_places(k: KernelCall, position: int, shape: tuple[int, ...], axis: int) -> str:
    """The name of an array with the flat places in `shape` that an operand names along `axis`:
    one for each row, or, where it has that axis, as many as it has there; those of an earlier
    kernel where it has had the same."""
    indices = k.types[position]
    strides = [math.prod(shape[a + 1 :]) for a in range(len(shape))]
    grid = np.ogrid[tuple(slice(1 if a == axis else n) for a, n in enumerate(shape))]
    first = np.asarray(sum(i * stride for i, stride in zip(grid, strides, strict=True)))
    base = k.constant(first if indices.rank == len(shape) else first.reshape(indices.shape))
    emit_check(k, position, shape[axis])
    places, is_new = k.common(position, ("places", shape, axis), indices.shape, DType.i64)
    if not is_new:
        return places
    if strides[axis] == 1:
        k.emit(f"add({k.args[position]}, {base}, {places})")
    else:
        k.emit(f"multiply({k.args[position]}, {strides[axis]}, {places})")
        k.emit(f"add({places}, {base}, {places})")
    return places


def emit_take(k: KernelCall) -> None:
    """The elements of the first operand that the second names along the attribute `axis`."""
    if k.out_type.size:
        shape = k.types[0].shape
        places = emit_places(k, 1, shape, k.attrs["axis"] % len(shape))
        k.emit(f'{in_order(k, 0)}.take({places}, 0, {k.out}, "clip")')
