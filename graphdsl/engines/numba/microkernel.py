"""The heart of a product: a few rows of the result, as wide as fits into the vector registers.

Written in LLVM's vectors, since no loop that LLVM turns into vectors by itself keeps the sums in
registers. Lengths of vectors follow the machine's (Goto & van de Geijn, 2008, has the scheme).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_I64, _I32 = ir.IntType(64), ir.IntType(32)


@cache
def machine() -> tuple[int, int]:
    """(bytes of a vector, vectors of a row of the result that registers are for)."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 64, 4  # of 32 registers 24 sum, 4 hold the right factor
    if features.get("avx2"):
        return 32, 2
    return 16, 4 if llvm.get_process_triple().startswith(("aarch64", "arm64")) else 2


ROWS = (6, 5, 4, 1)
"""The numbers of rows there are microkernels for: but for 1, 2, 3 and 7 sums of the larger ones."""


class _Vectors:
    """Vectors of one element type, as a builder of LLVM's code makes them."""

    def __init__(self, builder: Any, element: Any, lanes: int) -> None:
        self.builder = builder
        self.element = element
        self.lanes = lanes
        self.type = ir.VectorType(element, lanes)
        self.zero = ir.Constant(self.type, [0.0] * lanes)
        self.name = f"v{lanes}f{64 if isinstance(element, ir.DoubleType) else 32}"
        self.align = 8 if isinstance(element, ir.DoubleType) else 4

    def load(self, address: Any) -> Any:
        """A vector from an address."""
        made = self.builder.load(self._pointer(address))
        made.align = self.align
        return made

    def store(self, value: Any, address: Any) -> None:
        """A vector to an address."""
        self.builder.store(value, self._pointer(address)).align = self.align

    def load_some(self, address: Any, mask: Any) -> Any:
        """Those elements that the mask has, zeros for the others."""
        pointer = self._pointer(address)
        wanted = [pointer.type, _I32, mask.type, self.type]
        function = self._function(f"llvm.masked.load.{self.name}.p0", self.type, wanted)
        align = ir.Constant(_I32, self.align)
        return self.builder.call(function, [pointer, align, mask, self.zero])

    def store_some(self, value: Any, address: Any, mask: Any) -> None:
        """Those elements that the mask has."""
        pointer = self._pointer(address)
        wanted = [self.type, pointer.type, _I32, mask.type]
        function = self._function(f"llvm.masked.store.{self.name}.p0", ir.VoidType(), wanted)
        self.builder.call(function, [value, pointer, ir.Constant(_I32, self.align), mask])

    def spread(self, address: Any) -> Any:
        """A vector of one element, which stands at an address."""
        one = self.builder.load(self.builder.inttoptr(address, self.element.as_pointer()))
        one.align = self.align
        return self._spread(one, self.type)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """a b + c, rounded once."""
        function = self._function(f"llvm.fma.{self.name}", self.type, [self.type] * 3)
        return self.builder.call(function, [a, b, c])

    def below(self, count: Any, vector: int) -> Any:
        """Which elements of a row's vector of that number are among its first `count`."""
        type = ir.VectorType(_I64, self.lanes)
        first = vector * self.lanes
        numbers = ir.Constant(type, list(range(first, first + self.lanes)))
        return self.builder.icmp_signed("<", numbers, self._spread(count, type))

    def _spread(self, value: Any, type: Any) -> Any:
        nothing = ir.Constant(type, ir.Undefined)
        first = self.builder.insert_element(nothing, value, ir.Constant(_I32, 0))
        zeros = ir.Constant(ir.VectorType(_I32, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first, nothing, zeros)

    def _pointer(self, address: Any) -> Any:
        return self.builder.inttoptr(address, self.type.as_pointer())

    def _function(self, name: str, result: Any, operands: list[Any]) -> Any:
        made = ir.FunctionType(result, operands)
        return cgutils.get_or_insert_function(self.builder.module, made, name)


def microkernel(rows: int, width: int, masked: bool) -> Any:
    """The intrinsic for `rows` rows of `width` vectors; with `masked` only the first `columns`
    elements of each row of the result are read and written.

    It is called with (one, inner, left, left_row, left_column, right, right_row, result,
    result_row, more, columns): `one` is a float of the type that it is for; `inner` products are
    summed for each element. Addresses and strides count bytes; of the right factor's rows `width`
    vectors each are read; `more` adds to what the result holds.
    """

    @intrinsic
    def multiply(
        context: Any,
        one: Any,
        inner: Any,
        left: Any,
        left_row: Any,
        left_column: Any,
        right: Any,
        right_row: Any,
        result: Any,
        result_row: Any,
        more: Any,
        columns: Any,
    ) -> Any:
        def generate(cx: Any, builder: Any, signature: Any, args: Any) -> Any:
            _generate(builder, _vectors(builder, one), rows, width, masked, args[1:])
            return cx.get_dummy_value()

        return types.void(one, *[types.int64] * 10), generate

    return multiply


def _vectors(builder: Any, one: Any) -> _Vectors:
    return _Vectors(builder, _element(one), machine()[0] * 8 // one.bitwidth)


def _element(one: Any) -> Any:
    return ir.DoubleType() if one.bitwidth == 64 else ir.FloatType()


def _generate(
    builder: Any, vectors: _Vectors, rows: int, width: int, masked: bool, args: Any
) -> None:
    inner, left, left_row, left_column, right, right_row, result, result_row, more, columns = args
    step = machine()[0]
    masks = [vectors.below(columns, j) for j in range(width)] if masked else []
    cells = [(i, j) for i in range(rows) for j in range(width)]

    def times(stride: Any, count: int) -> Any:
        return builder.mul(stride, ir.Constant(_I64, count))

    def place(i: int, j: int) -> Any:
        row = builder.add(result, times(result_row, i))
        return builder.add(row, ir.Constant(_I64, step * j))

    blocks = [builder.function.append_basic_block(n) for n in ("fresh", "more", "loop", "done")]
    fresh, held, loop, done = blocks
    builder.cbranch(builder.icmp_signed("!=", more, ir.Constant(_I64, 0)), held, fresh)
    builder.position_at_end(fresh)
    builder.branch(loop)
    builder.position_at_end(held)
    begun = [
        vectors.load_some(place(i, j), masks[j]) if masked else vectors.load(place(i, j))
        for i, j in cells
    ]
    builder.branch(loop)

    builder.position_at_end(loop)
    at = [builder.phi(_I64) for _ in range(3)]
    for phi, start in zip(at, (inner, left, right), strict=True):
        phi.add_incoming(start, fresh)
        phi.add_incoming(start, held)
    sums = [builder.phi(vectors.type) for _ in cells]
    for phi, value in zip(sums, begun, strict=True):
        phi.add_incoming(vectors.zero, fresh)
        phi.add_incoming(value, held)
    count, here, there = at
    factors = [vectors.load(builder.add(there, ir.Constant(_I64, step * j))) for j in range(width)]
    spread = [vectors.spread(builder.add(here, times(left_row, i))) for i in range(rows)]
    summed = [vectors.multiply_add(spread[i], factors[j], sums[i * width + j]) for i, j in cells]
    less = builder.sub(count, ir.Constant(_I64, 1))
    after = (
        less,
        builder.add(here, left_column),
        builder.add(there, right_row),
    )
    for phi, value in zip((*at, *sums), (*after, *summed), strict=True):
        phi.add_incoming(value, loop)
    builder.cbranch(builder.icmp_signed(">", less, ir.Constant(_I64, 0)), loop, done)

    builder.position_at_end(done)
    for (i, j), value in zip(cells, summed, strict=True):
        if masked:
            vectors.store_some(value, place(i, j), masks[j])
        else:
            vectors.store(value, place(i, j))


@intrinsic
def copy_vector(context: Any, one: Any, source: Any, target: Any) -> Any:
    """Copy a vector of the type of `one`, a float, from an address to another."""

    def generate(cx: Any, builder: Any, signature: Any, args: Any) -> Any:
        vectors = _vectors(builder, one)
        vectors.store(vectors.load(args[1]), args[2])
        return cx.get_dummy_value()

    return types.void(one, types.int64, types.int64), generate


@intrinsic
def copy_some(context: Any, one: Any, source: Any, target: Any, count: Any) -> Any:
    """Copy the first `count` elements of a vector, zeros for the others."""

    def generate(cx: Any, builder: Any, signature: Any, args: Any) -> Any:
        vectors = _vectors(builder, one)
        mask = vectors.below(args[3], 0)
        vectors.store(vectors.load_some(args[1], mask), args[2])
        return cx.get_dummy_value()

    return types.void(one, *[types.int64] * 3), generate


@intrinsic
def copy_eight(context: Any, one: Any, source: Any, target: Any) -> Any:
    """Copy eight elements of the type of `one`."""

    def generate(cx: Any, builder: Any, signature: Any, args: Any) -> Any:
        eight = _Vectors(builder, _element(one), 8)
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
        _turn(builder, _vectors(builder, one), args[1:])
        return cx.get_dummy_value()

    return types.void(one, *[types.int64] * 5), generate


def _turn(builder: Any, vectors: _Vectors, args: Any) -> None:
    """Halves of pairs of rows are exchanged, rows 1, 2, 4, … apart."""
    source, source_row, count, target, target_row = args
    last = builder.mul(source_row, builder.sub(count, ir.Constant(_I64, 1)))
    lanes = vectors.lanes

    def place(base: Any, row: Any, i: int) -> Any:
        return builder.add(base, builder.mul(row, ir.Constant(_I64, i)))

    def chosen(x: Any, y: Any, order: list[int]) -> Any:
        wanted = ir.Constant(ir.VectorType(_I32, lanes), order)
        return builder.shuffle_vector(x, y, wanted)

    def read(i: int) -> Any:
        there = builder.icmp_signed("<", ir.Constant(_I64, i), count)
        move = builder.select(there, builder.mul(source_row, ir.Constant(_I64, i)), last)
        return vectors.load(builder.add(source, move))

    rows = [read(i) for i in range(lanes)]
    apart = 1
    while apart < lanes:
        low = [k if not k & apart else (k ^ apart) + lanes for k in range(lanes)]
        high = [k | apart if not k & apart else k + lanes for k in range(lanes)]
        for i in (i for i in range(lanes) if not i & apart):
            x, y = rows[i], rows[i | apart]
            rows[i], rows[i | apart] = chosen(x, y, low), chosen(x, y, high)
        apart *= 2
    for i, row in enumerate(rows):
        vectors.store(row, place(target, target_row, i))
