"""Normalisations: they subtract a mean and divide by a deviation.

All decompose into the same nodes, so that forward and reverse sweep share them once equal nodes
are merged.
"""

from __future__ import annotations

from graphdsl.graph.build import Expr
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Size, divide, product
from graphdsl.graph.types import TensorType
from graphdsl.ops.moments import centred
from graphdsl.ops.powers import sqrt, square
from graphdsl.ops.reduction import mean, sum_
from graphdsl.ops.rules import Axes, check_axis, check_rank, check_tensor
from graphdsl.ops.shape import reshape

_EPS = Attribute("number", 1e-5, "what is added to the variance")


def check_scale(x: TensorType, scale: TensorType, size: Size, name: str, operand: int) -> None:
    """Raises `Fault` E0201 unless `scale` is one number for each of `size` units or channels."""
    if scale.shape != (size,):
        raise Fault(
            "E0201",
            f"'{name}' of {x} needs {x.dtype}[{size}] here, and found {scale}",
            operand=operand,
        )


def _layer_type(x: TensorType, g: TensorType, b: TensorType, *, eps: float) -> TensorType:
    check_rank(x, 1, "layer_norm")
    for operand, scale in enumerate((g, b), 1):
        check_scale(x, scale, x.shape[-1], "layer_norm", operand)
    return x


def _standardized(x: Expr, axis: Axes, eps: float) -> tuple[Expr, Expr]:
    """(x - mean) / deviation, and the deviation, reduced axes kept."""
    distance = centred(x, axis)
    deviation = sqrt(mean(square(distance), axis=axis, keepdims=True) + eps)
    return distance / deviation, deviation


def _standardized_vjp(g: Expr, x: Expr, axis: Axes, eps: float) -> Expr:
    """The cotangent of x, from that of its standardized form."""
    unit, deviation = _standardized(x, axis, eps)
    along = mean(g * unit, axis=axis, keepdims=True)
    return (g - mean(g, axis=axis, keepdims=True) - unit * along) / deviation


layer_norm = declare(
    Op(
        name="layer_norm",
        operands=("x", "g", "b"),
        infer=_layer_type,
        attributes={"eps": _EPS},
        promotion="float",
        vjp=(
            lambda h, y, x, g, b, *, eps: _standardized_vjp(h * g, x, -1, eps),
            lambda h, y, x, g, b, *, eps: h * _standardized(x, -1, eps)[0],
            lambda h, y, x, g, b, *, eps: h,
        ),
        decompose=lambda x, g, b, *, eps: _standardized(x, -1, eps)[0] * g + b,
        doc="Each row, along the last axis, at mean 0 and variance 1, times g plus b (Ba, Kiros & "
        "Hinton, 2016).",
        formula="g (x - m) / √(mean (x - m)² + eps) + b, m = mean x",
        derivative="with u = (x - m) / σ and h the cotangent: (hg - mean hg - u mean(hg u)) / σ, "
        "h u and h",
        example="y = layer_norm(x, g, b)",
    )
)


def _rms_type(x: TensorType, g: TensorType, *, eps: float) -> TensorType:
    check_rank(x, 1, "rms_norm")
    check_scale(x, g, x.shape[-1], "rms_norm", 1)
    return x


def _scaled(x: Expr, eps: float) -> tuple[Expr, Expr]:
    size = sqrt(mean(square(x), axis=-1, keepdims=True) + eps)
    return x / size, size


def _rms_vjp(h: Expr, y: Expr, x: Expr, g: Expr, *, eps: float) -> Expr:
    (unit, size), part = _scaled(x, eps), h * g
    return (part - unit * mean(part * unit, axis=-1, keepdims=True)) / size


rms_norm = declare(
    Op(
        name="rms_norm",
        operands=("x", "g"),
        infer=_rms_type,
        attributes={"eps": _EPS},
        promotion="float",
        vjp=(_rms_vjp, lambda h, y, x, g, *, eps: h * _scaled(x, eps)[0]),
        decompose=lambda x, g, *, eps: _scaled(x, eps)[0] * g,
        doc="Each row, along the last axis, divided by its root mean square, times g (Zhang & "
        "Sennrich, 2019).",
        formula="g x / √(mean x² + eps)",
        derivative="with u = x / r and h the cotangent: (hg - u mean(hg u)) / r and h u",
        example="y = rms_norm(x, g)",
    )
)


def _batch_type(
    x: TensorType,
    m: TensorType,
    v: TensorType,
    g: TensorType,
    b: TensorType,
    *,
    axis: int,
    eps: float,
) -> TensorType:
    at = check_axis(axis, check_tensor(x, "batch_norm"))
    for operand, scale in enumerate((m, v, g, b), 1):
        check_scale(x, scale, x.shape[at], "batch_norm", operand)
    return x


def _along(scale: Expr, x: Expr, axis: int) -> Expr:
    """A number for each channel, beside the other axes of x."""
    after = x.type.rank - 1 - axis % x.type.rank
    return reshape(scale, shape=(*scale.type.shape, *[1] * after)) if after else scale


def _batch_norm(x: Expr, m: Expr, v: Expr, g: Expr, b: Expr, *, axis: int, eps: float) -> Expr:
    scale = g / sqrt(v + eps)
    return (x - _along(m, x, axis)) * _along(scale, x, axis) + _along(b, x, axis)


def _others(x: Expr, axis: int) -> tuple[int, ...]:
    return tuple(a for a in range(x.type.rank) if a != axis % x.type.rank)


def _batch_x(h: Expr, y: Expr, x: Expr, *scales: Expr, axis: int, eps: float) -> Expr:
    _, v, g, _ = scales
    return h * _along(g / sqrt(v + eps), x, axis)


def _batch_m(h: Expr, y: Expr, x: Expr, *scales: Expr, axis: int, eps: float) -> Expr:
    _, v, g, _ = scales
    return -(sum_(h, axis=_others(x, axis)) * (g / sqrt(v + eps)))


def _products(h: Expr, x: Expr, m: Expr, axis: int) -> Expr:
    return sum_(h * (x - _along(m, x, axis)), axis=_others(x, axis))


def _batch_v(h: Expr, y: Expr, x: Expr, *scales: Expr, axis: int, eps: float) -> Expr:
    m, v, g, _ = scales
    return -0.5 * _products(h, x, m, axis) * (g / sqrt(v + eps)) / (v + eps)


def _batch_g(h: Expr, y: Expr, x: Expr, *scales: Expr, axis: int, eps: float) -> Expr:
    m, v, _, _ = scales
    return _products(h, x, m, axis) / sqrt(v + eps)


def _batch_b(h: Expr, y: Expr, x: Expr, *scales: Expr, axis: int, eps: float) -> Expr:
    return sum_(h, axis=_others(x, axis))


batch_norm = declare(
    Op(
        name="batch_norm",
        operands=("x", "m", "v", "g", "b"),
        infer=_batch_type,
        attributes={"axis": Attribute("axis", 1, "the axis of the channels"), "eps": _EPS},
        promotion="float",
        vjp=(_batch_x, _batch_m, _batch_v, _batch_g, _batch_b),
        decompose=_batch_norm,
        domain=((-3.0, 3.0), (-3.0, 3.0), (0.3, 3.0), (-3.0, 3.0)),
        doc="Each channel, of mean m and variance v, at mean 0 and variance 1, times g plus b "
        "(Ioffe & Szegedy, 2015).",
        formula="g (x - m) / √(v + eps) + b",
        derivative="with h the cotangent, σ = √(v + eps), sums over all axes but the channels': "
        "h g / σ, -Σ h g / σ, -Σ h (x - m) g / (2 σ³), Σ h (x - m) / σ, Σ h",
        example="y = batch_norm(x, m, v, g, b)",
    )
)


def _group_type(
    x: TensorType, g: TensorType, b: TensorType, *, groups: int, eps: float
) -> TensorType:
    check_rank(x, 2, "group_norm")
    if groups < 1 or divide(x.shape[1], groups) is None:
        raise Fault(
            "E0216", f"{groups} groups do not divide the {x.shape[1]} channels of {x}", operand=0
        )
    for operand, scale in enumerate((g, b), 1):
        check_scale(x, scale, x.shape[1], "group_norm", operand)
    return x


def _group_norm(x: Expr, g: Expr, b: Expr, *, groups: int, eps: float) -> Expr:
    unit = reshape(_standardized(_grouped(x, groups), -1, eps)[0], shape=x.type.shape)
    return unit * _along(g, x, 1) + _along(b, x, 1)


def _grouped(x: Expr, groups: int) -> Expr:
    rows = x.type.shape[0]
    size = divide(product(x.type.shape[1:]), groups)
    return reshape(x, shape=(rows, groups, -1 if size is None else size))


def _group_x(h: Expr, y: Expr, x: Expr, g: Expr, b: Expr, *, groups: int, eps: float) -> Expr:
    part = _grouped(h * _along(g, x, 1), groups)
    made = _standardized_vjp(part, _grouped(x, groups), -1, eps)
    return reshape(made, shape=x.type.shape)


def _group_g(h: Expr, y: Expr, x: Expr, g: Expr, b: Expr, *, groups: int, eps: float) -> Expr:
    unit = reshape(_standardized(_grouped(x, groups), -1, eps)[0], shape=x.type.shape)
    return sum_(h * unit, axis=_others(x, 1))


def _group_b(h: Expr, y: Expr, x: Expr, g: Expr, b: Expr, *, groups: int, eps: float) -> Expr:
    return sum_(h, axis=_others(x, 1))


group_norm = declare(
    Op(
        name="group_norm",
        operands=("x", "g", "b"),
        infer=_group_type,
        attributes={"groups": Attribute("int", doc="how many groups of channels"), "eps": _EPS},
        promotion="float",
        vjp=(_group_x, _group_g, _group_b),
        decompose=_group_norm,
        doc="Each row's groups of channels, axis 1, at mean 0 and variance 1, times g plus b for "
        "each channel (Wu & He, 2018).",
        formula="g (x - m) / √(mean (x - m)² + eps) + b, m = mean x, in each group",
        derivative="as layer_norm's, in each group",
        example="y = group_norm(x, g, b, groups = 2)",
    )
)
