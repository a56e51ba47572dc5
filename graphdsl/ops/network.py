"""The softmax family and losses. A loss has one value for each row, so that a mean over a batch
is written where it is meant.

All decompose into the same nodes, so that forward and reverse sweep share them once equal nodes
are merged.
"""

from __future__ import annotations

from graphdsl.graph.build import Expr
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.types import TensorType
from graphdsl.ops.extrema import exponentials
from graphdsl.ops.functions import exp, ln
from graphdsl.ops.picking import put_along, take_along
from graphdsl.ops.powers import square
from graphdsl.ops.reduction import count, kept, sum_
from graphdsl.ops.rules import Axes, broadcast, check_axes, check_rank, check_tensor
from graphdsl.ops.shape import expand, reshape

_AXIS = {"axis": Attribute("axes", -1, "the axis or axes that sum to 1")}


def _normalised(x: TensorType, *, axis: Axes) -> TensorType:
    check_axes(axis, check_tensor(x, "softmax"))
    return x


def _softmax(x: Expr, *, axis: Axes) -> Expr:
    _, shifted, total = exponentials(x, axis)
    return exp(shifted) / total


softmax = declare(
    Op(
        name="softmax",
        operands=("x",),
        infer=_normalised,
        attributes=_AXIS,
        promotion="float",
        vjp=(lambda g, y, x, *, axis: y * (g - sum_(g * y, axis=axis, keepdims=True)),),
        decompose=_softmax,
        doc="Exponentials divided by their sum along an axis: probabilities from logits; 0 at -inf "
        "and nan all along where one is nan or inf, or all are -inf.",
        formula="e^xᵢ / Σⱼ e^xⱼ",
        derivative="y (g - Σ g y)",
        example="p = softmax(x)",
    )
)


def _log_softmax(x: Expr, *, axis: Axes) -> Expr:
    _, shifted, total = exponentials(x, axis)
    return shifted - ln(total)


log_softmax = declare(
    Op(
        name="log_softmax",
        operands=("x",),
        infer=_normalised,
        attributes=_AXIS,
        promotion="float",
        vjp=(
            lambda g, y, x, *, axis: g - softmax(x, axis=axis) * sum_(g, axis=axis, keepdims=True),
        ),
        decompose=_log_softmax,
        doc="The logarithm of softmax, without its loss of digits; -inf at -inf, nan where softmax "
        "is.",
        formula="xᵢ - ln Σⱼ e^xⱼ",
        derivative="g - softmax(x) Σ g",
        example="y = log_softmax(x)",
    )
)


def _row_losses(z: TensorType, y: TensorType, *, smoothing: float) -> TensorType:
    if not 0 <= smoothing <= 1:
        raise Fault(
            "E0216",
            f"the smoothing of 'cross_entropy' is from 0 to 1, not {smoothing}",
            attribute="smoothing",
        )
    check_rank(z, 1, "cross_entropy")
    if not z.dtype.is_float:
        raise Fault(
            "E0203", f"'cross_entropy' needs logits that are floats, and found {z}", operand=0
        )
    rows = z.shape[:-1]
    if y.dtype.is_integer and not y.weak:
        if y.shape != rows:
            expected = f"{y.dtype}[{', '.join(map(str, rows))}]"
            raise Fault(
                "E0201",
                f"'cross_entropy' of logits {z} needs labels {expected}, and found {y}",
                operand=1,
                help="a label is the number of its class; one-hot rows have to be floats",
            )
    elif y.dtype is not z.dtype or y.shape != z.shape:
        raise Fault(
            "E0203",
            f"'cross_entropy' of logits {z} needs labels of type i64, or probabilities {z}, "
            f"and found {y}",
            operand=1,
            help="cast(y, i64) makes labels of whole numbers",
        )
    return z.with_shape(rows)


def _cross_entropy(z: Expr, y: Expr, *, smoothing: float) -> Expr:
    _, shifted, total = exponentials(z, -1)
    spread = reshape(ln(total), shape=z.type.shape[:-1])
    if y.type.dtype.is_float:
        loss = spread * sum_(y, axis=-1, keepdims=False) - sum_(
            y * shifted, axis=-1, keepdims=False
        )
    else:
        loss = spread - take_along(shifted, y, axis=-1)
    if not smoothing:
        return loss
    alike = spread - sum_(shifted, axis=-1, keepdims=False) / count(z, -1)
    return (1 - smoothing) * loss + smoothing * alike


def _logits_vjp(g: Expr, loss: Expr, z: Expr, y: Expr, *, smoothing: float) -> Expr:
    own = (1 - smoothing) * g if smoothing else g
    rows = reshape(own, shape=(*g.type.shape, 1))
    p = softmax(z, axis=-1)
    if y.type.dtype.is_float:
        slope = rows * (p * sum_(y, axis=-1, keepdims=True) - y)
    else:
        slope = p * rows - put_along(own, y, size=z.type.shape[-1], axis=z.type.rank - 1)
    if not smoothing:
        return slope
    return slope + reshape(smoothing * g, shape=rows.type.shape) * (p - 1 / count(z, -1))


def _target_vjp(g: Expr, loss: Expr, z: Expr, y: Expr, *, smoothing: float) -> Expr:
    return -(expand((1 - smoothing) * g, axis=-1) * log_softmax(z, axis=-1))


cross_entropy = declare(
    Op(
        name="cross_entropy",
        operands=("z", "y"),
        infer=_row_losses,
        attributes={
            "smoothing": Attribute("number", 0.0, "the part given to all classes alike"),
        },
        promotion="none",
        vjp=(_logits_vjp, _target_vjp),
        decompose=_cross_entropy,
        doc="For each row, minus the logarithm of the probability that logits z give to label y; "
        "y may also be rows of probabilities. Smoothing s takes y (1 - s) + s / classes for y.",
        formula="-ln softmax(z)[y]",
        derivative="g (softmax(z) - one_hot(y)) for z, -g log_softmax(z) for probabilities y",
        example="loss J = mean(cross_entropy(z, labels))",
    )
)


def _row_errors(a: TensorType, b: TensorType) -> TensorType:
    both = broadcast(a, b)
    return check_tensor(both, "mse").with_shape(both.shape[:1])


def _inner(x: Expr) -> tuple[int, ...]:
    return tuple(range(1, x.type.rank))


def _mse(a: Expr, b: Expr) -> Expr:
    squares = square(a - b)
    axes = _inner(squares)
    return sum_(squares, axis=axes) / count(squares, axes) if axes else squares


def _mse_vjp(g: Expr, y: Expr, a: Expr, b: Expr) -> Expr:
    difference = a - b
    axes = _inner(difference)
    return difference * kept(2 * g / count(difference, axes), difference, axes)


mse = declare(
    Op(
        name="mse",
        operands=("a", "b"),
        infer=_row_errors,
        promotion="float",
        vjp=(_mse_vjp, lambda g, y, a, b: -_mse_vjp(g, y, a, b)),
        decompose=_mse,
        doc="For each row, the mean of the squared differences over the axes after the first.",
        formula="Σ (a - b)² / n",
        derivative="2 g (a - b) / n and minus that",
        example="loss J = mean(mse(a, b))",
    )
)
