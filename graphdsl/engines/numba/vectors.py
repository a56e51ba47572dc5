"""Vectors in compiled code, as long as the machine's are, and as many as it has registers for."""

from __future__ import annotations

from functools import cache
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils

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


class Vectors:
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


def vectors_of(builder: Any, one: Any, lanes: int | None = None) -> Vectors:
    """Vectors of the type of `one`, a float: as long as the machine's, or of so many elements."""
    element = ir.DoubleType() if one.bitwidth == 64 else ir.FloatType()
    return Vectors(builder, element, lanes or machine()[0] * 8 // one.bitwidth)
