"""Tensors made of numbers and sizes alone."""

from __future__ import annotations

import numpy as np

from graphdsl.graph.build import Expr
from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Shape, Size
from graphdsl.graph.types import DType, TensorType
from graphdsl.ops import fitting, row_rules
from graphdsl.ops.rules import check_sizes


def _full_type(value: TensorType, *, shape: Shape, dtype: DType) -> TensorType:
    if value.rank:
        raise Fault(
            "E0202",
            f"'full' needs a scalar, and found {value}",
            operand=0,
            help="broadcast_to repeats a tensor",
        )
    if not value.weak and value.dtype is not dtype:
        raise Fault("E0203", f"'full' of {dtype} cannot be filled with {value}", operand=0)
    return TensorType(dtype, check_sizes(shape))


def _full_vjp(g: Expr, y: Expr, value: Expr, *, shape: Shape, dtype: DType) -> Expr:
    return g


_SHAPE = {
    "shape": Attribute("sizes", doc="the sizes of the result"),
    "dtype": Attribute("dtype", None, "the element type; the model's float if not given"),
}

full = declare(
    Op(
        name="full",
        operands=("value",),
        infer=_full_type,
        check=fitting.check_filling,
        attributes=_SHAPE,
        promotion="none",
        vjp=(_full_vjp,),
        kernel="{out}.fill({value})",
        rows=row_rules.all_alike,
        doc="A tensor with one value everywhere.",
        formula="value, repeated",
        derivative="g summed over all elements",
        example="y = full(0.5, [2, 3])",
    )
)


def _filled(*, shape: Shape, dtype: DType) -> TensorType:
    return TensorType(dtype, check_sizes(shape))


def _constant(name: str, value: int) -> Op:
    return declare(
        Op(
            name=name,
            operands=(),
            infer=_filled,
            attributes=_SHAPE,
            kernel=f"{{out}}.fill({value})",
            rows=row_rules.all_alike,
            doc=f"A tensor of {name}.",
            formula=f"{value}, repeated",
            derivative="none",
            example=f"y = {name}([2, 3])",
        )
    )


zeros = _constant("zeros", 0)
ones = _constant("ones", 1)


def _eye_type(*, n: Size, m: Size | None, dtype: DType) -> TensorType:
    return TensorType(dtype, check_sizes((n, n if m is None else m)))


def _emit_eye(k: KernelCall) -> None:
    identity = np.eye(*k.out_type.shape, dtype=k.out_type.dtype.numpy)
    k.emit(f"copyto({k.out}, {k.constant(identity)})")


eye = declare(
    Op(
        name="eye",
        operands=(),
        infer=_eye_type,
        attributes={
            "n": Attribute("size", doc="the number of rows"),
            "m": Attribute("size", None, "the number of columns; n if not given"),
            "dtype": Attribute("dtype", None, "the element type; the model's float if not given"),
        },
        kernel=_emit_eye,
        doc="The unit matrix.",
        formula="δᵢⱼ",
        derivative="none",
        example="y = eye(3)",
    )
)


def _arange_type(*, n: Size, start: float, step: float, dtype: DType) -> TensorType:
    return TensorType(dtype, check_sizes((n,)))


@np.errstate(over="ignore", invalid="ignore")  # beyond a float is inf, as everywhere
def _emit_arange(k: KernelCall) -> None:
    (n,), dtype = k.out_type.shape, k.out_type.dtype
    fitting.check_counting((), (), **{**k.attrs, "n": n})  # a symbol has its number only here
    places = np.arange(n, dtype=np.float64 if dtype.is_float else np.int64)
    numbers = k.attrs["start"] + k.attrs["step"] * places
    k.emit(f"copyto({k.out}, {k.constant(numbers.astype(dtype.numpy))})")


arange = declare(
    Op(
        name="arange",
        operands=(),
        infer=_arange_type,
        check=fitting.check_counting,
        attributes={
            "n": Attribute("size", doc="how many numbers"),
            "start": Attribute("number", 0, "the first of them"),
            "step": Attribute("number", 1, "the distance from one to the next"),
            "dtype": Attribute("dtype", DType.i64, "the element type; i64 if not given"),
        },
        kernel=_emit_arange,
        doc="n numbers at equal distances.",
        formula="start, start + step, …",
        derivative="none",
        example="y = arange(5)",
    )
)
