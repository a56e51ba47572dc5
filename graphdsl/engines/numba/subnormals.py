"""Subnormal numbers as zero, while a kernel runs: a setting of the processor, for each thread.

Processors compute with numbers below the smallest normal one (1.2e-38 in f32) many times slower
than with others. A training makes them: probabilities that vanish, their gradients, and moving
averages of those, which shrink and shrink. The step of a classifier that knows its batch would
become a tenth slower.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_I32, _I64 = ir.IntType(32), ir.IntType(64)

_MXCSR_FLUSH = 0x8040
"""Of x86's control register the bits FTZ, for results, and DAZ, for operands: Intel's manual,
volume 1, 10.2.3."""

_FPCR_FLUSH = 1 << 24
"""Of Arm's control register the bit FZ, for both."""


@intrinsic
def flush_subnormals(context: Any, wanted: Any) -> Any:
    """Begin to take subnormal numbers for zero on this thread, if `wanted` is 1 and not 0; what
    `restore_subnormals` needs. On other processors than x86 and Arm's nothing happens."""

    def generate(cx: Any, builder: Any, signature: Any, args: Any) -> Any:
        before, flag = _read(builder), ir.Constant(_I64, _flag(builder))
        _write(builder, builder.or_(before, builder.mul(args[0], flag)))
        return before

    return types.int64(types.int64), generate


@intrinsic
def restore_subnormals(context: Any, before: Any) -> Any:
    """Compute as before `flush_subnormals`."""

    def generate(cx: Any, builder: Any, signature: Any, args: Any) -> Any:
        _write(builder, args[0])
        return cx.get_dummy_value()

    return types.void(types.int64), generate


def _read(builder: Any) -> Any:
    """The code of the control register's value, as int64; 0 where it is not known."""
    flag = _flag(builder)
    if flag == _MXCSR_FLUSH:
        place = cgutils.alloca_once(builder, _I32)
        _call(builder, "llvm.x86.sse.stmxcsr", ir.VoidType(), _as_bytes(builder, place))
        return builder.zext(builder.load(place), _I64)
    return _call(builder, "llvm.aarch64.get.fpcr", _I64) if flag else ir.Constant(_I64, 0)


def _write(builder: Any, value: Any) -> None:
    """The code that sets the control register, where it is known."""
    flag = _flag(builder)
    if flag == _MXCSR_FLUSH:
        place = cgutils.alloca_once(builder, _I32)
        builder.store(builder.trunc(value, _I32), place)
        _call(builder, "llvm.x86.sse.ldmxcsr", ir.VoidType(), _as_bytes(builder, place))
    elif flag:
        _call(builder, "llvm.aarch64.set.fpcr", ir.VoidType(), value)


def _flag(builder: Any) -> int:
    """The bits of this processor's control register; 0 where it is not known."""
    processor = builder.module.triple.partition("-")[0]
    if processor in ("x86_64", "i686"):
        return _MXCSR_FLUSH
    return _FPCR_FLUSH if processor in ("aarch64", "arm64") else 0


def _call(builder: Any, name: str, result: ir.Type, *args: Any) -> Any:
    made = ir.FunctionType(result, [one.type for one in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, made, name), args)


def _as_bytes(builder: Any, place: Any) -> Any:
    return builder.bitcast(place, ir.IntType(8).as_pointer())
