"""The heart of a product: a few rows of the result, as wide as fits into the vector registers.

Written in LLVM's vectors, since no loop that LLVM turns into vectors by itself keeps the sums in
registers. Lengths of vectors follow the machine's (Goto & van de Geijn, 2008, has the scheme).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from graphdsl.engines.numba.vectors import Vectors, machine, vectors_of

_I64 = ir.IntType(64)

ROWS = (6, 5, 4, 1)
"""The numbers of rows there are microkernels for: but for 1, 2, 3 and 7 sums of the larger ones."""


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
            _generate(builder, vectors_of(builder, one), rows, width, masked, args[1:])
            return cx.get_dummy_value()

        return types.void(one, *[types.int64] * 10), generate

    return multiply


@dataclass(frozen=True, slots=True)
class _Tile:
    """Rows of a result, each of `width` vectors, as code; `masks` has one for each vector of a row
    of which but some elements are there."""

    builder: Any
    vectors: Vectors
    rows: int
    width: int
    masks: list[Any]
    result: Any
    result_row: Any

    def load(self) -> list[Any]:
        """What the result holds, row by row."""
        if self.masks:
            return [self.vectors.load_some(self._place(i, j), self.masks[j]) for i, j in self._all]
        return [self.vectors.load(self._place(i, j)) for i, j in self._all]

    def store(self, values: list[Any]) -> None:
        """Write the result."""
        for (i, j), value in zip(self._all, values, strict=True):
            if self.masks:
                self.vectors.store_some(value, self._place(i, j), self.masks[j])
            else:
                self.vectors.store(value, self._place(i, j))

    def add_products(self, sums: list[Any], left: Any, left_row: Any, right: Any) -> list[Any]:
        """The sums with the products of one column of the left factor and one row of the right."""
        add, vectors = self.builder.add, self.vectors
        factors = [vectors.load(add(right, self._behind(j))) for j in range(self.width)]
        spread = [vectors.spread(add(left, self._times(left_row, i))) for i in range(self.rows)]
        cells = zip(self._all, sums, strict=True)
        return [vectors.multiply_add(spread[i], factors[j], one) for (i, j), one in cells]

    @property
    def _all(self) -> list[tuple[int, int]]:
        return [(i, j) for i in range(self.rows) for j in range(self.width)]

    def _place(self, i: int, j: int) -> Any:
        row = self.builder.add(self.result, self._times(self.result_row, i))
        return self.builder.add(row, self._behind(j))

    def _times(self, stride: Any, count: int) -> Any:
        return self.builder.mul(stride, ir.Constant(_I64, count))

    def _behind(self, vector: int) -> Any:
        """The bytes from the beginning of a row to a vector of it."""
        return ir.Constant(_I64, machine()[0] * vector)


def _generate(
    builder: Any, vectors: Vectors, rows: int, width: int, masked: bool, args: Any
) -> None:
    """A loop over the products that each element sums, begun with zeros or with the result."""
    inner, left, left_row, left_column, right, right_row, result, result_row, more, columns = args
    masks = [vectors.below(columns, j) for j in range(width)] if masked else []
    tile = _Tile(builder, vectors, rows, width, masks, result, result_row)
    blocks = [builder.function.append_basic_block(n) for n in ("fresh", "more", "loop", "done")]
    fresh, held, loop, done = blocks
    builder.cbranch(builder.icmp_signed("!=", more, ir.Constant(_I64, 0)), held, fresh)
    builder.position_at_end(fresh)
    builder.branch(loop)
    builder.position_at_end(held)
    begun = tile.load()
    builder.branch(loop)

    builder.position_at_end(loop)
    at = [_phi(builder, (start, fresh), (start, held)) for start in (inner, left, right)]
    sums = [_phi(builder, (vectors.zero, fresh), (value, held)) for value in begun]
    count, here, there = at
    summed = tile.add_products(sums, here, left_row, there)
    less = builder.sub(count, ir.Constant(_I64, 1))
    after = [less, builder.add(here, left_column), builder.add(there, right_row), *summed]
    for phi, value in zip((*at, *sums), after, strict=True):
        phi.add_incoming(value, loop)
    builder.cbranch(builder.icmp_signed(">", less, ir.Constant(_I64, 0)), loop, done)

    builder.position_at_end(done)
    tile.store(summed)


def _phi(builder: Any, *incoming: tuple[Any, Any]) -> Any:
    """What a block begins with, by (value, block before it)."""
    made = builder.phi(incoming[0][0].type)
    for value, block in incoming:
        made.add_incoming(value, block)
    return made
