"""Floats as whole numbers and back, and instructions that Python has no word for."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_INTEGERS = {32: types.int32, 64: types.int64}
_FLOATS = {32: types.float32, 64: types.float64}


def _cast(cx: Any, builder: Any, signature: Any, args: Any) -> Any:
    return builder.bitcast(args[0], cx.get_value_type(signature.return_type))


@intrinsic
def bits_of(context: Any, x: Any) -> Any:
    """The integer that has the bits of a float."""
    return _INTEGERS[x.bitwidth](x), _cast


@intrinsic
def float_of(context: Any, n: Any) -> Any:
    """The float that has the bits of an integer."""
    return _FLOATS[n.bitwidth](n), _cast


def _instruction(name: str, operands: int) -> Any:
    """The code of an instruction that LLVM has for floats."""

    def generate(cx: Any, builder: Any, signature: Any, args: Any) -> Any:
        type = args[0].type
        suffix = "f64" if isinstance(type, ir.DoubleType) else "f32"
        made = ir.FunctionType(type, [type] * operands)
        function = cgutils.get_or_insert_function(builder.module, made, f"llvm.{name}.{suffix}")
        return builder.call(function, args)

    return generate


@intrinsic
def nearest(context: Any, x: Any) -> Any:
    """The nearest whole number, as a float."""
    return x(x), _instruction("rint", 1)


@intrinsic
def to_integer(context: Any, x: Any) -> Any:
    """A float that is whole and small, as an integer of the same width."""

    def generate(cx: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fptosi(args[0], cx.get_value_type(signature.return_type))

    return _INTEGERS[x.bitwidth](x), generate


@intrinsic
def multiply_add(context: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c, rounded once."""
    return a(a, a, a), _instruction("fma", 3)


@intrinsic
def larger(context: Any, a: Any, b: Any) -> Any:
    """The larger of two floats, nan where one is."""
    return a(a, a), _instruction("maximum", 2)


@intrinsic
def smaller(context: Any, a: Any, b: Any) -> Any:
    """The smaller of two floats, nan where one is."""
    return a(a, a), _instruction("minimum", 2)
