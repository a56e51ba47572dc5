"""What compiled kernels need and Python cannot say: addresses as arrays, calls by address, fences.

Addresses are int64 and count bytes. Each function is an intrinsic of numba, so that what calls it
can be kept on disk: nothing compiled holds an address of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

KERNEL = types.void(types.int64, types.int64, types.int64)
"""Of a kernel: (address of its arguments, which part of it to do, of how many)."""

TILES = types.void(*[types.int64] * 12)
"""Of a function that multiplies tiles."""

_I64 = ir.IntType(64)
_TILES_TYPE = ir.FunctionType(ir.VoidType(), [_I64] * 12)
_KERNEL_TYPE = ir.FunctionType(ir.VoidType(), [_I64] * 3)


def _generate_pointer(cx: Any, builder: Any, signature: Any, args: Any) -> Any:
    """The code of an array at the address that is the first argument."""
    return builder.inttoptr(args[0], cx.get_value_type(signature.return_type))


def _array_at(element: types.Type) -> Any:
    """The function that gives the array of such elements at an address.

    It is a pointer of C: unlike NumPy's arrays it takes no index for one from the end, for which
    LLVM would have to look, and then makes no vectors.
    """
    made = types.CPointer(element)

    @intrinsic
    def at(context: Any, address: Any) -> Any:
        return made(types.int64), _generate_pointer

    return at


@intrinsic
def like_at(context: Any, address: Any, one: Any) -> Any:
    """The array at an address of elements of `one`'s type."""
    return types.CPointer(one)(types.int64, one), _generate_pointer


@intrinsic
def bytes_of(context: Any, one: Any) -> Any:
    """The bytes of a float."""

    def generate(cx: Any, builder: Any, signature: Any, args: Any) -> Any:
        return cx.get_constant(types.int64, one.bitwidth // 8)

    return types.int64(one), generate


f32_at = _array_at(types.float32)
f64_at = _array_at(types.float64)
i32_at = _array_at(types.int32)
i64_at = _array_at(types.int64)
bool_at = _array_at(types.uint8)
"""Truth values are bytes in memory: 0 or 1."""


@intrinsic
def call(context: Any, function: Any, arguments: Any, part: Any, parts: Any) -> Any:
    """Call a kernel by its address."""

    def generate(cx: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], _KERNEL_TYPE.as_pointer())
        builder.call(pointer, args[1:])
        return cx.get_dummy_value()

    return types.void(*[types.int64] * 4), generate


@intrinsic
def call_tiles(
    context: Any,
    function: Any,
    rows: Any,
    inner: Any,
    left: Any,
    left_row: Any,
    left_column: Any,
    tiled: Any,
    right: Any,
    right_row: Any,
    result: Any,
    result_row: Any,
    more: Any,
    columns: Any,
) -> Any:
    """Call a function that multiplies tiles by its address."""

    def generate(cx: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.call(builder.inttoptr(args[0], _TILES_TYPE.as_pointer()), args[1:])
        return cx.get_dummy_value()

    return types.void(*[types.int64] * 13), generate


def _int64_at(builder: Any, address: Any) -> Any:
    return builder.inttoptr(address, _I64.as_pointer())


@intrinsic
def add_atomically(context: Any, address: Any, value: Any) -> Any:
    """Add to the int64 at an address; what it was before."""

    def generate(cx: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", _int64_at(builder, args[0]), args[1], "seq_cst")

    return types.int64(types.int64, types.int64), generate


@intrinsic
def load_atomically(context: Any, address: Any) -> Any:
    """The int64 at an address, as other threads have last written it."""

    def generate(cx: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(_int64_at(builder, args[0]), "acquire", 8)

    return types.int64(types.int64), generate


@intrinsic
def store_atomically(context: Any, address: Any, value: Any) -> Any:
    """Write an int64 after whatever was written before it."""

    def generate(cx: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store_atomic(args[1], _int64_at(builder, args[0]), "release", 8)
        return cx.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def exchange(context: Any, address: Any, expected: Any, value: Any) -> Any:
    """Write an int64 if what is there is as expected; whether it was."""

    def generate(cx: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _int64_at(builder, args[0])
        pair = builder.cmpxchg(place, args[1], args[2], "seq_cst", "seq_cst")
        return builder.zext(builder.extract_value(pair, 1), _I64)

    return types.int64(*[types.int64] * 3), generate


def _calling(name: str) -> Callable[..., Any]:
    """The code of a call of a C function `int name(void)`."""

    def generate(cx: Any, builder: Any, signature: Any, args: Any) -> Any:
        made = ir.FunctionType(ir.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, made, name), [])
        return cx.get_dummy_value()

    return generate


@intrinsic
def yield_core(context: Any) -> Any:
    """Let another thread have the core."""
    return types.void(), _calling("sched_yield")
