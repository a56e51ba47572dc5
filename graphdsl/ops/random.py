"""Random numbers. Each node has a stream of its own, keyed by the seed and the node's qualified
name and counted by the step, so that a step draws the same whatever was computed before it.
"""

from __future__ import annotations

import numpy as np

from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Shape
from graphdsl.graph.types import DType, TensorType
from graphdsl.ops.rules import check_sizes, check_tensor

_STREAM = Attribute("internal")
_DTYPE = Attribute("dtype", None, "the element type; the model's float if not given")


def _check_float(dtype: DType, name: str) -> DType:
    if not dtype.is_float:
        raise Fault("E0203", f"'{name}' draws floats, not {dtype}", attribute="dtype")
    return dtype


def check_chance(value: float, name: str, what: str) -> float:
    """`value` itself; raises `Fault` E0216 where it is no probability below 1."""
    if not 0 <= value <= 1 or (what == "rate" and value == 1):
        wanted = "from 0 to less than 1" if what == "rate" else "from 0 to 1"
        raise Fault("E0216", f"the {what} of '{name}' is {wanted}, not {value}", attribute=what)
    return value


def _uniform_type(
    *, shape: Shape, low: float, high: float, dtype: DType, stream: str
) -> TensorType:
    return TensorType(_check_float(dtype, "uniform"), check_sizes(shape))


def _emit_uniform(k: KernelCall) -> None:
    low, high, dtype = k.attrs["low"], k.attrs["high"], k.out_type.dtype.numpy
    k.emit(f'{k.stream()}.at(t).random(dtype="{dtype}", out={k.out})')
    for function, number, neutral in (("multiply", high - low, 1), ("add", low, 0)):
        if number != neutral:
            k.emit(f"{function}({k.out}, {k.constant(np.array(number, dtype))}, {k.out})")


uniform = declare(
    Op(
        name="uniform",
        operands=(),
        infer=_uniform_type,
        attributes={
            "shape": Attribute("sizes", doc="the sizes of the result"),
            "low": Attribute("number", 0.0, "the least number"),
            "high": Attribute("number", 1.0, "the number that all stay below"),
            "dtype": _DTYPE,
            "stream": _STREAM,
        },
        kernel=_emit_uniform,
        random=True,
        doc="Random numbers between low and high, drawn anew at every step.",
        formula="U(low, high)",
        derivative="none",
        example="y = uniform([2, 3], low = -1, high = 1)",
    )
)


def _normal_type(*, shape: Shape, mean: float, std: float, dtype: DType, stream: str) -> TensorType:
    if std < 0:
        raise Fault("E0216", f"the std of 'normal' is at least 0, not {std}", attribute="std")
    return TensorType(_check_float(dtype, "normal"), check_sizes(shape))


def _emit_normal(k: KernelCall) -> None:
    dtype = k.out_type.dtype.numpy
    k.emit(f'{k.stream()}.at(t).standard_normal(dtype="{dtype}", out={k.out})')
    for function, name, neutral in (("multiply", "std", 1), ("add", "mean", 0)):
        if k.attrs[name] != neutral:
            number = k.constant(np.array(k.attrs[name], dtype))
            k.emit(f"{function}({k.out}, {number}, {k.out})")


normal = declare(
    Op(
        name="normal",
        operands=(),
        infer=_normal_type,
        attributes={
            "shape": Attribute("sizes", doc="the sizes of the result"),
            "mean": Attribute("number", 0.0, "the mean"),
            "std": Attribute("number", 1.0, "the standard deviation"),
            "dtype": _DTYPE,
            "stream": _STREAM,
        },
        kernel=_emit_normal,
        random=True,
        doc="Normally distributed random numbers, drawn anew at every step.",
        formula="N(mean, std²)",
        derivative="none",
        example="y = normal([2, 3], std = 0.1)",
    )
)


def _emit_hits(k: KernelCall, chance: float, out: str) -> None:
    """1 where a number drawn below 1 is below `chance`, else 0. The 24 bits of an f32 decide."""
    drawn = k.scratch(k.out_type.shape, DType.f32)
    limit = k.constant(np.array(chance, np.float32))
    k.emit(
        f'{k.stream()}.at(t).random(dtype="float32", out={drawn})',
        f"less({drawn}, {limit}, {out})",
    )


def _bernoulli_type(*, shape: Shape, p: float, stream: str) -> TensorType:
    check_chance(p, "bernoulli", "p")
    return TensorType(DType.bool, check_sizes(shape))


bernoulli = declare(
    Op(
        name="bernoulli",
        operands=(),
        infer=_bernoulli_type,
        attributes={
            "shape": Attribute("sizes", doc="the sizes of the result"),
            "p": Attribute("number", 0.5, "the probability of true"),
            "stream": _STREAM,
        },
        kernel=lambda k: _emit_hits(k, k.attrs["p"], k.out),
        random=True,
        doc="Truth values, each true with probability p, drawn anew at every step.",
        formula="true with probability p",
        derivative="none",
        example="y = bernoulli([2, 3], p = 0.1)",
    )
)


def _mask_type(x: TensorType, *, rate: float, stream: str) -> TensorType:
    check_chance(rate, "dropout_mask", "rate")
    if not check_tensor(x, "dropout_mask").dtype.is_float:
        raise Fault("E0203", f"'dropout_mask' needs floats, and found {x}", operand=0)
    return x


def _emit_mask(k: KernelCall) -> None:
    keep = 1 - k.attrs["rate"]
    hits = k.scratch(k.out_type.shape, DType.bool)
    _emit_hits(k, keep, hits)
    k.emit(f"multiply({hits}, {k.constant(np.array(1 / keep, k.out_type.dtype.numpy))}, {k.out})")


dropout_mask = declare(
    Op(
        name="dropout_mask",
        operands=("x",),
        infer=_mask_type,
        attributes={
            "rate": Attribute("number", 0.5, "the part that is 0"),
            "stream": _STREAM,
        },
        promotion="none",
        kernel=_emit_mask,
        random=True,
        doc="For each element of x, 0 with probability rate and else 1 / (1 - rate), so that the "
        "product with x keeps its mean.",
        formula="0 or 1 / (1 - rate)",
        derivative="none",
        example="y = x * dropout_mask(x, rate = 0.2)",
    )
)
