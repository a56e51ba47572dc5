"""Copies of a few elements in compiled code, a vector of them at once."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from graphdsl.engines.numba.vectors import Vectors, vectors_of

_I64, _I32 = ir.IntType(64), ir.IntType(32)


@intrinsic
def copy_vector(context: Any, one: Any, source: Any, target: Any) -> Any:
    """Copy a vector of the type of `one`, a float, from an address to another."""

    def generate(cx: Any, builder: Any, signature: Any, args: Any) -> Any:
        vectors = vectors_of(builder, one)
        vectors.store(vectors.load(args[1]), args[2])
        return cx.get_dummy_value()

    return types.void(one, types.int64, types.int64), generate


@intrinsic
def copy_some(context: Any, one: Any, source: Any, target: Any, count: Any) -> Any:
    """Copy the first `count` elements of a vector, zeros for the others."""

    def generate(cx: Any, builder: Any, signature: Any, args: Any) -> Any:
        vectors = vectors_of(builder, one)
        mask = vectors.below(args[3], 0)
        vectors.store(vectors.load_some(args[1], mask), args[2])
        return cx.get_dummy_value()

    return types.void(one, *[types.int64] * 3), generate


@intrinsic
def copy_eight(context: Any, one: Any, source: Any, target: Any) -> Any:
    """Copy eight elements of the type of `one`."""

    def generate(cx: Any, builder: Any, signature: Any, args: Any) -> Any:
        eight = vectors_of(builder, one, 8)
        eight.store(eight.load(args[1]), args[2])
        return cx.get_dummy_value()

    return types.void(one, types.int64, types.int64), generate


@intrinsic
def turn_square(
    context: Any, one: Any, source: Any, source_row: Any, rows: Any, target: Any, target_row: Any
) -> Any:
    """Write a square of as many rows as a vector has elements, turned.

    The operands: `one`, a float of the type that it is for, source, source_row, the rows that there
    are (the last of them stands for those that there are not), target and target_row, addresses and
    strides in bytes.
    """

    def generate(cx: Any, builder: Any, signature: Any, args: Any) -> Any:
        _turn(builder, vectors_of(builder, one), args[1:])
        return cx.get_dummy_value()

    return types.void(one, *[types.int64] * 5), generate


def _turn(builder: Any, vectors: Vectors, args: Any) -> None:
    """The code of `turn_square`."""
    source, source_row, count, target, target_row = args
    rows = _read_rows(builder, vectors, source, source_row, count)
    for i, row in enumerate(_exchange(builder, vectors.lanes, rows)):
        to = builder.add(target, builder.mul(target_row, ir.Constant(_I64, i)))
        vectors.store(row, to)


def _read_rows(builder: Any, vectors: Vectors, source: Any, stride: Any, count: Any) -> list[Any]:
    """A vector of each row; of the last one for those behind the first `count`."""
    last = builder.mul(stride, builder.sub(count, ir.Constant(_I64, 1)))
    rows = []
    for i in range(vectors.lanes):
        there = builder.icmp_signed("<", ir.Constant(_I64, i), count)
        move = builder.select(there, builder.mul(stride, ir.Constant(_I64, i)), last)
        rows.append(vectors.load(builder.add(source, move)))
    return rows


def _exchange(builder: Any, lanes: int, rows: list[Any]) -> list[Any]:
    """Rows as columns: halves of pairs of rows are exchanged, rows 1, 2, 4, … apart."""

    def chosen(x: Any, y: Any, order: list[int]) -> Any:
        wanted = ir.Constant(ir.VectorType(_I32, lanes), order)
        return builder.shuffle_vector(x, y, wanted)

    rows = list(rows)
    apart = 1
    while apart < lanes:
        low = [k if not k & apart else (k ^ apart) + lanes for k in range(lanes)]
        high = [k | apart if not k & apart else k + lanes for k in range(lanes)]
        for i in (i for i in range(lanes) if not i & apart):
            x, y = rows[i], rows[i | apart]
            rows[i], rows[i | apart] = chosen(x, y, low), chosen(x, y, high)
        apart *= 2
    return rows
